"""`mda evaluate flying-points` end to end, on tiny data sets in each layout."""

import json

import pytest

from tests.unit.evaluation.edge_data import (
    averaged,
    box_depth,
    write_diode,
    write_ibims,
    write_predictions,
    write_sintel,
)


@pytest.fixture
def data(tmp_path):
    for write in (write_ibims, write_sintel, write_diode):
        write(tmp_path / "data")
    return tmp_path / "data"


def results_of(folder):
    content = json.loads((folder / "results.json").read_text())
    return content, {
        (found["dataset"], found["setting"]["filter"], found["setting"]["coverage"]): found["metrics"]
        for found in content["summaries"]
    }


def test_predictions_of_other_programs_on_each_data_set(command, data, tmp_path):
    found = {}
    for name, depth in (("exact", box_depth()), ("averaged", averaged(box_depth()))):
        write_predictions(tmp_path / name, 5 * depth)
        arguments = ["--data", data, "--predictions", tmp_path / name, "--partial", "--coverage", 1, 0.85]
        result = command("evaluate", "flying-points", *arguments, "--out", tmp_path / f"{name}_out")
        assert result.code == 0, result.err
        assert "flying, own" in result.out
        content, found[name] = results_of(tmp_path / f"{name}_out")
        assert content["complete"] is False
        assert (tmp_path / f"{name}_out" / "coverage.png").read_bytes().startswith(b"\x89PNG")
        assert [d["found_frames"] for d in content["datasets"]] == [2, 2, 2]
    for dataset in ("ibims", "sintel", "diode"):
        exact, flying = (found[name][dataset, "none", "1"] for name in ("exact", "averaged"))
        assert exact["flying_own_surfaces"]["value"] == 0
        assert flying["flying_own_surfaces"]["value"] > 0.95
        assert exact["boundary_f1_moge_r1"]["value"] == pytest.approx(1)
        assert exact["edge_chamfer_relative_scale_aligned"]["value"] == pytest.approx(0, abs=1e-3)
        assert found["averaged"][dataset, "smoothness", "0.85"]["edge_coverage"]["value"] < 0.1


def test_a_model_is_predicted_and_scored_with_its_confidence(command, data, weights, tmp_path):
    arguments = ["--data", data, "--model", "mda_mini", "--checkpoint", weights, "--size", 64, "--partial"]
    arguments += ["--datasets", "ibims", "--by", "confidence", "mass", "--coverage", 1, 0.9]
    result = command("evaluate", "flying-points", *arguments, "--out", tmp_path / "out")
    assert result.code == 0, result.err
    _, found = results_of(tmp_path / "out")
    assert set(found) == {("ibims", "none", "1"), ("ibims", "confidence", "0.9"), ("ibims", "mass", "0.9")}
    assert found["ibims", "confidence", "0.9"]["coverage"]["value"] == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize(("option", "value"), [("--coverage", "1.5"), ("--coverage", "0"), ("--by", "magic")])
def test_impossible_options_are_refused(command, data, option, value):
    result = command("evaluate", "flying-points", "--data", data, "--predictions", data, option, value)
    assert result.code == 2
    assert option in result.err
