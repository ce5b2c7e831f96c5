"""Every format on runs that are damaged or made to do harm: a clear word, no crash, nothing touched outside."""

import json
import struct

import numpy as np
import pytest

from mda.errors import InputError, OutputError
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter
from mda.io.exporters import FORMATS, ExportSettings, export_run
from mda.io.images import write_png
from tests.unit.io.exporters.scenes import turned_run
from tests.unit.io.runs import SIZE

ALL = sorted(FORMATS)
# Formats that are whole without a point.
CLOUDS = {"ply", "glb", "colmap", "las", "laz", "splats", "rrd", "ldi", "layers-glb"}


class Planted:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def depth_file(run, position=1):
    return run.path / "depth" / f"{position:06d}.npy"


def missing_frame(run, _):
    (run.path / "color" / "000001.png").unlink()


def truncated(run, _):
    depth_file(run).write_bytes(depth_file(run).read_bytes()[:300])


def no_array(run, _):
    depth_file(run).write_bytes(b"")


def objects(run, outside):
    np.save(depth_file(run), np.array([Planted(outside / "owned")], dtype=object), allow_pickle=True)


def objects_as_sky(run, outside):
    np.save(run.path / "sky" / "000001.npy", np.array([Planted(outside / "owned")], dtype=object), allow_pickle=True)


def objects_as_camera(run, outside):
    arrays = {"pose": np.array([Planted(outside / "owned")], dtype=object), "intrinsics": np.eye(3)}
    np.savez(run.path / "camera" / "000001.npz", **arrays)


def link_to_a_file(run, outside):
    (outside / "secret.npy").write_bytes(depth_file(run).read_bytes())
    depth_file(run).unlink()
    depth_file(run).symlink_to(outside / "secret.npy")


def announces_too_much(run, _):
    head = b"{'descr': '|b1', 'fortran_order': False, 'shape': (99999999, 99999999), }"
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    (run.path / "sky" / "000001.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)


def another_size(run, _):
    np.save(depth_file(run), np.ones((14, 14), np.float32))


def camera_without_numbers(run, _):
    pose = np.eye(4)
    pose[0, 3] = np.nan
    np.savez(run.path / "camera" / "000001.npz", pose=pose, intrinsics=np.eye(3))


def camera_far_away(run, _):
    pose = np.eye(4)
    pose[0, 3] = 1e30
    np.savez(run.path / "camera" / "000001.npz", pose=pose, intrinsics=np.eye(3))


def camera_of_zeros(run, _):
    np.savez(run.path / "camera" / "000001.npz", pose=np.zeros((4, 4)), intrinsics=np.eye(3))


DAMAGES = (
    missing_frame,
    truncated,
    no_array,
    objects,
    objects_as_sky,
    objects_as_camera,
    link_to_a_file,
    announces_too_much,
    another_size,
    camera_without_numbers,
    camera_far_away,
    camera_of_zeros,
)


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", ["colmap", "npz", "layers-glb"])
def test_a_damaged_view_costs_that_view(run, tmp_path, outside, name, damage) -> None:
    damage(run, outside)
    before = {path: path.read_bytes() for path in outside.iterdir()}
    report = export_run(run, name, tmp_path / "out")
    assert len(report.problems) == 1
    assert "000001" in report.problems[0] or "view 1" in report.problems[0] or "photo ü 1" in report.problems[0]
    assert "2 views" in report.summary
    assert {path: path.read_bytes() for path in outside.iterdir()} == before


@pytest.mark.parametrize("name", ALL)
def test_every_format_leaves_out_what_cannot_be_read(run, tmp_path, outside, name) -> None:
    objects(run, outside)
    place = tmp_path / FORMATS[name].place
    report = export_run(run, name, place)
    assert len(report.problems) == 1
    assert place.exists()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ALL)
def test_depths_that_are_none_are_left_out(run, tmp_path, name) -> None:
    depth = np.array(run.depth(0))
    depth[0, :6] = [np.nan, np.inf, -np.inf, 3e38, -3, 1e-42]
    np.save(depth_file(run, 0), depth)
    np.save(depth_file(run, 2), np.full(SIZE, np.nan, np.float32))
    report = export_run(run, name, tmp_path / FORMATS[name].place)
    assert report.problems == ()


@pytest.mark.parametrize("name", ALL)
def test_no_points_at_all(run, tmp_path, name) -> None:
    settings = ExportSettings(filters=CloudFilter(min_confidence=1e9), fill_sky=True)
    assert export_run(run, name, tmp_path / FORMATS[name].place, settings).problems == ()
    assert (tmp_path / FORMATS[name].place).exists()


@pytest.mark.parametrize("name", ALL)
def test_where_nothing_can_be_read_nothing_is_written_or_it_is_told(run, tmp_path, name) -> None:
    for position in range(3):
        depth_file(run, position).write_bytes(b"no")
    place = tmp_path / FORMATS[name].place
    if name in CLOUDS:
        assert len(export_run(run, name, place).problems) == 3
        return
    with pytest.raises(InputError, match="0000") as caught:
        export_run(run, name, place)
    assert len(str(caught.value).splitlines()) == 1
    assert not place.exists()


def test_folders_that_are_links_are_not_followed(run, tmp_path, outside) -> None:
    (run.path / "depth").rename(outside / "depth")
    (run.path / "depth").symlink_to(outside / "depth", target_is_directory=True)
    with pytest.raises(InputError, match="leads out of the run"):
        export_run(load_run(run.path), "npz", tmp_path / "a.npz")
    # A run that is itself a link is fine.
    other = turned_run(tmp_path / "other")
    (tmp_path / "link").symlink_to(other.path, target_is_directory=True)
    export_run(load_run(tmp_path / "link"), "npz", tmp_path / "b.npz")


def test_exports_are_not_written_through_a_link(run, outside) -> None:
    (run.path / "exports").symlink_to(outside, target_is_directory=True)
    (outside / "points.ply").write_text("mine")
    with pytest.raises(OutputError, match="leads out of the run"):
        export_run(run, "ply", overwrite=True)
    assert (outside / "points.ply").read_text() == "mine"


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a\nb.png", "..", "", "x" * 5000, "\x00"])
@pytest.mark.parametrize("original_size", [False, True])
def test_names_lead_nowhere(run, tmp_path, outside, name, original_size) -> None:
    content = json.loads((run.path / "run.json").read_text(encoding="utf-8"))
    content["views"][0]["name"] = name
    (run.path / "run.json").write_text(json.dumps(content), encoding="utf-8")
    before = set(tmp_path.rglob("*"))
    damaged = load_run(run.path)
    for what in ("colmap", "transforms"):
        export_run(damaged, what, outside / what, ExportSettings(original_size=original_size))
    assert all(path.is_relative_to(outside) for path in set(tmp_path.rglob("*")) - before)
    frames = json.loads((outside / "transforms" / "transforms.json").read_text(encoding="utf-8"))["frames"]
    assert ".." not in frames[0]["file_path"].split("/")
    assert frames[0]["file_path"].count("/") == 1


def test_a_view_of_another_size_goes_into_formats_that_can_hold_it(run, tmp_path) -> None:
    for part in ("conf", "sky", "mixture"):
        next((run.path / part).glob("000001.*")).unlink()
    np.save(depth_file(run), np.ones((14, 14), np.float32))
    write_png(run.path / "color" / "000001.png", np.zeros((14, 14, 3), np.uint8))
    for name in ("ply", "glb", "colmap", "transforms", "exr", "depth-png", "laz", "splats", "rrd"):
        assert export_run(run, name, tmp_path / FORMATS[name].place).problems == ()
