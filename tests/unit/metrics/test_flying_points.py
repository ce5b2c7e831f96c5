import math

import pytest
import torch

from mda.metrics import flying_between_true_surfaces, nearer_to_other_true_surface, true_surface_sweep
from mda.metrics.flying_points import TOLERANCE
from tests.unit.metrics.step_scene import BACK, FRONT, HEIGHT, STEP, averaged_at_edges, step_depth, step_truth

EDGE_PIXELS = 2 * HEIGHT


def rates(depth, truth):
    return flying_between_true_surfaces(depth, truth).mean, nearer_to_other_true_surface(depth, truth).mean


def test_truth_neither_flies_nor_errs():
    truth = step_truth()
    assert rates(truth.depth, truth) == (0, 0)
    assert flying_between_true_surfaces(truth.depth, truth).tally.count == EDGE_PIXELS


def test_the_average_of_the_two_surfaces_always_flies():
    truth = step_truth(views=2)
    assert rates(averaged_at_edges(truth), truth) == (1, 0)


def test_an_edge_one_pixel_off_is_wrong_side_for_one_of_two_pixels():
    truth = step_truth()
    assert rates(step_depth(at=STEP + 1), truth) == (0, 0.5)
    assert rates(step_depth(at=STEP - 1), truth) == (0, 0.5)


def test_swapped_sides_are_all_wrong():
    truth = step_truth()
    assert rates(step_depth().flip(-1), truth) == (0, 1)


def test_points_beyond_both_surfaces_do_not_fly():
    truth = step_truth()
    beyond = torch.where(truth.on_front, FRONT / 2, BACK * 2) * torch.ones_like(truth.depth)
    assert rates(beyond, truth) == (0, 0)


@pytest.mark.parametrize(("offset", "flies"), [(0.9, False), (1.1, True)])
def test_tolerance_is_in_log_depth_at_both_surfaces(offset, flies):
    truth = step_truth()
    shift = math.exp(offset * TOLERANCE)
    assert bool(flying_between_true_surfaces(truth.depth * 0 + FRONT * shift, truth).values[truth.edge].all()) == flies
    assert bool(flying_between_true_surfaces(truth.depth * 0 + BACK / shift, truth).values[truth.edge].all()) == flies


def test_gaps_of_twice_the_tolerance_are_not_scored():
    truth = step_truth()
    gap = math.log(BACK / FRONT)
    assert flying_between_true_surfaces(truth.depth, truth, tolerance=0.51 * gap).tally.count == 0
    assert flying_between_true_surfaces(truth.depth, truth, tolerance=0.49 * gap).tally.count == EDGE_PIXELS


def test_radius_finds_points_beside_the_edge():
    truth = step_truth()
    depth = truth.depth.clone()
    depth[..., STEP + 1] = (FRONT + BACK) / 2
    assert flying_between_true_surfaces(depth, truth).mean == 0
    assert flying_between_true_surfaces(depth, truth, radius=1).mean == 0.25
    assert flying_between_true_surfaces(depth, truth, radius=2).tally.count == 6 * HEIGHT


@pytest.mark.parametrize("broken", [math.nan, math.inf, 0.0, -1.0])
def test_pixels_without_a_point_are_not_scored(broken):
    truth = step_truth()
    depth = truth.depth.clone()
    depth[0, 0, STEP] = broken
    assert flying_between_true_surfaces(depth, truth).tally.count == EDGE_PIXELS - 1
    assert nearer_to_other_true_surface(depth, truth).tally.count == EDGE_PIXELS - 1


def test_without_edges_there_is_no_rate():
    truth = step_truth()
    assert not math.isnan(rates(truth.depth, truth)[0])
    flat = type(truth).from_depth(truth.depth * 0 + 1, truth.valid)
    assert all(math.isnan(rate) for rate in rates(flat.depth, flat))


def test_wrong_side_within_a_radius_of_edges():
    truth = step_truth()
    depth = step_depth(at=STEP - 3)
    for radius, scored, wrong in ((0, 2, 1), (1, 4, 2), (2, 6, 3), (4, 10, 3)):
        found = nearer_to_other_true_surface(depth, truth, radius=radius).tally
        assert (found.count, found.sum) == (scored * HEIGHT, wrong * HEIGHT)
        assert flying_between_true_surfaces(depth, truth, radius=radius).mean == 0


def test_a_sweep_is_what_its_parts_are():
    generator = torch.Generator().manual_seed(0)
    truth = step_truth(views=2)
    depth = truth.depth * (0.3 * torch.randn(truth.depth.shape, generator=generator)).exp()
    depth[0, 0, 10:14] = torch.nan
    sweep = true_surface_sweep(depth, truth, tolerances=(0.02, 0.2), radii=(0, 1, 3))
    assert len(sweep) == 6
    for (tolerance, radius), rates in sweep.items():
        options = {"tolerance": tolerance, "radius": radius}
        assert rates.flying == flying_between_true_surfaces(depth, truth, **options).tally
        assert rates.wrong_side == nearer_to_other_true_surface(depth, truth, **options).tally
        assert 0 < rates.flying.sum < rates.flying.count
