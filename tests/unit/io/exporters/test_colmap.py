"""COLMAP models, as pycolmap and our own reader see them."""

from dataclasses import replace

import numpy as np
import pycolmap
import pytest
import torch

from mda.errors import ConfigError, InputError
from mda.geometry import Cameras
from mda.io.archive import load_run
from mda.io.camera_files import read_cameras
from mda.io.clouds import CloudFilter
from mda.io.exporters import ExportSettings, export_run
from mda.io.images import read_image
from mda.io.resize import CropBox, cameras_in_source
from tests.unit.io.exporters.scenes import CROP, SOURCE_HW, assert_on_pixels, clouds, turned_prediction
from tests.unit.io.runs import SIZE


def model_of(folder):
    return pycolmap.Reconstruction(folder / "sparse" / "0")


def exact(run, position):
    pose, intrinsics = (torch.from_numpy(values).double() for values in run.camera(position))
    return Cameras(world_from_cam=pose, intrinsics=intrinsics, image_hw=SIZE)


def assert_same_camera(image, camera):
    assert (image.camera.height, image.camera.width) == camera.image_hw
    np.testing.assert_allclose(image.camera.calibration_matrix(), camera.intrinsics, rtol=1e-6, atol=1e-6)
    motion = image.cam_from_world()
    np.testing.assert_allclose(motion.rotation.matrix(), camera.cam_from_world[:3, :3], atol=1e-6)
    np.testing.assert_allclose(motion.translation, camera.cam_from_world[:3, 3], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("text", [False, True])
def test_cameras_and_points_come_back(run, tmp_path, text) -> None:
    report = export_run(run, "colmap", tmp_path / "model", ExportSettings(text=text))
    model, found = model_of(tmp_path / "model"), clouds(run)
    assert model.num_images() == 3
    assert report.summary == f"{model.num_points3D():,} points of 3 views"
    for cloud in found:
        image = model.find_image_with_name(f"photo_ü_{cloud.position}.png")
        assert_same_camera(image, exact(run, cloud.position))
        points = [model.points3D[seen.point3D_id] for seen in image.points2D]
        assert_on_pixels(run, cloud.position, [point.xyz for point in points], cloud.pixels)
        np.testing.assert_array_equal([point.color for point in points], cloud.colors)
        places = np.array([seen.xy for seen in image.points2D])
        centers = np.stack([cloud.pixels % SIZE[1], cloud.pixels // SIZE[1]], -1) + 0.5
        np.testing.assert_allclose(places, centers, atol=1e-9)
        # COLMAP's own projection agrees with what the image is said to have seen.
        own = image.project_point(points[7].xyz)
        np.testing.assert_allclose(own, places[7], atol=1e-2)
        assert [(e.image_id, e.point2D_idx) for e in points[7].track.elements] == [(image.image_id, 7)]


@pytest.mark.parametrize("text", [False, True])
def test_our_own_reader_gives_the_same_cameras(run, tmp_path, text) -> None:
    export_run(run, "colmap", tmp_path / "model", ExportSettings(text=text))
    for position, known in enumerate(read_cameras(tmp_path / "model").cameras):
        camera = exact(run, position)
        torch.testing.assert_close(known.camera.world_from_cam, camera.world_from_cam, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(known.camera.intrinsics, camera.intrinsics, atol=1e-6, rtol=1e-6)


def test_images_are_those_of_the_run(run, tmp_path) -> None:
    export_run(run, "colmap", tmp_path / "model")
    for position in range(3):
        image = read_image(tmp_path / "model" / "images" / f"photo_ü_{position}.png")
        np.testing.assert_array_equal(image, run.color(position))


def test_at_the_size_of_the_originals(run, tmp_path) -> None:
    export_run(run, "colmap", tmp_path / "model", ExportSettings(original_size=True))
    assert not (tmp_path / "model" / "images").exists()
    model = model_of(tmp_path / "model")
    top, left, height, width = CROP
    for cloud in clouds(run):
        image = model.find_image_with_name(f"photo ü {cloud.position}.jpg")
        box = CropBox(top=top, left=left, height=height, width=width)
        assert_same_camera(image, cameras_in_source(exact(run, cloud.position), box, SOURCE_HW))
        seen = image.points2D[0].xy
        x, y = cloud.pixels[0] % SIZE[1] + 0.5, cloud.pixels[0] // SIZE[1] + 0.5
        np.testing.assert_allclose(seen, [left + x * width / SIZE[1], top + y * height / SIZE[0]])
        np.testing.assert_allclose(
            image.project_point(model.points3D[image.points2D[0].point3D_id].xyz), seen, atol=0.5
        )


def test_what_a_run_does_not_know_is_told(tmp_path) -> None:
    run = load_run(replace(turned_prediction(2), details={}).save(tmp_path / "run"))
    with pytest.raises(InputError, match="leave --original-size out"):
        export_run(run, "colmap", tmp_path / "model", ExportSettings(original_size=True))
    assert not (tmp_path / "model").exists()


def test_names_that_collide_are_told_apart(tmp_path) -> None:
    made = replace(turned_prediction(3), names=("a/1.jpg", "b/1.JPG", "clip.mp4@1.200s"))
    run = load_run(made.save(tmp_path / "run"))
    export_run(run, "colmap", tmp_path / "model")
    names = sorted(path.name for path in (tmp_path / "model" / "images").iterdir())
    assert names == ["000000_1.png", "000001_1.png", "clip.mp4_1.200s.png"]
    same = load_run(replace(made, names=("1.jpg",) * 3).save(tmp_path / "same"))
    with pytest.raises(InputError, match="Two images"):
        export_run(same, "colmap", tmp_path / "other", ExportSettings(original_size=True))


def test_names_that_text_cannot_hold_are_told(run, tmp_path) -> None:
    with pytest.raises(ConfigError, match="has spaces"):
        export_run(run, "colmap", tmp_path / "model", ExportSettings(original_size=True, text=True))


def test_views_without_points_keep_their_cameras(run, tmp_path) -> None:
    settings = ExportSettings(filters=CloudFilter(min_confidence=1e9, first=1))
    export_run(run, "colmap", tmp_path / "model", settings)
    model = model_of(tmp_path / "model")
    assert (model.num_images(), model.num_points3D()) == (2, 0)


def test_the_run_stays_as_it_was_and_another_export_is_the_same(run, tmp_path) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    for name in ("one", "other"):
        export_run(run, "colmap", tmp_path / name, ExportSettings(original_size=True))
    assert before == {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    for file in ("cameras.bin", "images.bin", "points3D.bin"):
        one, other = (tmp_path / name / "sparse" / "0" / file for name in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()
