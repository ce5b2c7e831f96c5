"""Recordings, as the reader of Rerun sees them."""

import sys

import numpy as np
import pytest

from mda.errors import MissingExtraError
from mda.io.exporters import export_run
from tests.unit.io.exporters.scenes import assert_on_pixels, clouds
from tests.unit.io.runs import SIZE


def recorded(path):
    """Columns of all entities, by entity and name; of what comes for each view, a row for each view."""
    reader = pytest.importorskip("rerun.chunk").RrdReader(str(path))
    columns = {}
    for chunk in reader.stream():
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            columns.setdefault((chunk.entity_path, name), []).extend(batch.column(name).to_pylist())
    return columns


def test_points_and_cameras_come_back(run, tmp_path) -> None:
    report = export_run(run, "rrd", tmp_path / "a.rrd")
    columns, found = recorded(tmp_path / "a.rrd"), clouds(run)
    assert report.summary == f"{sum(map(len, found)):,} points of 3 views"
    for cloud in found:
        (points,) = columns[f"/world/points/{cloud.position:06d}", "Points3D:positions"]
        assert_on_pixels(run, cloud.position, points, cloud.pixels)
        (view,) = columns[f"/world/points/{cloud.position:06d}", "view"]
        assert view == cloud.position
    order = np.argsort(columns["/world/camera", "view"])
    pose, intrinsics = run.camera(2)
    (translation,) = columns["/world/camera", "Transform3D:translation"][order[2]]
    np.testing.assert_allclose(translation, pose[:3, 3], rtol=1e-6)
    (matrix,) = columns["/world/camera", "Transform3D:mat3x3"][order[2]]
    # Matrices are stored column by column.
    np.testing.assert_allclose(np.reshape(matrix, (3, 3)).T, pose[:3, :3], atol=1e-6)
    lenses = columns["/world/camera/image", "Pinhole:image_from_camera"]
    found_lens = [np.reshape(lens[0], (3, 3)).T for lens in lenses if lens]
    assert any(np.allclose(lens, intrinsics) for lens in found_lens)
    depths = [np.array(depth[0], np.uint8).view(np.float32).reshape(SIZE) for depth in
              columns["/world/camera/image/depth", "DepthImage:buffer"]]  # fmt: skip
    assert any(np.array_equal(depth, run.depth(2)) for depth in depths)


def test_the_missing_library_is_named(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingExtraError, match=r"mda\[export\]"):
        export_run(run, "rrd", tmp_path / "a.rrd")
