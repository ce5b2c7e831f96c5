"""Bad input: one clear message that names the file and the remedy, and everything else processed and kept."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mda.io.archive import RunWriter
from tests.cli.conftest import photo, views_in


def only_error(result, *words):
    """The message of a command that could do nothing."""
    assert result.code == 2
    assert "Traceback" not in result.err
    assert result.err.count("error: ") == 1
    for word in words:
        assert word in result.err
    return result.err


def left_out(result, run, *words):
    """The command did the rest, said once while working and once at the end what it left out, and wrote it down."""
    assert result.code == 0, result.err
    assert "Traceback" not in result.err
    skipped = json.loads((run / "run.json").read_text())["details"]["skipped"]
    assert len(skipped) == 1
    for word in words:
        assert word in skipped[0]
    assert result.err.count(skipped[0]) == 1
    assert result.out.count(skipped[0]) == 1
    assert "Left out (1)" in result.out


def truncated(path: Path) -> Path:
    photo(path, hw=(480, 640))
    path.write_bytes(path.read_bytes()[:2000])
    return path


def text(path: Path) -> Path:
    path.write_text("not an image at all\n")
    return path


def one_pixel(path: Path) -> Path:
    Image.new("RGB", (1, 1)).save(path)
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


BAD = [
    pytest.param(truncated, "2b.jpg", ["cut off", "copy or download it again"], id="truncated JPEG"),
    pytest.param(text, "2b.png", ["not an image of a known kind", "convert it"], id="text named .png"),
    pytest.param(one_pixel, "0a.png", ["1 x 1 pixels", "Give a larger image"], id="one pixel"),
    pytest.param(empty, "0a.jpg", ["empty (0 bytes)", "again"], id="no bytes"),
]


@pytest.mark.parametrize(("spoil", "name", "words"), BAD)
def test_a_bad_image_costs_itself_only(predict, photos, tmp_path, spoil, name, words):
    # One of the names comes first in the folder: the first image decides the size of all.
    spoil(photos / name)
    result = predict(photos, "--out", tmp_path / "run")
    left_out(result, tmp_path / "run", str(photos / name), *words)
    assert len(views_in(tmp_path / "run")) == 4


@pytest.mark.parametrize(("spoil", "name", "words"), BAD)
def test_a_bad_image_alone_is_an_error(predict, tmp_path, spoil, name, words):
    only_error(predict(spoil(tmp_path / name), "--out", tmp_path / "run"), name, *words)


def test_an_empty_folder(predict, tmp_path):
    (tmp_path / "nothing").mkdir()
    only_error(predict(tmp_path / "nothing"), str(tmp_path / "nothing"), "empty")


def test_a_folder_of_folders(predict, photos):
    only_error(predict(photos.parent, "--out", "run"), "photos", "give one of those")


def test_what_does_not_exist(predict, tmp_path):
    only_error(predict(tmp_path / "nowhere.jpg"), str(tmp_path / "nowhere.jpg"), "does not exist")


def test_one_bad_input_of_several(predict, photos, tmp_path):
    (tmp_path / "broken").mkdir()
    text(tmp_path / "broken" / "a.png")
    result = predict(tmp_path / "nowhere", tmp_path / "broken", photos, "--out", tmp_path / "runs")
    assert result.code == 0
    assert "nowhere does not exist" in result.out
    assert "a.png" in result.out
    # `nowhere` makes no clip, so two clips are left, and each has its own folder.
    assert len(views_in(tmp_path / "runs" / "photos")) == 4


def test_mixed_sizes(predict, photos, tmp_path):
    photo(photos / "4.jpg", hw=(64, 48))
    photo(photos / "5.jpg", hw=(300, 300))
    photo(photos / "6.jpg", hw=(96, 128))
    result = predict(photos, "--out", tmp_path / "run")
    assert result.code == 0
    assert len(views_in(tmp_path / "run")) == 7
    views = json.loads((tmp_path / "run" / "run.json").read_text())["views"]
    assert [view["source_hw"] for view in views[3:]] == [[48, 64], [64, 48], [300, 300], [96, 128]]
    assert views[4]["crop"] == [14, 0, 36, 48]
    assert result.err.count("4.jpg") == 1
    assert "cut away" in result.err
    assert "6.jpg" not in result.err


def test_a_huge_image_needs_little_memory_and_time(predict, tmp_path):
    path = tmp_path / "huge.jpg"
    # Made elsewhere: the memory of making it must not hide what reading it takes.
    make = (
        "import sys; from PIL import Image; "
        "Image.linear_gradient('L').resize((12000, 9000)).convert('RGB').save(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", make, str(path)], check=True)  # noqa: S603
    predict(photo(tmp_path / "small.png"), "--out", tmp_path / "warm")
    before, since = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    result = predict(path, "--out", tmp_path / "run")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert result.code == 0
    assert views_in(tmp_path / "run") == ["000000"]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["views"][0]["source_hw"] == [9000, 12000]
    assert grown < 200, f"{grown:.0f} MB; the decoded image alone would be 324 MB"
    assert time.process_time() - since < 20


def video(path: Path, frames: int = 30) -> Path:
    """Ten frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 5
        rng = np.random.default_rng(0)
        for _ in range(frames):
            pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_a_video(predict, tmp_path):
    result = predict(video(tmp_path / "walk.mp4"), "--out", tmp_path / "run", "--fps", 5)
    assert result.code == 0
    assert len(views_in(tmp_path / "run")) == 15
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["views"][1]["name"] == "walk.mp4@0.200s"
    assert info["details"]["skipped"] == []


