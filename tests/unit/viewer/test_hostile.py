"""Runs that are damaged or made to harm: a clear message, the other views, no execution, nothing outside touched."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("viser")

from mda.errors import InputError
from mda.viewer.app import ViewerOptions
from mda.viewer.serving import start
from tests.unit.viewer.walls import SIZE, write_run


class Evil:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def objects(path: Path, mark: Path) -> None:
    np.save(path, np.array([Evil(mark)], dtype=object), allow_pickle=True)


def missing_image(run, _):
    (run / "color" / "000001.png").unlink()


def missing_camera(run, _):
    (run / "camera" / "000001.npz").unlink()


def truncated_depth(run, _):
    path = run / "depth" / "000001.npy"
    path.write_bytes(path.read_bytes()[:500])


def empty_depth(run, _):
    (run / "depth" / "000001.npy").write_bytes(b"")


def announced_size(run, _):
    header = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }"
    (run / "depth" / "000001.npy").write_bytes(header.ljust(127) + b"\n")


def other_size(run, _):
    Image.new("RGB", (10, 10)).save(run / "color" / "000001.png")


def other_dimensions(run, _):
    np.save(run / "depth" / "000001.npy", np.ones((2, 3, 4), np.float32))


def depth_of_objects(run, mark):
    objects(run / "depth" / "000001.npy", mark)


def confidence_of_objects(run, mark):
    objects(run / "conf" / "000001.npy", mark)


def a_plain_pickle(run, mark):
    (run / "sky" / "000001.npy").write_bytes(pickle.dumps(Evil(mark)))


def camera_of_objects(run, mark):
    np.savez(run / "camera" / "000001.npz", pose=np.array([Evil(mark)], dtype=object), intrinsics=np.eye(3))


def camera_of_nan(run, _):
    np.savez(run / "camera" / "000001.npz", pose=np.full((4, 4), np.nan), intrinsics=np.eye(3))


def camera_without_focal_length(run, _):
    np.savez(run / "camera" / "000001.npz", pose=np.eye(4), intrinsics=np.zeros((3, 3)))


def link_out(run, _):
    path = run / "depth" / "000001.npy"
    outside = run.parent / "secret.npy"
    path.rename(outside)
    path.symlink_to(outside)


def not_an_image(run, _):
    (run / "color" / "000001.png").write_text("<svg onload=alert(1)>")


DAMAGES = [
    *(missing_image, missing_camera, truncated_depth, empty_depth, announced_size, other_size, other_dimensions),
    *(depth_of_objects, confidence_of_objects, a_plain_pickle, camera_of_objects, camera_of_nan),
    *(camera_without_focal_length, link_out, not_an_image),
]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def opened(run: Path):
    viewer = start([run], ViewerOptions(port=18120))
    assert viewer.worker.wait()
    return viewer


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_view_costs_that_view(tmp_path, damage):
    run, mark = write_run(tmp_path / "run ü", 3), tmp_path / "executed"
    damage(run, mark)
    before = contents(tmp_path)
    viewer = opened(run)
    try:
        assert set(viewer.drawn.views) == {0, 2}
        assert len(viewer.clouds) > 0
        assert "wall ü 1.jpg" in viewer.runs.status.content or "000001" in viewer.runs.status.content
        viewer.frames.single.value = True
        viewer.frames.frame.value = 1
        assert viewer.worker.wait()
        assert len(viewer.clouds) == 0
        viewer.picking.inspect(1, 3, 3)
        assert viewer.picking.report is None
        assert viewer.picking.words.content
        viewer.fly_to_view(None, 1)
    finally:
        viewer.stop()
    assert not mark.exists()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -3.0, 1e38])
def test_depth_that_is_no_depth_gives_no_points(tmp_path, value):
    viewer = opened(write_run(tmp_path / "run", 2, depth=np.full(SIZE, value, np.float32)))
    try:
        assert len(viewer.clouds) == 0
        assert "cloud" not in viewer.stage.clouds
        assert "no depth is known" in viewer.runs.status.content
        viewer.points.sky.value = True
        assert viewer.worker.wait()
        assert len(viewer.clouds) > 0
        assert np.isfinite(viewer.clouds.positions).all()
    finally:
        viewer.stop()


def test_markup_in_names_stays_text(tmp_path):
    viewer = opened(write_run(tmp_path / "run", 1, name="`</code><script>alert(1)</script>`"))
    try:
        assert viewer.frames.name.content == "`'</code><script>alert(1)</script>'`"
    finally:
        viewer.stop()


def test_a_damaged_run_file_is_told(tmp_path):
    run = write_run(tmp_path / "run", 1)
    (run / "run.json").write_text('{"format_version": 99}')
    viewer = opened(run)
    try:
        assert "format version 99" in viewer.runs.status.content
        assert viewer.scene is None
    finally:
        viewer.stop()


def test_a_folder_that_only_looks_like_a_run(tmp_path):
    (tmp_path / "empty" / "depth").mkdir(parents=True)
    (tmp_path / "empty" / "depth" / "notes.npy").write_text("")
    viewer = opened(tmp_path / "empty")
    try:
        assert "holds no view" in viewer.runs.status.content
    finally:
        viewer.stop()
    with pytest.raises(InputError, match="There is no run"):
        start([write_run(tmp_path / "run", 1) / "color"], ViewerOptions(port=18120))
