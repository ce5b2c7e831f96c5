"""`mda evaluate calibration` end to end, on a tiny data set, and the factor put to use."""

import json

import pytest

from tests.unit.evaluation.edge_data import box_depth, write_ibims, write_layered, write_predictions


def test_densities_of_a_model_are_scored_and_the_factor_can_be_used(command, predict, photos, weights, tmp_path):
    write_ibims(tmp_path / "data")
    arguments = ["--data", tmp_path / "data", "--model", "mda_mini", "--checkpoint", weights, "--size", 64]
    out = tmp_path / "out"
    result = command("evaluate", "calibration", *arguments, "--partial", "--out", out)
    assert result.code == 0, result.err
    assert "factor of all scenes" in result.out
    summaries = json.loads((out / "results.json").read_text())["summaries"]
    before, after = ({name: m["value"] for name, m in summary["metrics"].items()} for summary in summaries)
    assert before["factor"] == 1
    assert after["nll_ln_depth_scale_aligned"] < before["nll_ln_depth_scale_aligned"]
    assert 0 < after["quantile_error"] < 0.5
    assert (out / "calibration.png").stat().st_size > 5000
    factor = before["factor_of_all"]
    assert predict(photos, "--out", tmp_path / "run", "--recalibration", factor).code == 0
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert settings["recalibration"] == pytest.approx(factor)


def test_predictions_without_densities_are_scored_as_far_as_they_go(command, tmp_path):
    write_ibims(tmp_path / "data")
    write_predictions(tmp_path / "theirs", box_depth())
    arguments = ["--data", tmp_path / "data", "--predictions", tmp_path / "theirs", "--partial"]
    result = command("evaluate", "calibration", *arguments)
    assert result.code == 0, result.err
    assert "| ibims | none | 2 |" in result.out


def test_ordered_points_of_glass_are_scored(command, tmp_path):
    write_layered(tmp_path / "data")
    write_predictions(tmp_path / "theirs", box_depth())
    arguments = ["--data", tmp_path / "data", "--predictions", tmp_path / "theirs", "--out", tmp_path / "out"]
    result = command("evaluate", "calibration", *arguments)
    assert result.code == 0, result.err
    (summary,) = json.loads((tmp_path / "out" / "results.json").read_text())["summaries"]
    assert summary["metrics"]["ordered_layer_first_pairs_all"]["value"] == 0.5
    assert summary["metrics"]["ordered_layer_first_pairs_all"]["count"] == 4
