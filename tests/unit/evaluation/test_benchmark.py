"""Both loops, on a benchmark that is made of nothing but arrays."""

import json
import math

import numpy as np
import pytest

from mda.errors import InputError, OutputError
from mda.evaluation.benchmark import Benchmark, Column, Dataset, Frame, FrameTruth, Scene, ViewSize, find_datasets
from mda.evaluation.predicting import predict_scenes
from mda.evaluation.report import Report, source_commit
from mda.evaluation.scores import SceneScores, SceneValue
from mda.evaluation.scoring import score_scenes, shard_of
from mda.metrics import Tally
from tests.eval_goldens import FakeModel

TRUTH = np.full((28, 42), 0.5, dtype=np.float32)


def frame(number):
    image = np.full((28, 42, 3), 10 * number, dtype=np.uint8)
    truth = FrameTruth(depth=TRUTH, mask=np.ones(TRUTH.shape, dtype=bool))
    return Frame(name=f"{number}.png", read_image=lambda: image, read_truth=lambda: truth)


def list_scenes(root, size):
    assert size.patch == 14
    return [
        Scene(dataset="toy", name=f"group/{path.name}", frames=tuple(frame(i) for i in range(2)))
        for path in root.iterdir()
    ]


def score(scene, variant, prediction):
    score.calls += 1
    errors = [np.abs(prediction.depth(i) - f.read_truth().depth) for i, f in enumerate(scene.frames)]
    tally = Tally(sum=float(np.sum(errors)), count=int(np.size(errors)))
    return [
        SceneScores(
            dataset=scene.dataset,
            scene=scene.name,
            setting={"variant": variant},
            tallies={"error": tally},
            values={"worst": SceneValue(value=float(np.max(errors))), "nothing": SceneValue(value=math.nan)},
            frames=len(scene.frames),
        )
    ]


@pytest.fixture
def toy(tmp_path):
    score.calls = 0
    for name in ("a", "b", "c"):
        (tmp_path / "data" / "toy" / name).mkdir(parents=True)
    dataset = Dataset(name="toy", folder="toy", list_scenes=list_scenes, scenes=3, frames=6)
    return Benchmark(
        name="toys",
        protocol="published",
        datasets=[dataset],
        score=score,
        columns=[Column(metric="error", header="error % ↓", factor=100.0), Column(metric="nothing", header="nothing")],
        variants={"clean": lambda images: images, "dark": lambda images: images * 0},
    )


@pytest.fixture
def scenes(toy, tmp_path):
    return find_datasets(toy, tmp_path / "data", ViewSize())[0].scenes


def test_both_loops_resume_at_the_scene(toy, scenes, tmp_path):
    model, out = FakeModel(), tmp_path / "out"
    predict_scenes(toy, scenes[:2], model, out / "predictions")
    assert model.looked_at == 4
    predict_scenes(toy, scenes, model, out / "predictions")
    assert model.looked_at == 6
    first = score_scenes(toy, scenes, out / "predictions", out, model="fake")
    assert score.calls == 6
    again = score_scenes(toy, scenes, out / "predictions", out, model="fake")
    assert score.calls == 6
    assert repr(again) == repr(first)
    half_written = out / "scores" / "dark" / "toy" / "group_b.json"
    half_written.write_text(half_written.read_text()[:100])
    assert repr(score_scenes(toy, scenes, out / "predictions", out, model="fake")) == repr(first)
    assert score.calls == 7


def test_shards_merge_to_what_one_pass_gives(toy, scenes, tmp_path):
    predict_scenes(toy, scenes, FakeModel(), tmp_path / "predictions")
    whole = score_scenes(toy, scenes, tmp_path / "predictions", tmp_path / "whole", model="fake")
    parts = [shard_of(scenes, (k, 2)) for k in (1, 2)]
    assert [len(part) for part in parts] == [2, 1]
    for part in reversed(parts):
        score_scenes(toy, part, tmp_path / "predictions", tmp_path / "shards", model="fake")
    calls = score.calls
    merged = score_scenes(toy, scenes, tmp_path / "predictions", tmp_path / "shards", model="fake")
    assert score.calls == calls
    assert repr(merged) == repr(whole)


