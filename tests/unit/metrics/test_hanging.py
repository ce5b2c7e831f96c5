import torch

from mda.metrics import hanging_points
from tests.unit.metrics.step_scene import HEIGHT, averaged_at_edges, step_depth, step_truth

ALL = torch.ones(1, 12, 24, dtype=torch.bool)


def test_clean_edges_hang_nowhere():
    assert not hanging_points(step_depth(), ALL).any()


def test_points_between_two_surfaces_hang():
    # The two averaged columns agree with each other, so each has a jump one way only: a wider ramp is needed.
    depth = averaged_at_edges(step_truth())
    assert not hanging_points(depth, ALL).any()
    depth[..., 11], depth[..., 12] = 2.6, 3.6
    found = hanging_points(depth, ALL)
    assert found.sum() == 2 * HEIGHT
    assert found[..., 11:13].all()


def test_scale_and_invalid_pixels_do_not_matter():
    depth = step_depth()
    depth[..., 11], depth[..., 12] = 2.6, 3.6
    valid = ALL.clone()
    valid[..., 13:] = False
    found = hanging_points(9 * depth, valid)
    assert found[..., 11].all()
    assert not found[..., 12:].any()


def test_gentle_slopes_do_not_hang():
    assert not hanging_points((1.02 ** torch.arange(24.0)).expand(1, 12, 24), ALL).any()
