"""`mda view`, `mda predict --view`, `view.py` and `demo.py`, up to the moment the server would wait."""

import pytest

import demo
import view
from mda import optional
from mda.cli import predict as predict_command
from mda.cli import view as view_command
from mda.errors import MissingExtraError
from mda.mixtures import Decoder
from mda.viewer.colouring import Colouring
from tests.unit.viewer.walls import write_run

pytest.importorskip("viser")

from mda.viewer import serving


@pytest.fixture
def stopped(monkeypatch):
    """The server starts, and ends when it would wait for Ctrl-C."""
    viewers, started = [], serving.start

    def start(*arguments, **options):
        viewers.append(started(*arguments, **options))
        assert viewers[-1].worker.wait()
        return viewers[-1]

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "start", start)
    monkeypatch.setattr(serving.webbrowser, "open", lambda _: True)
    monkeypatch.setattr(serving, "wait_for_ever", interrupted)
    return viewers


def test_it_says_where_it_is_and_ends_with_ctrl_c(command, stopped, tmp_path):
    run = write_run(tmp_path / "my run ü", 2)
    result = command("view", run, "--port", 18090, "--max-points", 50_000, "--up=+z")
    assert result.code == 0
    assert f"{run}: http://127.0.0.1:" in result.err
    assert "The viewer is closed." in result.err
    assert stopped[0].options.up == "+z"
    assert stopped[0].points.budget == 50_000


def test_bad_input_is_one_line(command, tmp_path):
    for arguments, expected in (
        ((tmp_path / "absent",), "is not a folder"),
        ((tmp_path / "here",), "There is no run in"),
        ((write_run(tmp_path / "run", 1), "--up=up"), "no direction '+up'"),
        ((tmp_path / "run", "--port", 99999), "no port 99999"),
        ((tmp_path / "run", "--host", "192.0.2.1"), "Cannot listen at 192.0.2.1"),
    ):
        result = command("view", *arguments, "--no-browser")
        assert result.code == 2
        assert expected in result.err
        assert len(result.err.splitlines()) == 1


def test_two_runs_side_by_side(command, tmp_path, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "wait_for_ever", interrupted)
    runs = write_run(tmp_path / "a", 1), write_run(tmp_path / "b", 1)
    result = command("view", *runs, "--side-by-side", "--no-browser", "--port", 18110)
    assert result.code == 0
    assert "a and b: http://127.0.0.1:" in result.err
    assert "Side by side are two runs, and there are 1" in command("view", runs[0], "--side-by-side").err


def test_a_missing_package_is_told_before_the_work(predict, photos, monkeypatch):
    def missing(module, extra):
        message = f'`{module}` is needed: pip install "mda[{extra}]"'
        raise MissingExtraError(message)

    monkeypatch.setattr(predict_command, "require", missing)
    monkeypatch.setattr(optional, "require", missing)
    result = predict(photos, "--view")
    assert result.code == 2
    assert 'pip install "mda[viewer]"' in result.err


def test_predict_opens_what_it_made(predict, photos, stopped, tmp_path):
    result = predict(photos, "--out", tmp_path / "run", "--view", "--view-port", 18091)
    assert result.code == 0
    assert len(stopped[0].scene.cameras) == 4


def test_the_doors_of_the_published_release(monkeypatch):
    seen = []
    for door in (view, demo):
        monkeypatch.setattr(door, "mda", lambda command: seen.append(command) or 0)
    view.main(["--data_dir", "scenes", "--method", "mda", "--up_direction=+z", "--screenshot_dir", "shots"])
    assert seen.pop() == [
        *("view", "scenes", "--port", "8080", "--max-points", "1500000", "--up=+z", "--method", "mda", "--out", "shots")
    ]
    demo.main(["walk.mp4", "--viewer_port", "9000"])
    assert seen.pop()[-3:] == ["--view", "--view-port=9000", "--view-up=-y"]
    demo.main(["walk.mp4", "--no-viewer"])
    assert "--view" not in seen.pop()
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda _: None)
    demo.main(["walk.mp4"])
    assert "--view" not in seen.pop()


def test_a_film_without_a_browser(command, tmp_path):
    run = write_run(tmp_path / "walls", 2)
    film = tmp_path / "film.mp4"
    result = command("view", run, "--render", film, "--size", "60x80", "--seconds", "0.2", "--fps", 10)
    assert result.code == 0, result.err
    assert result.out.startswith("2 pictures of")
    assert film.stat().st_size > 0
    again = command("view", run, "--render", film)
    assert again.code == 2
    assert "--overwrite" in again.err
    shot = tmp_path / "shot.png"
    options = ("--decoder", "mean", "--flying", "--colours", "second", "--edges", 0.5, "--show-sky")
    assert command("view", run, "--render", shot, "--size", "60x80", *options).code == 0
    assert shot.exists()
    write_run(tmp_path / "other", 1)
    assert "One film shows one run" in command("view", tmp_path, "--render", tmp_path / "x.mp4").err


def test_the_choices_are_those_of_the_viewer():
    assert [kind.name.lower() for kind in Colouring] == list(view_command.COLOURS)
    assert [str(decoder) for decoder in Decoder] == list(view_command.DECODERS)