def test_scenes_scored_at_the_same_time_give_the_same_in_the_same_order(toy, scenes, tmp_path):
    predict_scenes(toy, scenes, FakeModel(), tmp_path / "predictions")
    seen = []
    options = {"model": "fake", "on_scene": lambda: seen.append(1)}
    one = score_scenes(toy, scenes, tmp_path / "predictions", tmp_path / "one", **options)
    three = score_scenes(toy, scenes, tmp_path / "predictions", tmp_path / "three", workers=3, **options)
    assert repr(one) == repr(three)
    assert len(seen) == 12


def test_results_of_two_models_do_not_mix(toy, scenes, tmp_path):
    predict_scenes(toy, scenes, FakeModel(), tmp_path / "predictions")
    score_scenes(toy, scenes, tmp_path / "predictions", tmp_path, model="one")
    with pytest.raises(OutputError, match=r"results of one, not of two.*--out"):
        score_scenes(toy, scenes, tmp_path / "predictions", tmp_path, model="two")


def test_predictions_made_again_are_scored_again(toy, scenes, tmp_path):
    for variant in toy.variants:
        folder = tmp_path / "npz" / variant / "toy"
        folder.mkdir(parents=True)
        for scene in scenes:
            np.savez(folder / f"{scene.file_name}.npz", depth=np.stack([TRUTH, TRUTH + 1]))
    first = score_scenes(toy, scenes, tmp_path / "npz", tmp_path / "out", model="mine")
    assert [s.tallies["error"].mean for s in first] == [0.5] * 6
    np.savez(tmp_path / "npz" / "dark" / "toy" / "group_a.npz", depth=np.stack([TRUTH, TRUTH]))
    again = score_scenes(toy, scenes, tmp_path / "npz", tmp_path / "out", model="mine")
    assert [s.tallies["error"].mean for s in again] == [0.5] * 3 + [0.0] + [0.5] * 2
    assert score.calls == 7


def test_report_tells_all(toy, scenes, tmp_path):
    found = find_datasets(toy, tmp_path / "data", ViewSize())
    predict_scenes(toy, scenes, FakeModel(), tmp_path / "predictions")
    scores = score_scenes(toy, scenes, tmp_path / "predictions", tmp_path, model="fake")
    report = Report(benchmark=toy, model="fake", found=found, scores=scores, command="mda evaluate toys")
    report.write(tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["complete"] is True
    assert (results["protocol"], results["model"], results["commit"]) == ("published", "fake", source_commit())
    assert {"mda", "torch", "numpy", "opencv-python-headless", "small-gicp"} <= set(results["versions"])
    assert results["datasets"][0]["found_frames"] == results["datasets"][0]["expected_frames"] == 6
    assert len(results["scenes"]) == 6
    pooled = results["summaries"][0]["metrics"]["error"]["value"]
    assert pooled == math.fsum(s.tallies["error"].sum for s in scores[:3]) / (6 * TRUTH.size)
    assert results["summaries"][0]["metrics"]["nothing"]["value"] is None
    table = (tmp_path / "table.md").read_text()
    assert f"| toy | clean | 3 | {100 * pooled:.4f} | - |" in table
    assert "INCOMPLETE" not in table
    assert r"error \% $\downarrow$" in (tmp_path / "table.tex").read_text()
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    fewer = Report(benchmark=toy, model="fake", found=found, scores=scores[:2])
    assert not fewer.complete
    assert "INCOMPLETE" in fewer.markdown()


def test_a_data_set_must_be_whole_unless_told_otherwise(toy, tmp_path):
    (tmp_path / "data" / "toy" / "b").rmdir()
    with pytest.raises(InputError, match=r"holds 2 scenes with 4 frames of toy; expected 3 with 6.*--partial"):
        find_datasets(toy, tmp_path / "data", ViewSize())
    (found,) = find_datasets(toy, tmp_path / "data", ViewSize(), partial=True)
    assert not found.complete
    with pytest.raises(InputError, match="holds none of the data sets of toys; expected one of these folders: toy"):
        find_datasets(toy, tmp_path, ViewSize())


def test_images_of_different_size_are_refused(toy, scenes, tmp_path):
    odd = Frame(
        name="x", read_image=lambda: np.zeros((14, 14, 3), dtype=np.uint8), read_truth=scenes[0].frames[0].read_truth
    )
    scene = Scene(dataset="toy", name="odd", frames=(*scenes[0].frames, odd))
    with pytest.raises(InputError, match="images of toy odd differ in size"):
        predict_scenes(toy, [scene], FakeModel(), tmp_path / "predictions")
