"""Planted errors: each metric reacts as its definition says, and those that should not react do not."""

import math

import numpy as np
import pytest

from tests.unit.evaluation.edge_data import BACK, FRONT, averaged, box_depth
from tests.unit.evaluation.test_flying_points import TRUE, Given, mean_of, unfiltered

FLYING = "flying_true_surfaces_t05_r0_scale_aligned"
WRONG = "wrong_side_true_surfaces_t05_r0_scale_aligned"
PERFECT = {
    FLYING: 0.0,
    WRONG: 0.0,
    "flying_own_surfaces": 0.0,
    "wrong_side_own_surfaces": 0.0,
    "right_of_all_own_surfaces": 1.0,
    "soft_edge_error_scale_aligned": 0.0,
    "boundary_f1_depth_pro": 1.0,
    "boundary_f1_moge_r1": 1.0,
    "boundary_f1_moge_r3": 1.0,
    "depth_boundary_accuracy_px": 0.0,
    "depth_boundary_completeness_px": 0.0,
    "edge_f1_r1": 1.0,
    "edge_f1_r3": 1.0,
    "edge_chamfer_relative_scale_aligned": 0.0,
    "edge_coverage": 1.0,
}


def shifted(pixels):
    return np.roll(box_depth(), pixels, axis=1)


def swapped():
    depth = box_depth()
    return np.where(averaged(depth) == 3.0, FRONT * BACK / depth, depth)


def deleted():
    depth = box_depth()
    return np.where(averaged(depth) == 3.0, np.nan, depth)


def blurred():
    padded = np.pad(box_depth(), 1, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).mean((2, 3))


def reactions(depth):
    """Metrics that are not perfect, with their values."""
    score = unfiltered(TRUE, Given([depth] * 2))
    found = {name: mean_of(score, name) for name in PERFECT}
    return {name: value for name, value in found.items() if not math.isclose(value, PERFECT[name], abs_tol=1e-4)}


def test_nothing_reacts_to_the_truth_or_to_another_scale():
    assert reactions(box_depth()) == reactions(7 * box_depth()) == {}


def test_edges_moved_by_one_pixel():
    found = reactions(shifted(1))
    # No point hangs anywhere, and either surface is free for the soft edge error; edges within a pixel are found.
    assert not {FLYING, "flying_own_surfaces", "soft_edge_error_scale_aligned", "edge_f1_r1", "edge_coverage"} & set(
        found
    )
    # One of the two columns on each upright side of the box is on the other side now.
    assert found[WRONG] == pytest.approx(2 * 22 / (2 * (2 * 22 + 2 * 26)), abs=0.03)
    assert found["depth_boundary_accuracy_px"] == pytest.approx(22 / (22 + 26), abs=0.15)
    assert 0 < found["boundary_f1_depth_pro"] < 0.75
    assert found["boundary_f1_moge_r1"] < found["boundary_f1_moge_r3"] < 1


def test_edges_moved_further_are_missed_by_more():
    one, four = reactions(shifted(1)), reactions(shifted(4))
    assert four["depth_boundary_accuracy_px"] > one["depth_boundary_accuracy_px"] + 0.5
    assert four["edge_f1_r1"] < 0.8
    assert four["edge_f1_r3"] < 1
    assert four["edge_chamfer_relative_scale_aligned"] > one["edge_chamfer_relative_scale_aligned"]
    assert FLYING not in four


def test_the_mean_of_both_surfaces():
    found = reactions(averaged(box_depth()))
    assert found[FLYING] == 1
    assert found["flying_own_surfaces"] > 0.99
    assert found["soft_edge_error_scale_aligned"] == pytest.approx(math.log(BACK / 3), rel=0.01)
    assert not {WRONG, "wrong_side_own_surfaces", "edge_coverage", "edge_f1_r1"} & set(found)


def test_blur_makes_points_fly_over_the_edge_and_beside_it():
    found = reactions(blurred())
    assert found[FLYING] > 0.95
    assert found["soft_edge_error_scale_aligned"] > 0.1
    assert "edge_coverage" not in found


def test_swapped_sides():
    found = reactions(swapped())
    assert found[WRONG] == 1
    assert found["wrong_side_own_surfaces"] > 0.99
    assert not {FLYING, "flying_own_surfaces", "soft_edge_error_scale_aligned"} & set(found)
    assert found["right_of_all_own_surfaces"] < 0.01


def test_deleted_edge_pixels():
    found = reactions(deleted())
    assert found["edge_coverage"] == 0
    # There is nothing to fly, to be wrong or to be near: those are of nothing.
    for name in (FLYING, WRONG, "flying_own_surfaces", "soft_edge_error_scale_aligned"):
        assert math.isnan(found[name]), name
    # Everything that asks what was found says that it was not.
    for name in ("right_of_all_own_surfaces", "boundary_f1_depth_pro", "edge_f1_r1", "edge_f1_r3"):
        assert found[name] == 0, name
