import torch

from mda.metrics import EdgeTruth
from tests.unit.metrics.step_scene import BACK, FRONT, STEP, skyline_truth, step_truth


def test_edges_and_surfaces_of_a_step():
    truth = step_truth()
    columns = truth.edge[0].all(0).nonzero().flatten().tolist()
    assert columns == [STEP - 1, STEP]
    assert truth.edge.sum() == 2 * truth.depth.shape[-2]
    assert truth.front[truth.edge].unique().tolist() == [FRONT]
    assert truth.back[truth.edge].unique().tolist() == [BACK]


def test_the_pixel_centre_tells_the_side():
    truth = step_truth()
    assert truth.on_front[0, :, STEP - 1].all()
    assert truth.on_front.sum() == truth.depth.shape[-2]


def test_interior_is_all_but_the_edges():
    truth = step_truth()
    columns = truth.interior[0].all(0).nonzero().flatten().tolist()
    assert columns == [*range(STEP - 1), *range(STEP + 1, truth.depth.shape[-1])]


def test_surroundings_carry_the_local_surfaces_along():
    truth = step_truth()
    near, front, back = truth.surroundings(1)
    assert near[0].all(0).nonzero().flatten().tolist() == list(range(STEP - 2, STEP + 2))
    assert front[near].unique().tolist() == [FRONT]
    assert back[near].unique().tolist() == [BACK]


def test_skyline_is_marked_on_both_sides_and_is_no_edge():
    truth, sky = skyline_truth()
    assert truth.skyline[0].all(-1).nonzero().flatten().tolist() == [5, 6]
    assert not truth.edge.any()
    assert not truth.interior[:, :7].any()
    assert truth.interior[:, 7:].all()
    assert not (truth.interior & sky).any()


def test_invalid_pixels_are_on_no_surface():
    depth = torch.tensor([[1.0, 1.0, 3.0, 3.0]]).repeat(3, 1)[None]
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[0, 1] = False
    depth[0, 1] = 100.0
    truth = EdgeTruth.from_depth(depth, valid)
    assert not truth.edge[0, 1].any()
    assert truth.back[truth.edge].unique().tolist() == [3.0]
