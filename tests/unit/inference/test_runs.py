import json

import numpy as np
import pytest
import torch
from PIL import Image

from mda.errors import ConfigError, InputError, OutputError
from mda.inference.memory import peak_bytes
from mda.inference.runs import RunSettings, predict_to_run
from mda.io.archive import RunWriter, load_run
from mda.io.clips import list_inputs
from mda.io.clouds import RunCloud
from mda.io.ply import read_ply
from tests.unit.inference.pretend import pictures, pretend_predictor, true_depth

CPU = torch.device("cpu")
WINDOWS = (1.0, 0.2, 6.0)


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, pixels in enumerate(pictures(7)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return list_inputs([folder]).clips[0]


def settings(**changes):
    return RunSettings(**{"decoder": "heaviest", "max_views": 3, **changes})


def test_a_run_holds_every_view_in_one_world(clip, tmp_path):
    seen = []
    predictor = pretend_predictor(scales=WINDOWS)
    report = predict_to_run(predictor, clip, tmp_path / "run", settings(), command="x", on_progress=seen.append)
    assert (report.views, report.kept, report.image_hw, report.skipped) == (7, 0, (24, 32), ())
    assert seen == [3, 2, 2]
    run = load_run(tmp_path / "run")
    for number, pixels in enumerate(pictures(7)):
        np.testing.assert_allclose(run.depth(number), true_depth(pixels), rtol=2e-3)
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["status"] == "complete"
    assert info["command"] == "x"
    assert {"reading", "network", "decoder", "writing", "total"} <= set(info["timings"])
    assert (tmp_path / "run" / "preview.png").exists()
    assert len(read_ply(tmp_path / "run" / "points.ply").positions) == report.points == 7 * 24 * 32


@pytest.mark.parametrize("stop_at", [0, 1, 3, 4, 6])
def test_an_interrupted_run_goes_on_and_ends_the_same(clip, tmp_path, monkeypatch, stop_at):
    whole = tmp_path / "whole"
    predict_to_run(pretend_predictor(scales=WINDOWS), clip, whole, settings(save_mixture=True))
    write_view = RunWriter.write_view

    def stopping(self, index, *arguments, **options):
        if index == stop_at:
            raise KeyboardInterrupt
        write_view(self, index, *arguments, **options)

    part = tmp_path / "part"
    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "write_view", stopping)
        with pytest.raises(KeyboardInterrupt):
            predict_to_run(pretend_predictor(scales=WINDOWS), clip, part, settings(save_mixture=True))
    assert json.loads((part / "run.json").read_text())["status"] == "interrupted"
    before = {file: file.stat().st_mtime_ns for file in part.glob("*/*")}
    # The same scales for the windows that are left: the network is a function of its images.
    left = {0: 0, 1: 0, 3: 1, 4: 1, 6: 2}[stop_at]
    again = pretend_predictor(scales=WINDOWS[left:])
    report = predict_to_run(again, clip, part, settings(save_mixture=True))
    assert (report.kept, report.views) == (stop_at, 7)
    assert again.network.calls == [3] * (3 - left)
    whole_views = {file: at for file, at in before.items() if int(file.stem) < stop_at}
    assert {file: file.stat().st_mtime_ns for file in whole_views} == whole_views
    for name in ("depth", "color", "camera", "conf", "sky", "mixture"):
        files = sorted((whole / name).iterdir())
        assert len(files) == 7
        assert [file.name for file in sorted((part / name).iterdir())] == [file.name for file in files]
    for file in sorted((whole / "depth").iterdir()):
        np.testing.assert_array_equal(np.load(part / "depth" / file.name), np.load(file))
    for file in sorted((whole / "camera").iterdir()):
        np.testing.assert_array_equal(np.load(part / "camera" / file.name)["pose"], np.load(file)["pose"])


@pytest.mark.parametrize("order", ["sequence", "unordered"])
def test_memory_does_not_grow_with_the_clip(tmp_path, order):
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        for number, pixels in enumerate(pictures(count)):
            Image.fromarray(pixels).save(folder / f"{number}.png")
        clip, chosen = list_inputs([folder]).clips[0], settings(max_views=4, order=order)
        return peak_bytes(lambda: predict_to_run(pretend_predictor(), clip, tmp_path / f"run {count}", chosen), CPU)

    few, many = peak(7), peak(40)
    assert many <= 1.02 * few
    # A window and what it is joined to, but never two predictions.
    assert few <= 1.3 * peak(4)


