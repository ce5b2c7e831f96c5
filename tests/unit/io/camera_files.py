"""Cameras made for tests, and the formats that hold them, written from their documentation and not with our readers."""

import json
import struct

import torch

from mda.geometry import Cameras, compose, matrix_from_quaternion, quaternion_from_matrix

# Number of each camera model in binary files, and its parameters from (fx, fy, cx, cy).
MODELS = {
    "SIMPLE_PINHOLE": (0, lambda f, _, cx, cy: (f, cx, cy)),
    "PINHOLE": (1, lambda fx, fy, cx, cy: (fx, fy, cx, cy)),
    "SIMPLE_RADIAL": (2, lambda f, _, cx, cy: (f, cx, cy, 0.0)),
    "RADIAL": (3, lambda f, _, cx, cy: (f, cx, cy, 0.0, 0.0)),
    "OPENCV": (4, lambda fx, fy, cx, cy: (fx, fy, cx, cy, 0.0, 0.0, 0.0, 0.0)),
    "FULL_OPENCV": (6, lambda fx, fy, cx, cy: (fx, fy, cx, cy, *[0.0] * 8)),
}


def some_cameras(count=3, *, hw=(48, 64), square=False, seed=0) -> Cameras:
    """Cameras anywhere that look anywhere, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    draw = {"generator": generator, "dtype": torch.float64}
    pose = compose(matrix_from_quaternion(torch.randn(count, 4, **draw)), torch.randn(count, 3, **draw) * 3)
    intrinsics = torch.eye(3, dtype=torch.float64).repeat(count, 1, 1)
    intrinsics[:, 0, 0] = 50 + 20 * torch.rand(count, **draw)
    intrinsics[:, 1, 1] = intrinsics[:, 0, 0] if square else 50 + 20 * torch.rand(count, **draw)
    intrinsics[:, 0, 2] = hw[1] / 2 + torch.randn(count, **draw)
    intrinsics[:, 1, 2] = hw[0] / 2 + torch.randn(count, **draw)
    return Cameras(world_from_cam=pose, intrinsics=intrinsics, image_hw=hw)


def names_of(count):
    return [f"{number}.png" for number in range(count)]


def parameters_of(cameras, number):
    k = cameras.intrinsics[number]
    return tuple(float(value) for value in (k[0, 0], k[1, 1], k[0, 2], k[1, 2]))


def pose_of(cameras, number):
    """(w, x, y, z) and translation of world to camera."""
    motion = cameras.world_from_cam[number].inverse()
    x, y, z, w = quaternion_from_matrix(motion[:3, :3]).tolist()
    return (w, x, y, z), tuple(motion[:3, 3].tolist())


def write_colmap_text(folder, cameras, names, *, model="PINHOLE", parameters=None):
    folder.mkdir(parents=True, exist_ok=True)
    height, width = cameras.image_hw
    lenses, shots = (
        ["# Camera list with one line of data per camera:"],
        ["# Image list with two lines of data per image:"],
    )
    for number, name in enumerate(names):
        values = parameters or MODELS[model][1](*parameters_of(cameras, number))
        lenses.append(f"{number + 7} {model} {width} {height} " + " ".join(map(repr, values)))
        quaternion, translation = pose_of(cameras, number)
        numbers = " ".join(map(repr, (*quaternion, *translation)))
        shots += [f"{number + 1} {numbers} {number + 7} {name}", "" if number % 2 else "10.5 20.25 -1 3 4 17"]
    (folder / "cameras.txt").write_text("\n".join(lenses) + "\n")
    (folder / "images.txt").write_text("\n".join(shots) + "\n")
    return folder


def write_colmap_binary(folder, cameras, names, *, model="PINHOLE", parameters=None):
    folder.mkdir(parents=True, exist_ok=True)
    height, width = cameras.image_hw
    number_of_model, of_pinhole = MODELS.get(model, (5, None))
    lenses, shots = struct.pack("<Q", len(names)), struct.pack("<Q", len(names))
    for number, name in enumerate(names):
        values = parameters or of_pinhole(*parameters_of(cameras, number))
        lenses += struct.pack(f"<IiQQ{len(values)}d", number + 7, number_of_model, width, height, *values)
        quaternion, translation = pose_of(cameras, number)
        shots += struct.pack("<I7dI", number + 1, *quaternion, *translation, number + 7)
        shots += name.encode() + b"\0" + struct.pack("<Q", number)
        shots += b"".join(struct.pack("<ddQ", 1.5, 2.5, 3) for _ in range(number))
    (folder / "cameras.bin").write_bytes(lenses)
    (folder / "images.bin").write_bytes(shots)
    return folder


def opengl_matrix(cameras, number):
    """World from camera, where the camera's y points up and its z backward."""
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
    return (cameras.world_from_cam[number] @ flip).tolist()


def transforms_of(cameras, names) -> dict:
    """Content of a transforms.json, intrinsics in each frame."""
    height, width = cameras.image_hw
    frames = []
    for number, name in enumerate(names):
        fx, fy, cx, cy = parameters_of(cameras, number)
        frames.append(
            {
                "file_path": f"./{name}",
                "transform_matrix": opengl_matrix(cameras, number),
                "fl_x": fx,
                "fl_y": fy,
                "cx": cx,
                "cy": cy,
            }
        )
    return {"camera_model": "OPENCV", "w": width, "h": height, "frames": frames}


def write_transforms(path, cameras, names):
    path.write_text(json.dumps(transforms_of(cameras, names)))
    return path
