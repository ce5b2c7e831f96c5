import json
import math
from dataclasses import replace

import pytest
import torch
from PIL import Image

from mda.errors import ConfigError, InputError
from mda.geometry import Cameras, project
from mda.io.archive import RunInfo, RunWriter
from mda.io.camera_files import KnownCamera, KnownCameras, read_cameras
from mda.io.resize import CropBox, cameras_of_view
from tests.unit.io.camera_files import (
    MODELS,
    names_of,
    opengl_matrix,
    some_cameras,
    transforms_of,
    write_colmap_binary,
    write_colmap_text,
    write_transforms,
)
from tests.unit.io.runs import view

WRITERS = {
    "text": write_colmap_text,
    "binary": write_colmap_binary,
    "transforms": lambda folder, *arguments: write_transforms(folder.with_suffix(".json"), *arguments),
}


def assert_same(known, cameras, names):
    assert known.names == tuple(names)
    for number, found in enumerate(known.cameras):
        torch.testing.assert_close(found.camera.world_from_cam, cameras.world_from_cam[number])
        torch.testing.assert_close(found.camera.intrinsics, cameras.intrinsics[number])
        assert found.camera.image_hw == cameras.image_hw
        assert found.camera.world_from_cam.dtype == torch.float64


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_written_is_read(tmp_path, write):
    cameras, names = some_cameras(), ["left/a b.png", "right/a b.png", "ü.jpg"]
    assert_same(read_cameras(write(tmp_path / "model", cameras, names)), cameras, names)


