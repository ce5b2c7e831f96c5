"""transforms.json, by its documentation and by our own reader."""

import json

import numpy as np
import pytest
import torch

from mda.io.camera_files import read_cameras
from mda.io.exporters import ExportSettings, export_run
from mda.io.images import read_image
from mda.io.ply import read_ply
from tests.unit.io.exporters.scenes import CROP, SOURCE_HW, clouds
from tests.unit.io.runs import SIZE


def test_points_land_on_their_pixels_by_the_rules_of_opengl(run, tmp_path) -> None:
    export_run(run, "transforms", tmp_path / "out")
    content = json.loads((tmp_path / "out" / "transforms.json").read_text(encoding="utf-8"))
    points, start = read_ply(tmp_path / "out" / content["ply_file_path"]).positions, 0
    for frame, cloud in zip(content["frames"], clouds(run), strict=True):
        assert (frame["h"], frame["w"]) == SIZE
        pose = np.array(frame["transform_matrix"])
        own = points[start : start + len(cloud)].astype(np.float64)
        start += len(cloud)
        local = (own - pose[:3, 3]) @ pose[:3, :3]
        depth = -local[:, 2]  # OpenGL looks along -z, and y points up
        x = frame["fl_x"] * local[:, 0] / depth + frame["cx"]
        y = frame["fl_y"] * -local[:, 1] / depth + frame["cy"]
        np.testing.assert_allclose(x, cloud.pixels % SIZE[1] + 0.5, atol=0.01)
        np.testing.assert_allclose(y, cloud.pixels // SIZE[1] + 0.5, atol=0.01)
        np.testing.assert_allclose(depth, run.depth(cloud.position).reshape(-1)[cloud.pixels], rtol=1e-3)
        image = read_image(tmp_path / "out" / frame["file_path"])
        np.testing.assert_array_equal(image, run.color(cloud.position))
    assert start == len(points)


@pytest.mark.parametrize("original_size", [False, True])
def test_cameras_come_back(run, tmp_path, original_size) -> None:
    export_run(run, "transforms", tmp_path / "out", ExportSettings(original_size=original_size))
    expected = read_cameras(run.path).cameras  # of the original images
    for position, known in enumerate(read_cameras(tmp_path / "out").cameras):
        wanted = expected[position].camera.world_from_cam
        torch.testing.assert_close(known.camera.world_from_cam, wanted, atol=1e-6, rtol=1e-6)
        intrinsics = torch.from_numpy(run.camera(position)[1]).double()
        if original_size:
            intrinsics = expected[position].camera.intrinsics
            assert known.camera.image_hw == SOURCE_HW
            assert known.camera.intrinsics[0, 2] - CROP[1] == pytest.approx(
                float(run.camera(position)[1][0, 2]) * CROP[3] / SIZE[1]
            )
        torch.testing.assert_close(known.camera.intrinsics, intrinsics, atol=1e-6, rtol=1e-6)


def test_a_run_takes_the_cameras_back(run, tmp_path) -> None:
    export_run(run, "transforms", tmp_path / "out", ExportSettings(original_size=True))
    assert read_cameras(tmp_path / "out").names == tuple(f"images/photo ü {i}.jpg" for i in range(3))
    assert not (tmp_path / "out" / "images").exists()