def test_a_video_cut_in_the_middle_gives_what_it_has(predict, tmp_path):
    path = video(tmp_path / "walk.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = predict(path, "--out", tmp_path / "run", "--fps", 5)
    left_out(result, tmp_path / "run", str(path), "cut off")
    assert 2 <= len(views_in(tmp_path / "run")) <= 9


def test_a_video_cut_before_its_index_is_an_error(predict, tmp_path):
    path = video(tmp_path / "walk.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    only_error(predict(path, "--out", tmp_path / "run"), str(path), "cut", "Copy it again or convert it")


@pytest.mark.parametrize("place", ["file", "below a file", "proc"])
def test_an_unwritable_folder(predict, photos, tmp_path, place):
    (tmp_path / "file").touch()
    out = {"file": tmp_path / "file", "below a file": tmp_path / "file" / "run", "proc": Path("/proc/mda/run")}[place]
    only_error(predict(photos, "--out", out), str(out), "choose another output folder")


def test_what_was_done_before_the_disk_was_full_is_told(predict, photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    photo(other / "a.png")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "other").touch()
    result = predict(photos, other, "--out", tmp_path / "runs")
    only_error(result, str(tmp_path / "runs" / "other"), "in the way")
    assert str(tmp_path / "runs" / "photos") in result.out


def test_a_folder_with_other_things_in_it_is_left_alone(predict, photos, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("...")
    only_error(predict(photos, "--out", tmp_path / "thesis"), "thesis", "chapter.tex")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_a_full_disk_keeps_what_is_there_and_goes_on_later(predict, photos, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    predict(photos, "--out", whole, "--max-views", 2)
    replace = Path.replace

    def full(self, target):
        if Path(target).parts[-2:] == ("depth", "000002.npy"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        message = only_error(
            predict(photos, "--out", run, "--max-views", 2), str(run), "disk is full", "free some space"
        )
    assert "2 views are kept" in message
    assert views_in(run) == ["000000", "000001"]
    assert not list(run.rglob("*.partial"))
    result = predict(photos, "--out", run, "--max-views", 2)
    assert result.code == 0
    assert "2 of them from before" in result.out
    assert views_in(run) == views_in(whole)
    for stem in views_in(run):
        np.testing.assert_array_equal(np.load(run / "depth" / f"{stem}.npy"), np.load(whole / "depth" / f"{stem}.npy"))


def test_a_file_that_may_not_grow_is_a_clear_error(predict, photos, tmp_path):
    """A real refusal by the system, not a pretended one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
    try:
        result = predict(photos, "--out", tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    only_error(result, str(tmp_path / "run"), "too large")


def test_an_interrupted_run_says_how_to_go_on_and_does(predict, photos, tmp_path, monkeypatch):
    run, write_view = tmp_path / "run", RunWriter.write_view

    def stopping(self, index, *arguments, **options):
        if index == 3:
            raise KeyboardInterrupt
        write_view(self, index, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "write_view", stopping)
        result = predict(photos, "--out", run, "--max-views", 2)
    assert result.code == 130
    assert "Traceback" not in result.err
    assert f"kept in {run}" in result.err
    assert "the same command goes on" in result.err
    assert views_in(run) == ["000000", "000001", "000002"]
    result = predict(photos, "--out", run, "--max-views", 2)
    assert result.code == 0
    assert "3 of them from before" in result.out
    assert len(views_in(run)) == 4
    assert json.loads((run / "run.json").read_text())["status"] == "complete"


def test_ctrl_c_in_a_real_process(weights, tmp_path):
    """The signal itself, while the network works on a long clip."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        photo(folder / f"{number}.png", seed=number)
    run = tmp_path / "run"
    command = [sys.executable, "-m", "mda.cli.main", "predict", str(folder), "--checkpoint", str(weights)]
    command += ["--size", "64", "--max-views", "2", "--out", str(run)]
    # A test run that itself was started in the background ignores the signal, and its children would inherit that.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)  # noqa: S603, PLW1509
    deadline = time.monotonic() + 120
    while not list((run / "depth").glob("*.npy")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert f"kept in {run}" in err
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    assert 0 < len(views_in(run)) < 400


def test_a_damaged_weights_file(command, photos, tmp_path):
    bad = tmp_path / "weights.safetensors"
    bad.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    only_error(command("predict", photos, "--checkpoint", bad), str(bad), "again")
