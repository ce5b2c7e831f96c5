"""3D Gaussians made from points."""

import numpy as np
import pytest
import torch
from plyfile import PlyData

from mda.geometry import matrix_from_quaternion
from mda.io.clouds import CloudFilter, RunCloud
from mda.io.exporters import ExportSettings, export_run
from tests.unit.io.exporters.scenes import assert_on_pixels, clouds


def vertices(path):
    return PlyData.read(str(path))["vertex"].data


def columns(data, *names):
    return np.stack([data[name] for name in names], -1).astype(np.float64)


def test_each_point_is_as_large_as_its_pixel(run, tmp_path) -> None:
    export_run(run, "splats", tmp_path / "a.ply")
    data, start = vertices(tmp_path / "a.ply"), 0
    for cloud in clouds(run):
        part = data[start : start + len(cloud)]
        start += len(cloud)
        assert_on_pixels(run, cloud.position, columns(part, "x", "y", "z"), cloud.pixels)
        intrinsics = run.camera(cloud.position)[1].astype(np.float64)
        footprint = run.depth(cloud.position).reshape(-1)[cloud.pixels] / np.sqrt(intrinsics[0, 0] * intrinsics[1, 1])
        for axis in range(3):
            np.testing.assert_allclose(np.exp(part[f"scale_{axis}"]), footprint / 2, rtol=1e-5)
        # The constant harmonic is 0.28209...
        color = 255 * (0.5 + 0.28209479177387814 * columns(part, "f_dc_0", "f_dc_1", "f_dc_2"))
        np.testing.assert_allclose(color, cloud.colors, atol=1e-3)
        np.testing.assert_allclose(1 / (1 + np.exp(-part["opacity"])), 0.9, rtol=1e-6)
        np.testing.assert_array_equal(columns(part, "rot_0", "rot_1", "rot_2", "rot_3")[0], [1, 0, 0, 0])
    assert start == len(data)


def test_fewer_points_are_larger(run, tmp_path) -> None:
    most = 300
    export_run(run, "splats", tmp_path / "all.ply")
    export_run(run, "splats", tmp_path / "few.ply", ExportSettings(filters=CloudFilter(max_points=most)))
    everything, few = vertices(tmp_path / "all.ply"), vertices(tmp_path / "few.ply")
    assert len(few) == most
    ratio = np.exp(np.median(few["scale_0"]) - np.median(everything["scale_0"]))
    assert ratio == pytest.approx((len(everything) / most) ** 0.5, rel=0.1)


def test_discs_lie_along_the_surface(run, tmp_path) -> None:
    export_run(run, "splats", tmp_path / "a.ply", ExportSettings(normals=True))
    data = vertices(tmp_path / "a.ply")
    normals = np.concatenate([cloud.normals for cloud in RunCloud(run).views(normals=True)])
    known = (normals != 0).any(1)
    w, x, y, z = (data[f"rot_{i}"][known] for i in range(4))
    turn = matrix_from_quaternion(torch.from_numpy(np.stack([x, y, z, w], -1))).numpy()
    np.testing.assert_allclose(np.abs((turn[:, :, 2] * normals[known]).sum(1)), 1, atol=1e-5)
    np.testing.assert_allclose((data["scale_2"] - data["scale_0"])[known], np.log(0.1), rtol=1e-4)
