"""Where files go."""

from datetime import datetime

import pytest

from mda.errors import OutputError
from mda.viewer.outputs import deliver, deliver_written, safe_name, stamped


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("my view", "my_view"),
        ("Ünïcode-1", "Ünïcode-1"),
        ("../../etc/passwd", "etc_passwd"),
        ("a\x00b\n/c", "a_b_c"),
        ("...", "view"),
        ("x" * 200, "x" * 80),
    ],
)
def test_names_lead_nowhere_else(typed, name):
    assert safe_name(typed) == name


def test_names_have_a_time():
    now = datetime(2026, 11, 30, 10, 5, 7)  # noqa: DTZ001
    assert stamped("viewer", "scene/mda mini", ".png", now) == "viewer_scene_mda_mini_20261130_100507.png"


def test_without_a_folder_the_browser_gets_it(tmp_path):
    got = []
    assert "downloads" in deliver(None, "a.png", b"1", lambda *file: got.append(file))
    assert "downloads" in deliver_written(None, "b.mp4", lambda path: path.write_bytes(b"2"), lambda *f: got.append(f))
    assert got == [("a.png", b"1"), ("b.mp4", b"2")]
    assert not list(tmp_path.iterdir())


def test_in_a_folder_nothing_is_replaced(tmp_path):
    folder = tmp_path / "new folder"
    for content in (b"1", b"2"):
        deliver(folder, "a.png", content, lambda *_: None)
    deliver_written(folder, "a.png", lambda path: path.write_bytes(b"3"), lambda *_: None)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.png": b"1",
        "a_2.png": b"2",
        "a_3.png": b"3",
    }
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        deliver(tmp_path / "file", "a.png", b"", lambda *_: None)
