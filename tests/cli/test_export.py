"""`mda export` on runs, good and bad."""

import numpy as np
import pytest
import torch

from mda.io.exporters import FORMATS
from mda.io.ply import read_ply
from tests.unit.io.runs import SIZE, prediction


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    return prediction(views=3, knows_sky=False).save(tmp_path / "my run ü", save_mixture=True)


def snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_point_cloud_goes_beside_the_run_and_the_run_stays_as_it_was(command, run) -> None:
    before = snapshot(run)
    result = command("export", run)
    assert result.code == 0, result.err
    assert "3 views" in result.out
    assert str(run / "exports" / "points.ply") in result.out
    assert len(read_ply(run / "exports" / "points.ply").positions) == 3 * SIZE[0] * SIZE[1]
    assert before.items() <= snapshot(run).items()


def test_nothing_is_overwritten_unless_told(command, run, tmp_path) -> None:
    out = tmp_path / "a.ply"
    out.write_text("mine")
    result = command("export", run, "--out", out)
    assert result.code == 2
    assert "--overwrite" in result.err
    assert out.read_text() == "mine"
    assert command("export", run, "--out", out, "--overwrite").code == 0
    assert len(read_ply(out).positions) > 0


def test_several_formats_go_into_a_folder(command, run, tmp_path) -> None:
    result = command("export", run, "--format", "glb", "colmap", "depth-mp4", "--out", tmp_path / "out", "--fps", 5)
    assert result.code == 0, result.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["colmap", "depth.mp4", "scene.glb"]
    assert len(result.out.splitlines()) == 3
    again = command("export", run, "--format", "npz", "glb", "--out", tmp_path / "out")
    assert again.code == 2
    assert "scene.glb is there already" in again.err


def test_options_that_a_format_does_not_know_are_told(command, run, tmp_path) -> None:
    result = command("export", run, "--format", "npz", "--mesh", "--out", tmp_path / "a.npz")
    assert result.code == 0
    assert "--mesh" in result.err


def test_filters_are_those_of_clouds(command, run, tmp_path) -> None:
    out = tmp_path / "a.ply"
    options = ("--views", "1:2", "--max-points", 50, "--normals", "--drop-percent", 10, "--edges", 0.5)
    assert command("export", run, "--out", out, *options).code == 0
    found = read_ply(out)
    assert len(found.positions) == 50
    assert found.normals is not None


def test_formats_are_listed(command) -> None:
    out = command("export", "--list").out
    assert [line.split()[0] for line in out.splitlines()] == list(FORMATS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--format", "obj"), "no format 'obj'"),
        (("--views", "one:two"), "FIRST:LAST"),
        (("--drop-percent", "100"), "drop_percent"),
        (("--voxel", "-1"), "--voxel"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(command, run, arguments, words) -> None:
    result = command("export", run, *arguments)
    assert result.code == 2
    assert words in result.err
    assert len(result.err.splitlines()) == 1


def test_a_damaged_view_is_named_and_the_rest_is_exported(command, run) -> None:
    (run / "depth" / "000001.npy").write_bytes(b"\x93NUMPY")
    result = command("export", run)
    assert result.code == 1
    assert "000001.npy" in result.err
    assert len(read_ply(run / "exports" / "points.ply").positions) == 2 * SIZE[0] * SIZE[1]


def test_pickled_objects_are_not_run(command, run, tmp_path) -> None:
    class Planted:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    np.save(run / "depth" / "000000.npy", np.array([Planted()], dtype=object), allow_pickle=True)
    assert command("export", run).code == 1
    assert not (tmp_path / "owned").exists()


def test_no_run_is_told(command, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no view" in command("export", tmp_path / "empty").err
    assert "folder of a run" in command("export").err