@pytest.mark.parametrize("write", [write_colmap_text, write_colmap_binary])
@pytest.mark.parametrize("model", MODELS)
def test_every_perspective_model_of_colmap_is_read(tmp_path, write, model, caplog):
    cameras = some_cameras(square=True)
    assert_same(read_cameras(write(tmp_path / "model", cameras, names_of(3), model=model)), cameras, names_of(3))
    assert "distortion" not in caplog.text


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_axes_are_those_of_an_analytic_scene(tmp_path, write):
    # A camera at (2, 0, 0) that looks along the world's +x, its right hand along world -y, world z up.
    right, down, forward = [0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[0, 3] = torch.tensor([right, down, forward], dtype=torch.float64).T, 2.0
    intrinsics = torch.tensor([[[10.0, 0, 32], [0, 20.0, 24], [0, 0, 1]]], dtype=torch.float64)
    cameras = Cameras(world_from_cam=pose[None], intrinsics=intrinsics, image_hw=(48, 64))
    known = read_cameras(write(tmp_path / "model", cameras, ["a.png"])).cameras[0].camera
    # 5 in front of it, 1 to its right and 2 above it.
    pixel, depth = project(torch.tensor([[7.0, -1.0, 2.0]], dtype=torch.float64), known)
    torch.testing.assert_close(pixel[0].tolist(), [32 + 10 / 5, 24 - 20 * 2 / 5])
    assert float(depth[0]) == pytest.approx(5)


def test_a_project_folder_stands_for_its_model(tmp_path):
    cameras = some_cameras()
    write_colmap_binary(tmp_path / "sparse" / "0", cameras, names_of(3))
    for place in (tmp_path, tmp_path / "sparse" / "0", tmp_path / "sparse" / "0" / "images.bin"):
        assert_same(read_cameras(place), cameras, names_of(3))
    write_transforms(tmp_path / "transforms.json", some_cameras(seed=1), names_of(3))
    assert_same(read_cameras(tmp_path), some_cameras(seed=1), names_of(3))


def test_binary_files_go_before_text(tmp_path):
    write_colmap_text(tmp_path, some_cameras(seed=1), names_of(3))
    write_colmap_binary(tmp_path, some_cameras(), names_of(3))
    assert_same(read_cameras(tmp_path), some_cameras(), names_of(3))


@pytest.mark.parametrize("write", [write_colmap_text, write_colmap_binary])
def test_distortion_is_ignored_with_one_warning(tmp_path, write, caplog):
    parameters = (50.0, 51.0, 32.0, 24.0, 0.1, 0.0, 0.0, 0.0)
    known = read_cameras(write(tmp_path, some_cameras(), names_of(3), model="OPENCV", parameters=parameters))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "distortion (0.png, 1.png, 2.png)" in caplog.text
    assert known.cameras[0].camera.intrinsics[1, 1] == 51


@pytest.mark.parametrize("write", [write_colmap_text, write_colmap_binary])
def test_fisheye_is_refused(tmp_path, write):
    write(
        tmp_path, some_cameras(), names_of(3), model="OPENCV_FISHEYE", parameters=(50.0, 50.0, 32.0, 24.0) + (0.0,) * 4
    )
    with pytest.raises(InputError, match=r"OPENCV_FISHEYE.*undistort"):
        read_cameras(tmp_path)


def with_changes(tmp_path, change):
    content = transforms_of(some_cameras(2), names_of(2))
    change(content)
    path = tmp_path / "transforms.json"
    path.write_text(json.dumps(content))
    return path


def test_intrinsics_of_transforms_stand_at_the_top_or_in_a_frame(tmp_path):
    def change(content):
        content |= {"fl_x": 70.0, "cx": 30.0, "k1": 0.0}
        del content["frames"][0]["fl_x"], content["frames"][0]["fl_y"], content["frames"][0]["cx"]
        del content["frames"][0]["cy"]

    first, second = read_cameras(with_changes(tmp_path, change)).cameras
    torch.testing.assert_close(
        first.camera.intrinsics.tolist(), [[70.0, 0.0, 30.0], [0.0, 70.0, 24.0], [0.0, 0.0, 1.0]]
    )
    torch.testing.assert_close(second.camera.intrinsics, some_cameras(2).intrinsics[1])


def test_an_angle_of_view_and_the_image_beside_are_enough(tmp_path):
    (tmp_path / "train").mkdir()
    Image.new("RGB", (80, 40)).save(tmp_path / "train" / "r_0.png")
    frame = {"file_path": "./train/r_0", "transform_matrix": opengl_matrix(some_cameras(1), 0)}
    path = tmp_path / "transforms_train.json"
    path.write_text(json.dumps({"camera_angle_x": math.pi / 2, "frames": [frame]}))
    (known,) = read_cameras(path).cameras
    assert known.name == "train/r_0"
    assert known.camera.image_hw == (40, 80)
    torch.testing.assert_close(known.camera.intrinsics.diagonal().tolist(), [40.0, 40.0, 1.0])


def test_distortion_of_transforms_is_ignored_with_one_warning(tmp_path, caplog):
    read_cameras(with_changes(tmp_path, lambda content: content.update(k2=0.01)))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def no_frames(content):
    content["frames"] = []


def no_matrix(content):
    del content["frames"][1]["transform_matrix"]


def no_focal(content):
    del content["frames"][1]["fl_x"], content["frames"][1]["fl_y"]


def short_matrix(content):
    content["frames"][1]["transform_matrix"] = [[1, 2], [3, 4]]


def scaled_matrix(content):
    matrix = content["frames"][1]["transform_matrix"]
    content["frames"][1]["transform_matrix"] = [[2 * value for value in row] for row in matrix[:3]] + [matrix[3]]


def mirrored_matrix(content):
    content["frames"][1]["transform_matrix"][0] = [-value for value in content["frames"][1]["transform_matrix"][0]]


def odd_last_row(content):
    content["frames"][1]["transform_matrix"][3] = [0, 0, 1, 1]


def word(content):
    content["frames"][1]["fl_x"] = "wide"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_frames, "no frame"),
        (no_matrix, r"1\.png.*transform_matrix"),
        (no_focal, "fl_x"),
        (short_matrix, "shape"),
        (scaled_matrix, r"1\.png.*scaled"),
        (mirrored_matrix, "mirrored"),
        (odd_last_row, "last row"),
        (word, "wide"),
        (lambda content: content.pop("frames"), "frames"),
        (lambda content: content.update(frames=[3]), "frames"),
        (lambda content: content.update(frames={"a": 1}), "frames"),
        (lambda content: content.pop("w"), "add w and h"),
        (lambda content: content.update(w=0), "positive"),
        (lambda content: content.update(camera_model="OPENCV_FISHEYE"), "OPENCV_FISHEYE"),
        (lambda content: content.update(is_fisheye=True), "undistort"),
        (lambda content: content.update(k1="x"), "distortion"),
        (lambda content: content["frames"][1].update(fl_x=float("nan")), "not finite"),
    ],
)
def test_malformed_transforms_are_refused(tmp_path, change, words):
    with pytest.raises(InputError, match=words) as caught:
        read_cameras(with_changes(tmp_path, change))
    assert "transforms.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", '{"frames": null}'])
