"""`mda evaluate` end to end, on tiny data sets in the benchmarks' layouts."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def bonn(tmp_path):
    """Two sequences of Bonn with two frames each; depth 2 m on the left, 4 m on the right."""
    for name in ("balloon2", "crowd2"):
        folder = tmp_path / "data" / "bonn" / "rgbd_bonn_dataset" / f"rgbd_bonn_{name}"
        for part in ("rgb_110", "depth_110"):
            (folder / part).mkdir(parents=True)
        for number in range(2):
            depth = np.full((48, 64), 10_000, dtype=np.uint16)
            depth[:, 32:] = 20_000
            depth[:4] = 0
            image = np.random.default_rng(number).integers(0, 255, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(image).save(folder / "rgb_110" / f"{number}.50.png")
            Image.fromarray(depth).save(folder / "depth_110" / f"{number}.52.png")
    return tmp_path / "data"


def test_a_model_is_scored_and_the_second_time_nothing_is_done_again(command, bonn, weights, tmp_path):
    arguments = ["evaluate", "video-depth", "--data", bonn, "--model", "mda_mini", "--checkpoint", weights]
    arguments += ["--size", 64, "--partial", "--out", tmp_path / "out"]
    result = command(*arguments)
    assert result.code == 0, result.err
    assert "bonn: 2 scenes, 4 frames" in result.out
    assert "INCOMPLETE" in result.out
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [s["setting"]["align"] for s in results["summaries"]] == ["metric", "scale", "scale&shift", "median"]
    assert results["summaries"][0]["metrics"]["abs_rel"]["count"] == 4 * 44 * 64
    assert results["about_model"]["model"] == results["model"]
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("0*.npy")}
    assert len(made) >= 4
    assert command(*arguments).code == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("0*.npy")} == made


def test_predictions_of_other_programs_are_scored(command, bonn, tmp_path):
    (tmp_path / "mine" / "bonn").mkdir(parents=True)
    depth = np.full((2, 48, 64), 1.0, dtype=np.float32)
    depth[:, :, 32:] = 2.0
    for name in ("balloon2", "crowd2"):
        np.savez(tmp_path / "mine" / "bonn" / f"{name}.npz", depth=depth)
    result = command("evaluate", "video-depth", "--data", bonn, "--predictions", tmp_path / "mine", "--partial")
    assert result.code == 0, result.err
    (file,) = (tmp_path / "here" / "eval_results").rglob("results.json")
    results = json.loads(file.read_text())
    assert results["model"] == "mine"
    found = {s["setting"]["align"]: s["metrics"]["abs_rel"]["value"] for s in results["summaries"]}
    assert found["metric"] == pytest.approx(0.5)
    assert found["scale"] == pytest.approx(0, abs=1e-6)
    assert found["median"] == pytest.approx(0, abs=1e-6)


def test_shards_of_the_command_line_join(command, bonn, tmp_path):
    (tmp_path / "mine" / "bonn").mkdir(parents=True)
    for seed, name in enumerate(("balloon2", "crowd2")):
        depth = np.random.default_rng(seed).uniform(1, 4, (2, 48, 64))
        np.savez(tmp_path / "mine" / "bonn" / f"{name}.npz", depth=depth)
    arguments = ["evaluate", "video-depth", "--data", bonn, "--predictions", tmp_path / "mine", "--partial"]
    assert command(*arguments, "--out", tmp_path / "whole").code == 0
    for shard in ("2/2", "1/2"):
        assert command(*arguments, "--out", tmp_path / "parts", "--shard", shard).code == 0
    assert command(*arguments, "--out", tmp_path / "parts").code == 0
    whole, parts = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("whole", "parts"))
    assert whole["summaries"] == parts["summaries"]
    assert whole["scenes"] == parts["scenes"]


def test_what_cannot_work_is_told_in_one_line(command, bonn, tmp_path):
    arguments = ["evaluate", "video-depth", "--data", bonn, "--model", "mda_mini"]
    incomplete = command("evaluate", "video-depth", "--data", bonn, "--predictions", tmp_path / "none")
    assert incomplete.code == 2
    assert "holds 2 scenes with 4 frames of bonn; expected 5 with 550" in incomplete.err
    absent = command("evaluate", "video-depth", "--data", bonn, "--predictions", tmp_path / "none", "--partial")
    assert absent.code == 2
    assert "There is no prediction at" in absent.err
    assert command("evaluate", "video-depth", "--data", bonn).code == 2
    assert "has no data set 'x'" in command(*arguments, "--datasets", "x").err
    assert "expected K/N" in command(*arguments, "--shard", "3/2").err
    image = bonn / "bonn" / "rgbd_bonn_dataset" / "rgbd_bonn_crowd2" / "rgb_110" / "0.50.png"
    image.unlink()
    assert "1 images and 2 depth maps" in command(*arguments, "--partial").err
