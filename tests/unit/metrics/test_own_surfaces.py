import math

import pytest
import torch

from mda.metrics import EdgeNeighbourhoods, EdgeTruth, Tally, own_surface_scores
from tests.unit.metrics.step_scene import BACK, FRONT, HEIGHT, STEP, WIDTH, averaged_at_edges, step_depth, step_truth

EDGE_PIXELS = 2 * HEIGHT
NAMES = ("flying", "wrong_side", "right", "unresolved", "unscored")


def score(depth, truth):
    scores = own_surface_scores(depth, EdgeNeighbourhoods.of(truth))
    return {name: getattr(scores, name).tally for name in NAMES}


def test_truth_neither_flies_nor_errs():
    truth = step_truth()
    none, every = Tally(sum=0.0, count=EDGE_PIXELS), Tally(sum=float(EDGE_PIXELS), count=EDGE_PIXELS)
    assert score(truth.depth, truth) == dict.fromkeys(NAMES, none) | {"right": every}


def test_the_average_of_the_two_surfaces_always_flies():
    truth = step_truth(views=2)
    found = score(averaged_at_edges(truth), truth)
    assert found["flying"].mean == 1
    assert found["wrong_side"].mean == found["right"].mean == 0


def test_an_edge_one_pixel_off_is_wrong_side_and_does_not_fly():
    truth = step_truth()
    for at in (STEP - 1, STEP + 1):
        found = score(step_depth(at=at), truth)
        assert (found["flying"].mean, found["wrong_side"].mean, found["right"].mean) == (0, 0.5, 0.5)


def test_swapped_edge_pixels_are_all_wrong_side():
    truth = step_truth()
    swapped = torch.where(truth.edge, truth.front * truth.back / truth.depth, truth.depth)
    found = score(swapped, truth)
    assert (found["flying"].mean, found["wrong_side"].mean) == (0, 1)


def test_swapped_surfaces_are_unresolved():
    truth = step_truth()
    found = score(step_depth().flip(-1), truth)
    assert found["unresolved"].mean == 1
    assert found["right"].mean == 0
    assert found["flying"].count == 0


def test_global_errors_do_not_matter():
    truth = step_truth()
    averaged = averaged_at_edges(truth)
    half = torch.where(torch.rand_like(averaged) < 0.5, averaged, truth.depth)
    bent = 10 * half.sqrt()
    against_truth = score(half, truth)
    assert score(bent, truth)["flying"].sum == against_truth["flying"].sum > 0
    assert score(bent, truth)["wrong_side"] == against_truth["wrong_side"]


@pytest.mark.parametrize(
    ("place", "flies"), [(-1.0, 0), (0.19, 0), (0.21, 1), (0.5, 1), (0.79, 1), (0.81, 0), (2.0, 0)]
)
def test_flying_is_between_a_fifth_and_four_fifths_of_the_gap(place, flies):
    truth = step_truth()
    depth = torch.where(truth.edge, FRONT * (BACK / FRONT) ** place, truth.depth)
    assert score(depth, truth)["flying"].mean == flies


@pytest.mark.parametrize(("place", "wrong"), [(-1.0, 0.5), (0.19, 0.5), (0.21, 0), (0.79, 0), (0.81, 0.5), (2.0, 0.5)])
def test_wrong_side_is_at_or_beyond_the_ends_of_the_gap(place, wrong):
    truth = step_truth()
    depth = torch.where(truth.edge, FRONT * (BACK / FRONT) ** place, truth.depth)
    assert score(depth, truth)["wrong_side"].mean == wrong


@pytest.mark.parametrize(("gap", "unresolved"), [(1.09, 1), (1.11, 0), (0.5, 1)])
def test_own_gaps_below_a_tenth_are_counted_apart(gap, unresolved):
    truth = step_truth()
    found = score(torch.where(truth.depth == FRONT, 1.0, gap), truth)
    assert found["unresolved"] == Tally(sum=float(unresolved * EDGE_PIXELS), count=EDGE_PIXELS)
    assert found["flying"].count == (1 - unresolved) * EDGE_PIXELS


def test_a_surface_without_three_interior_pixels_is_unscored():
    depth = step_depth()
    valid = torch.ones_like(depth, dtype=torch.bool)
    valid[..., STEP + 1 :] = False
    truth = EdgeTruth.from_depth(depth, valid)
    found = score(depth, truth)
    assert found["unscored"] == Tally(sum=float(EDGE_PIXELS), count=EDGE_PIXELS)
    assert found["unresolved"].count == 0
    valid[0, :3, STEP + 1] = True
    # Three pixels at the top are within reach of the uppermost rows, on both sides of the edge.
    assert score(depth, EdgeTruth.from_depth(depth, valid))["unscored"].sum < EDGE_PIXELS


@pytest.mark.parametrize("broken", [math.nan, math.inf, 0.0, -1.0])
def test_a_pixel_without_a_point_is_unscored(broken):
    truth = step_truth()
    depth = truth.depth.clone()
    depth[0, 0, STEP] = broken
    depth[0, 5, 3] = broken
    found = score(depth, truth)
    assert found["unscored"].sum == 1
    assert found["flying"] == Tally(sum=0.0, count=EDGE_PIXELS - 1)


def test_a_third_surface_in_the_window_is_left_out():
    depth = step_depth()
    depth[..., STEP + 3 :] = 100.0
    valid = torch.ones_like(depth, dtype=torch.bool)
    truth = EdgeTruth.from_depth(depth, valid)
    around = EdgeNeighbourhoods.of(truth)
    first = around.windows.at(truth.back) == BACK
    assert first.any()
    assert not (around.back & (around.windows.of(depth) > BACK))[first].any()


def test_windows_do_not_wrap_around_rows_or_views():
    depth = torch.full((2, HEIGHT, WIDTH), FRONT)
    depth[0, :, -4:] = BACK
    depth[1] = BACK * 1.01
    truth = EdgeTruth.from_depth(depth, torch.ones_like(depth, dtype=torch.bool))
    around = EdgeNeighbourhoods.of(truth)
    view, _, column = torch.unravel_index(around.windows.neighbours[around.back | around.front], depth.shape)
    assert (view == 0).all()
    assert column.min() >= WIDTH - 4 - 1 - 5
    assert not (around.windows.of(truth.depth)[around.back] != BACK).any()
