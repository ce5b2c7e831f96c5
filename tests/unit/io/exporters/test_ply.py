"""Clouds as PLY, written view by view, as another reader sees them."""

import errno
import os
import tracemalloc

import numpy as np
import pytest
import torch
from plyfile import PlyData

from mda.errors import ConfigError, OutputError
from mda.geometry import project
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter, RunCloud, camera_of
from mda.io.exporters import ExportSettings, export_run
from tests.unit.io.runs import prediction


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    return load_run(prediction(views=3).save(tmp_path / "a run ü"))


def vertices(path):
    return PlyData.read(str(path))["vertex"].data


def test_points_land_on_the_pixels_they_came_from(run, tmp_path) -> None:
    report = export_run(run, "ply", tmp_path / "a.ply")
    data, start = vertices(tmp_path / "a.ply"), 0
    assert f"{len(data):,} points of 3 views" == report.summary
    for cloud in RunCloud(run).views():
        part = data[start : start + len(cloud)]
        start += len(cloud)
        points = torch.from_numpy(np.stack([part["x"], part["y"], part["z"]], -1).astype(np.float32))
        pixels, depth = project(points, camera_of(run.view(cloud.position)))
        width = run.image_hw[1]
        expected = np.stack([cloud.pixels % width, cloud.pixels // width], -1) + 0.5
        assert np.abs(pixels.numpy() - expected).max() < 0.5
        np.testing.assert_allclose(depth, run.depth(cloud.position).reshape(-1)[cloud.pixels], rtol=1e-3)
        colors = np.stack([part["red"], part["green"], part["blue"]], -1)
        np.testing.assert_array_equal(colors, cloud.colors)
        np.testing.assert_array_equal(part["confidence"], cloud.confidence)
    assert start == len(data)


def test_normals_are_written_when_asked_for(run, tmp_path) -> None:
    export_run(run, "ply", tmp_path / "a.ply", ExportSettings(normals=True))
    assert {"nx", "ny", "nz"} <= set(vertices(tmp_path / "a.ply").dtype.names)


def test_confidence_is_left_out_where_a_view_has_none(run, tmp_path) -> None:
    (run.path / "conf" / "000001.npy").unlink()
    export_run(run, "ply", tmp_path / "a.ply")
    assert "confidence" not in vertices(tmp_path / "a.ply").dtype.names


def test_a_cloud_without_points_is_a_file_too(run, tmp_path) -> None:
    export_run(run, "ply", tmp_path / "a.ply", ExportSettings(filters=CloudFilter(min_confidence=1e9)))
    assert len(vertices(tmp_path / "a.ply")) == 0


def test_memory_does_not_grow_with_the_number_of_views(tmp_path) -> None:
    peaks = []
    for count in (4, 40):
        longer = load_run(prediction(views=count, hw=(192, 256)).save(tmp_path / str(count)))
        filters = CloudFilter(edge_ratio=0.1, max_points=count * 1000)
        tracemalloc.start()
        export_run(longer, "ply", tmp_path / f"{count}.ply", ExportSettings(filters=filters))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(vertices(tmp_path / "40.ply")) == 40_000
    assert peaks[1] < 1.1 * peaks[0]


def test_what_is_there_stays_unless_told(run, tmp_path) -> None:
    (tmp_path / "a.ply").write_text("mine")
    with pytest.raises(OutputError, match="there already"):
        export_run(run, "ply", tmp_path / "a.ply")
    assert (tmp_path / "a.ply").read_text() == "mine"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        export_run(run, "ply", tmp_path / "folder", overwrite=True)


def test_nothing_half_is_left_when_a_view_fails_on_the_way(run, tmp_path, monkeypatch) -> None:
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mda.io.exporters.ply.ply_vertices", fail)
    with pytest.raises(OutputError, match="disk is full"):
        export_run(run, "ply", tmp_path / "out" / "a.ply")
    assert list((tmp_path / "out").iterdir()) == []


def test_formats_are_found_by_name(run, tmp_path) -> None:
    with pytest.raises(ConfigError, match="no format 'obj'"):
        export_run(run, "obj", tmp_path / "a.obj")