@pytest.mark.parametrize("order", ["unordered", "independent"])
@pytest.mark.parametrize("after", [2, 4, 5])
def test_views_without_order_go_on_too(clip, tmp_path, monkeypatch, order, after):
    changes = {"order": order, "max_views": 3, "overlap": 2 if order == "unordered" else None}
    predictor = pretend_predictor()
    predict_to_run(predictor, clip, tmp_path / "whole", settings(**changes))
    windows = len(predictor.network.calls)
    write_view, written = RunWriter.write_view, []

    def stopping(self, index, *arguments, **options):
        if len(written) == after:
            raise KeyboardInterrupt
        written.append(index)
        write_view(self, index, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "write_view", stopping)
        with pytest.raises(KeyboardInterrupt):
            predict_to_run(pretend_predictor(), clip, tmp_path / "part", settings(**changes))
    again = pretend_predictor()
    assert predict_to_run(again, clip, tmp_path / "part", settings(**changes)).kept == after
    # The first window holds three views; if it was written, it is not looked at again.
    assert len(again.network.calls) < windows + (after < 3)
    for file in sorted((tmp_path / "whole" / "depth").iterdir()):
        assert (tmp_path / "part" / "depth" / file.name).read_bytes() == file.read_bytes()


def test_a_complete_run_is_not_made_again(clip, tmp_path):
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    again = pretend_predictor()
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")}
    report = predict_to_run(again, clip, tmp_path / "run", settings())
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "run").rglob("*")} == before
    assert again.network.calls == []
    assert report.kept == report.views == 7


def test_overwriting_makes_it_again(clip, tmp_path):
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    again = pretend_predictor(scales=(2.0,))
    predict_to_run(again, clip, tmp_path / "run", settings(overwrite=True, max_views=9))
    assert again.network.calls == [7]
    np.testing.assert_allclose(load_run(tmp_path / "run").depth(0), 2 * true_depth(pictures(1)[0]), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decoder": "mean"}, "decoder heaviest instead of mean"),
        ({"size": 48}, "size 32 instead of 48"),
        ({"stride": 2}, "stride 1 instead of 2"),
    ],
)
def test_a_run_of_other_settings_is_left_alone(clip, tmp_path, changes, words):
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    before = (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns
    with pytest.raises(OutputError, match=words) as caught:
        predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(**changes))
    assert "--overwrite" in str(caught.value)
    assert (tmp_path / "run" / "depth" / "000000.npy").stat().st_mtime_ns == before


def test_a_run_of_changed_files_is_left_alone(clip, tmp_path):
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    Image.new("RGB", (32, 24)).save(clip.images[2])
    with pytest.raises(OutputError, match="changed files"):
        predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())


def test_a_full_disk_keeps_what_is_there(clip, tmp_path, monkeypatch):
    write_view = RunWriter.write_view

    def full(self, index, *arguments, **options):
        if index == 4:
            message = "Cannot write depth: the disk is full."
            raise OutputError(message)
        write_view(self, index, *arguments, **options)

    monkeypatch.setattr(RunWriter, "write_view", full)
    with pytest.raises(OutputError, match="4 views are kept"):
        predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    assert len(load_run(tmp_path / "run")) == 4


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    clip = list_inputs([tmp_path]).clips[0]
    with pytest.raises(InputError, match=r"a\.png"):
        predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())


def test_a_bad_decoder_is_refused_before_anything_is_written(clip, tmp_path):
    with pytest.raises(ConfigError, match="decoder"):
        predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(decoder="best"))
    assert not (tmp_path / "run").exists()


def test_the_cloud_of_a_run_is_that_of_its_prediction(clip, tmp_path):
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(ply=False))
    assert not (tmp_path / "run" / "points.ply").exists()
    run = load_run(tmp_path / "run")
    cloud, expected = RunCloud(run).cloud(), run.prediction().points()
    torch.testing.assert_close(cloud.positions, expected.positions)
    assert torch.equal(cloud.colors, expected.colors)
    torch.testing.assert_close(cloud.confidence, expected.confidence)


def test_the_cloud_leaves_sky_out(tmp_path):
    pixels = pictures(1)[0]
    pixels[:4] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    clip = list_inputs([tmp_path / "a.png"]).clips[0]
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    assert len(RunCloud(load_run(tmp_path / "run"))) == 20 * 32
