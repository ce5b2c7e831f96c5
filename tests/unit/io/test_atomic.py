"""Files appear whole or not at all."""

import errno
from pathlib import Path

import pytest

from mda.errors import OutputError
from mda.io.atomic import atomic_file, make_folder, remove_partial_files, staged, write_bytes, write_together


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_whole_and_alone(tmp_path):
    write_bytes(tmp_path / "a.bin", b"one")
    write_bytes(tmp_path / "a.bin", b"two")
    assert (tmp_path / "a.bin").read_bytes() == b"two"
    assert names(tmp_path) == ["a.bin"]


def test_an_error_inside_keeps_the_older_file_and_leaves_nothing(tmp_path):
    write_bytes(tmp_path / "a.bin", b"old")

    def interrupted():
        with atomic_file(tmp_path / "a.bin") as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_really_full_disk_is_told_with_the_remedy(tmp_path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")

    def fill():
        with atomic_file(tmp_path / "a.bin"), full.open("wb", buffering=0) as device:
            device.write(b"x")

    with pytest.raises(OutputError, match=r"a\.bin: the disk is full; free some space"):
        fill()
    assert names(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO])
def test_failures_at_the_rename_leave_nothing(tmp_path, monkeypatch, code):
    def fail(self, target):  # noqa: ARG001
        raise OSError(code, "no")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"Cannot write .*a\.bin: .*choose|free"):
        write_bytes(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == []


def test_paths_that_cannot_hold_files_are_told(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"is a file, not a folder"):
        make_folder(tmp_path / "file" / "run")
    with pytest.raises(OutputError, match=r"file of that name is in the way"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match=r"is a file, not a folder"):
        write_bytes(tmp_path / "file" / "a.bin", b"x")
    with pytest.raises(OutputError, match=r"too long"):
        write_bytes(tmp_path / ("n" * 300), b"x")
    with pytest.raises(OutputError, match=r"/proc/"):
        make_folder(Path("/proc/mda_run"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"folder of that name is in the way"):
        write_bytes(tmp_path / "folder", b"x")
    assert names(tmp_path) == ["file", "folder"]


def test_files_that_belong_together_appear_in_order(tmp_path, monkeypatch):
    order = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (order.append(target.name), replace(self, target))[1])
    write_together({tmp_path / name: name.encode() for name in ("b", "c", "a")})
    assert order == ["b", "c", "a"]
    assert (tmp_path / "c").read_bytes() == b"c"
    assert names(tmp_path) == ["a", "b", "c"]


def test_of_files_that_belong_together_none_appears_when_the_last_fails(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"file/c"):
        write_together({tmp_path / "a": b"a", tmp_path / "b": b"b", tmp_path / "file" / "c": b"c"})
    assert names(tmp_path) == ["file"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    with atomic_file(tmp_path / "a.bin"):
        (leftover,) = tmp_path.iterdir()
        kept = tmp_path / "keep.partial"
        kept.write_bytes(b"somebody's own")
        content = leftover.name
    (tmp_path / content).write_bytes(b"half")
    remove_partial_files(tmp_path)
    remove_partial_files(tmp_path / "absent")
    assert names(tmp_path) == ["a.bin", "keep.partial"]


def test_files_get_the_usual_permissions(tmp_path):
    write_bytes(tmp_path / "a.bin", b"x")
    (tmp_path / "b.bin").write_bytes(b"x")
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "b.bin").stat().st_mode


class TestStaged:
    def test_a_folder_appears_whole_and_replaces_the_old_one(self, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").write_text("old")
        with staged(tmp_path / "out") as place:
            place.mkdir()
            (place / "new").write_text("new")
            assert (tmp_path / "out" / "old").exists()
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    @pytest.mark.parametrize("folder", [True, False])
    def test_after_an_error_everything_is_as_before(self, tmp_path, folder):
        (tmp_path / "out").write_text("old")

        def fail():
            with staged(tmp_path / "out") as place:
                if folder:
                    place.mkdir()
                    (place / "part").write_text("part")
                else:
                    place.write_text("part")
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert (tmp_path / "out").read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