def test_other_files_are_no_transforms(tmp_path, text):
    (tmp_path / "cameras.json").write_text(text)
    with pytest.raises(InputError, match=r"cameras\.json"):
        read_cameras(tmp_path / "cameras.json")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("cameras.txt", "PINHOLE", "PINHOLE 1", "4 parameters, found 5"),
        ("cameras.txt", "PINHOLE 64", "PINHOLE wide", "line 2.*wide"),
        ("cameras.txt", "PINHOLE", "WOLLENSAK", "WOLLENSAK"),
        ("cameras.txt", "7 PINHOLE 64 48", "7 PINHOLE", "line 2"),
        ("cameras.txt", "7 PINHOLE", "77 PINHOLE", "camera 7, which is not in the model"),
        ("images.txt", " 7 0.png", " 0.png", "line 2"),
        ("images.txt", "10.5 20.25 -1 3 4 17", "10.5 20.25", "line 3.*observations"),
    ],
)
def test_malformed_text_models_are_refused(tmp_path, file, old, new, words):
    write_colmap_text(tmp_path, some_cameras(2), names_of(2))
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=words) as caught:
        read_cameras(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_text_model_without_lines_of_observations_is_refused(tmp_path):
    write_colmap_text(tmp_path, some_cameras(4), names_of(4))
    lines = (tmp_path / "images.txt").read_text().splitlines()
    (tmp_path / "images.txt").write_text("\n".join(line for line in lines if line.endswith("png")) + "\n")
    with pytest.raises(InputError, match=r"images\.txt.*observations"):
        read_cameras(tmp_path)


def test_a_pose_that_is_no_rotation_is_refused(tmp_path):
    write_colmap_text(tmp_path, some_cameras(1), names_of(1))
    (tmp_path / "images.txt").write_text("1 0 0 0 0 0 0 0 7 0.png\n\n")
    with pytest.raises(InputError, match=r"0\.png"):
        read_cameras(tmp_path)
    (tmp_path / "images.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="no image"):
        read_cameras(tmp_path)


@pytest.mark.parametrize("file", ["cameras.bin", "images.bin"])
def test_cut_binary_models_are_refused(tmp_path, file):
    write_colmap_binary(tmp_path, some_cameras(2), names_of(2))
    whole = (tmp_path / file).read_bytes()
    for damaged in (*(whole[:length] for length in range(0, len(whole), 7)), whole + b"1", b"\xff" * 7):
        (tmp_path / file).write_bytes(damaged)
        with pytest.raises(InputError, match=rf"{file}.*export"):
            read_cameras(tmp_path)


def write_run(folder, cameras, names, *, source_hw=(48, 64), crop=(4, 0, 40, 64), image_hw=(20, 32), **options):
    box = CropBox(top=crop[0], left=crop[1], height=crop[2], width=crop[3])
    with RunWriter(folder, RunInfo(model="x")) as writer:
        for number, name in enumerate(names):
            shown = cameras_of_view(cameras[number], box, image_hw).to(torch.float32)
            pose, intrinsics = shown.world_from_cam.numpy(), shown.intrinsics.numpy()
            content = replace(view(number, image_hw), name=name, world_from_cam=pose, intrinsics=intrinsics)
            writer.write_view(number, content, source_hw=source_hw, crop=crop, **options)
    return folder


def test_a_run_gives_the_cameras_of_its_original_images(tmp_path):
    cameras = some_cameras()
    known = read_cameras(write_run(tmp_path / "run", cameras, names_of(3), seconds=2.5))
    for number, found in enumerate(known.cameras):
        assert found.camera.image_hw == (48, 64)
        torch.testing.assert_close(found.camera.world_from_cam, cameras.world_from_cam[number], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found.camera.intrinsics, cameras.intrinsics[number], rtol=1e-5, atol=1e-5)
        assert (found.name, found.time) == (f"{number}.png", 2.5)
    assert read_cameras(tmp_path / "run" / "run.json").names == known.names


def test_a_run_without_records_gives_the_cameras_of_its_views(tmp_path):
    write_run(tmp_path / "run", some_cameras(), names_of(3))
    (tmp_path / "run" / "run.json").unlink()
    known = read_cameras(tmp_path / "run")
    assert known.names == ("000000", "000001", "000002")
    assert known.cameras[0].camera.image_hw == (20, 32)


def test_damaged_runs_are_refused(tmp_path):
    write_run(tmp_path / "run", some_cameras(), names_of(3))
    (tmp_path / "run" / "camera" / "000001.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"000001\.npz"):
        read_cameras(tmp_path / "run")


def test_what_holds_no_cameras_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "nowhere"):
        with pytest.raises(InputError, match=f"{path.name}.*COLMAP.*transforms"):
            read_cameras(path)


def test_the_fingerprint_tells_cameras_apart(tmp_path):
    known = read_cameras(write_colmap_text(tmp_path / "a", some_cameras(), names_of(3)))
    again = read_cameras(write_colmap_text(tmp_path / "b", some_cameras(), names_of(3)))
    assert known.fingerprint() == again.fingerprint()
    first = known.cameras[0]
    for changed in (
        replace(first, name="x"),
        replace(first, time=1.0),
        KnownCamera(name=first.name, camera=first.camera.scaled(2.0)),
        KnownCamera(name=first.name, camera=first.camera.resized((96, 128))),
    ):
        assert replace(known, cameras=(changed, *known.cameras[1:])).fingerprint() != known.fingerprint()


def test_no_cameras_are_none():
    with pytest.raises(ConfigError, match="no camera"):
        KnownCameras(source="x", cameras=())
