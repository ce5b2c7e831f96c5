"""Errors planted in the true depth: each metric reacts as its definition says, and the others do not."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "planted_errors.py"


@pytest.fixture(scope="module")
def planted():
    spec = importlib.util.spec_from_file_location("planted_errors", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted_errors"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["planted_errors"]


@pytest.fixture(scope="module")
def found(planted):
    return {name: planted.measured(plant(planted.true_depth())) for name, plant in planted.ERRORS.items()}


RATES = ("flying_true_surfaces_t05_r0_scale_aligned", "flying_own_surfaces")
WRONG = ("wrong_side_true_surfaces_t05_r0_scale_aligned", "wrong_side_own_surfaces")
PERFECT_AT_ONE = ("delta1", "edge_coverage", "right_of_all_own_surfaces", "boundary_f1_depth_pro")
PERFECT_AT_ONE += ("boundary_f1_moge_r1", "edge_f1_r1", "thin_recalled")


@pytest.mark.parametrize("error", ["none", "everything twice as far"])
def test_no_metric_reacts_to_nothing_or_to_scale(found, error):
    for name, value in found[error].items():
        assert value == pytest.approx(1.0 if name in PERFECT_AT_ONE else 0.0, abs=1e-5), name


@pytest.mark.parametrize("error", ["blur of 3x3", "mean of both surfaces at edges"])
def test_depths_between_the_surfaces_fly_and_are_on_no_side(found, error):
    for name in RATES:
        assert found[error][name] > 0.9
    for name in WRONG:
        assert found[error][name] == 0
    assert found[error]["edges acc"] > 0.3
    assert found[error]["soft_edge_error_scale_aligned"] > 0.1
    assert found[error]["right_of_all_own_surfaces"] < 0.1
    assert found[error]["edge_coverage"] == 1
    assert found[error]["abs_rel"] < 0.02  # a hundredth of the picture: what averages over pixels hardly sees it


def test_swapped_sides_are_wrong_and_do_not_fly(found):
    error = found["sides swapped at edges"]
    for name in RATES:
        assert error[name] == 0
    for name in WRONG:
        assert error[name] == 1
    assert error["edges acc"] < 0.05  # every point lies on a surface
    assert error["right_of_all_own_surfaces"] == 0


def test_moved_edges_are_wrong_the_farther_the_more_and_do_not_fly(found):
    near, far = found["edges moved by 1 px"], found["edges moved by 3 px"]
    for name in RATES:
        assert near[name] == far[name] == 0
    for name in (*WRONG, "abs_rel", "depth_boundary_accuracy_px", "edges comp"):
        assert 0 < near[name] < far[name], name
    assert near["edge_f1_r1"] == 1  # matched within one pixel
    assert far["edge_f1_r1"] < 0.6
    assert far["thin_recalled"] == 0


def test_deleted_edges_do_not_fly_but_cost_coverage_and_recall(found):
    error = found["edge pixels deleted"]
    for name in (*RATES, *WRONG):
        assert math.isnan(error[name]), name  # of nothing, and not 0
    for name in ("edge_coverage", "right_of_all_own_surfaces", "edge_f1_r1", "boundary_f1_moge_r1", "thin_recalled"):
        assert error[name] == 0, name
    for name in ("abs_rel", "edges acc", "all acc"):
        assert math.isnan(error[name]), name  # refused: those benchmarks score every pixel


def test_noise_away_from_edges_costs_depth_and_not_edges(found):
    error = found["noise of 2 % away from edges"]
    assert error["abs_rel"] > 0.01
    for name in (*RATES, *WRONG):
        assert error[name] == 0, name
    assert error["right_of_all_own_surfaces"] == 1
    assert error["edges acc"] < 0.005


def test_the_table_holds_every_metric_and_error(planted, found, monkeypatch):
    monkeypatch.setattr(
        planted, "measured", lambda prediction: found["edge pixels deleted" if np.isnan(prediction).any() else "none"]
    )
    lines = planted.table().splitlines()
    assert len(lines) == 2 + len(planted.columns())
    assert all(line.count("|") == len(planted.ERRORS) + 2 for line in lines)
    assert "| AbsRel % | 0.00 | 0.00 |" in lines[2]
    assert "| - |" in lines[2]
