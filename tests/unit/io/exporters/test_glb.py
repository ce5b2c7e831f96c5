"""Clouds, meshes and cameras in GLB files, as trimesh sees them."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from mda.errors import ConfigError
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter
from mda.io.exporters import ExportSettings, export_run
from tests.unit.io.exporters.scenes import assert_on_pixels, clouds, turned_prediction
from tests.unit.io.runs import SIZE

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def content(path):
    """The description inside of a file."""
    data = path.read_bytes()
    magic, version, length, size, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), b"JSON")
    return json.loads(data[20 : 20 + size])


def in_world(scene, name):
    """Vertices of a geometry in axes of OpenCV."""
    (node,) = scene.graph.geometry_nodes[name]
    vertices = trimesh.transform_points(scene.geometry[name].vertices, scene.graph.get(node)[0])
    return vertices * OPENGL.diagonal()[:3]


def test_points_land_on_the_pixels_they_came_from(run, tmp_path) -> None:
    report = export_run(run, "glb", tmp_path / "a.glb")
    scene, found = trimesh.load_scene(tmp_path / "a.glb"), clouds(run)
    assert report.summary == f"{sum(map(len, found)):,} points of 3 views"
    for cloud in found:
        name = f"points {cloud.position:06d} photo ü {cloud.position}.jpg"
        assert_on_pixels(run, cloud.position, in_world(scene, name), cloud.pixels)


def test_colours_are_linear_light(run, tmp_path) -> None:
    export_run(run, "glb", tmp_path / "a.glb")
    cloud = clouds(run)[0]
    found = trimesh.load_scene(tmp_path / "a.glb").geometry["points 000000 photo ü 0.jpg"].colors[:, :3] / 255
    srgb = np.where(found <= 0.0031308, 12.92 * found, 1.055 * found ** (1 / 2.4) - 0.055)
    # The reader rounds to 8 bits of linear light, which are coarse in dark tones.
    bright = cloud.colors > 60
    assert np.abs(255 * srgb - cloud.colors)[bright].max() < 4


def test_cameras_stand_where_they_stood(run, tmp_path) -> None:
    export_run(run, "glb", tmp_path / "a.glb")
    description = content(tmp_path / "a.glb")
    assert description["nodes"][description["scenes"][0]["nodes"][0]]["rotation"] == [1, 0, 0, 0]
    nodes = [node for node in description["nodes"] if "camera" in node]
    assert len(nodes) == 3
    for position, node in enumerate(nodes):
        x, y, z, w = node["rotation"]
        pose = OPENGL @ trimesh.transformations.quaternion_matrix([w, x, y, z])
        pose[:3, 3] = OPENGL.diagonal()[:3] * node["translation"]
        expected = OPENGL @ run.camera(position)[0].astype(np.float64) @ OPENGL
        np.testing.assert_allclose(pose, expected, atol=1e-6)
        intrinsics = run.camera(position)[1]
        lens = description["cameras"][node["camera"]]["perspective"]
        assert lens["yfov"] == pytest.approx(2 * np.arctan(SIZE[0] / 2 / intrinsics[1, 1]), rel=1e-6)
        assert lens["aspectRatio"] == pytest.approx(SIZE[1] / SIZE[0] * intrinsics[1, 1] / intrinsics[0, 0], rel=1e-6)
        assert node["extras"]["cx"] == pytest.approx(intrinsics[0, 2])


def stepped_run(folder):
    """A near surface on the left of column 20 and a far one on the right, both a little uneven; no sky."""
    made = turned_prediction(2, knows_sky=False)
    depth = 2 + 0.02 * torch.rand(made.depth.shape)
    depth[..., 20:] += 3
    return load_run(replace(made, depth=depth).save(folder))


def test_a_mesh_never_bridges_an_edge(tmp_path) -> None:
    run = stepped_run(tmp_path / "run")
    report = export_run(run, "glb", tmp_path / "a.glb", ExportSettings(mesh=True))
    scene = trimesh.load_scene(tmp_path / "a.glb")
    rows, columns = SIZE
    squares = (rows - 1) * (columns - 2)  # none between columns 19 and 20
    assert report.summary == f"{2 * 2 * squares:,} triangles of 2 views"
    for position in range(2):
        name = f"meshes {position:06d} photo ü {position}.jpg"
        mesh = scene.geometry[name]
        points = in_world(scene, name)
        assert_on_pixels(run, position, points, np.arange(rows * columns))
        depth = run.depth(position).reshape(-1)[mesh.faces]
        assert (depth.max(1) / depth.min(1)).max() < 1.05
        np.testing.assert_array_equal(np.asarray(mesh.visual.material.baseColorTexture)[..., :3], run.color(position))
        # Triangles face their camera, and their texture is the pixel that they came from.
        towards = run.camera(position)[0][:3, 3] * OPENGL.diagonal()[:3]
        (node,) = scene.graph.geometry_nodes[name]
        corners = trimesh.transform_points(mesh.vertices, scene.graph.get(node)[0])[mesh.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert ((towards - corners[:, 0]) * normals).sum(1).min() > 0
        expected = np.stack([np.tile(np.arange(columns) + 0.5, rows), np.repeat(np.arange(rows) + 0.5, columns)], -1)
        # The reader counts rows of textures from below.
        found = mesh.visual.uv * [columns, -rows] + [0, rows]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_mesh_keeps_the_other_filters(tmp_path) -> None:
    run = stepped_run(tmp_path / "run")
    settings = ExportSettings(mesh=True, filters=CloudFilter(last=0, edge_ratio=0.1))
    report = export_run(run, "glb", tmp_path / "a.glb", settings)
    assert report.summary == f"{2 * (SIZE[0] - 1) * (SIZE[1] - 4):,} triangles of 1 views"
    with pytest.raises(ConfigError, match="whole views"):
        export_run(run, "glb", tmp_path / "b.glb", ExportSettings(mesh=True, filters=CloudFilter(max_points=9)))
    assert not (tmp_path / "b.glb").exists()


def test_no_points_are_a_file_too(run, tmp_path) -> None:
    settings = ExportSettings(filters=CloudFilter(min_confidence=1e9))
    export_run(run, "glb", tmp_path / "a.glb", settings)
    assert sum("camera" in node for node in content(tmp_path / "a.glb")["nodes"]) == 3
    export_run(run, "glb", tmp_path / "b.glb", replace(settings, mesh=True))
    assert [mesh["name"].split()[0] for mesh in content(tmp_path / "b.glb")["meshes"]] == ["cameras"] * 3


def test_more_than_the_format_holds_is_refused(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("mda.io.glb._MAX_BYTES", 10_000)
    with pytest.raises(ConfigError, match="4 GB"):
        export_run(run, "glb", tmp_path / "a.glb")
    assert [path.name for path in tmp_path.iterdir()] == ["a run ü"]
