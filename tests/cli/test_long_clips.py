"""A clip of many windows, killed where it hurts, is the same in the end as one that was left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mda.synthetic import render_clip
from tests.cli.conftest import photo
from tests.unit.io.videos import write_video

VIEWS = 18
PATIENCE = 120.0


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for number, pixels in enumerate(render_clip(7, views=VIEWS, image_hw=(48, 64)).images):
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return folder


def command(frames: Path, out: Path) -> list[str]:
    options = ["--out", out, "--size", 64, "--max-views", 4, "--overlap", 2, "--save-mixture", "--device", "cpu"]
    return [sys.executable, "-m", "mda.cli.main", "predict", str(frames), *map(str, options)]


def predict(frames: Path, out: Path) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(  # noqa: S603 - our own command
        command(frames, out), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def kill_at(process: subprocess.Popen, out: Path, views: int) -> int:
    """SIGKILL as soon as so many views are on disk; how many there are then."""
    give_up = time.monotonic() + PATIENCE
    while len(list(out.glob("depth/*.npy"))) < views:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < give_up, "the run did not get that far"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run was over before it was killed"
    return len(list(out.glob("depth/*.npy")))


@pytest.fixture(scope="module")
def whole(frames, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    process = predict(frames, out)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return out


def test_a_killed_run_goes_on_and_gives_the_same_archive(frames, whole, tmp_path) -> None:
    out = tmp_path / "run"
    stops = sorted(np.random.default_rng(0).choice(np.arange(1, VIEWS - 3), size=2, replace=False))
    for stop in stops:
        kill_at(predict(frames, out), out, int(stop))
    process = predict(frames, out)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    parts = ("depth", "color", "camera", "sky", "conf", "mixture")
    for file in (file for part in parts for file in (whole / part).iterdir()):
        other = out / file.parent.name / file.name
        if file.suffix == ".npz":
            with np.load(file) as expected, np.load(other) as found:
                assert all(np.array_equal(expected[name], found[name]) for name in expected)
        else:
            assert other.read_bytes() == file.read_bytes(), f"{file.parent.name}/{file.name}"
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}
    assert len(list((out / "depth").iterdir())) == VIEWS
    reports = [json.loads((folder / "run.json").read_text()) for folder in (whole, out)]
    assert reports[1]["status"] == "complete"
    assert reports[1]["details"]["joints"] == reports[0]["details"]["joints"]
    # Windows of four that share two: views 4, 6, 8, ... are the first new ones.
    assert [joint["view"] for joint in reports[0]["details"]["joints"]] == list(range(4, VIEWS, 2))
    assert reports[1]["views"] == reports[0]["views"]


def report(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


def test_a_long_video_goes_in_windows_that_share_their_last_views(command, weights, tmp_path) -> None:
    video = write_video(tmp_path / "walk.mp4", [200 * number for number in range(10)], size=(48, 64))
    options = ("--checkpoint", weights, "--size", 64, "--max-views", 4, "--overlap", 2, "--out", tmp_path / "run")
    assert command("predict", video, "--model", "mda_mini", *options).code == 0
    found = report(tmp_path / "run")
    assert found["settings"]["order"] == "sequence"
    assert [(joint["view"], joint["anchors"]) for joint in found["details"]["joints"]] == [(4, 2), (6, 2), (8, 2)]
    assert {"residual_scale", "residual_rotation_degrees", "residual_translation"} <= set(found["details"]["joints"][0])
    assert len(found["views"]) == 10


def test_a_long_folder_without_order_is_windowed_around_key_views(command, weights, tmp_path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    names = [f"{name}.png" for name in ["anteater", "badger", "cat", "dog", "eel", "fox", "gnu", "heron", "ibis"]]
    for number, name in enumerate(names):
        photo(folder / name, seed=number)
    options = ("--checkpoint", weights, "--size", 64, "--max-views", 4, "--overlap", 3, "--out", tmp_path / "run")
    assert command("predict", folder, "--model", "mda_mini", *options).code == 0
    found = report(tmp_path / "run")
    assert found["settings"]["order"] == "unordered"
    # The key views (the first, the middle, the last) are looked at first, with one more; then the others one by one.
    assert [joint["anchors"] for joint in found["details"]["joints"]] == [3] * 5
    assert [view["name"] for view in found["views"]] == names
