"""`transforms.json` of nerfstudio, instant-ngp and NeRF (https://docs.nerf.studio/quickstart/data_conventions.html).

    {"fl_x": 600.0, "fl_y": 600.0, "cx": 320.0, "cy": 240.0, "w": 640, "h": 480,
     "frames": [{"file_path": "images/0.png", "transform_matrix": [[...], [...], [...], [...]]}, ...]}

Intrinsics stand at the top or in a frame, which goes before; NeRF's own files give `camera_angle_x` instead of a focal
length. `transform_matrix` is world from camera with OpenGL axes (x right, y up, z backward). Principal points are those
of COLMAP, with the centre of the top-left pixel at (0.5, 0.5).
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mda.errors import InputError
from mda.geometry import homogeneous
from mda.io.camera_files.known import KnownCamera, KnownCameras, known_camera, pinhole, warn_of_distortion
from mda.shapes import Float, Tensor

TRANSFORMS_FILE = "transforms.json"
_PERSPECTIVE = ("PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV", "PERSPECTIVE")
_DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_EXPECTED = 'expected {"fl_x": ..., "w": ..., "h": ..., "frames": [{"file_path": ..., "transform_matrix": 4x4}, ...]}'


class _Frame:
    """One frame; what it does not say itself stands at the top of the file."""

    def __init__(self, content: dict[str, Any], frame: dict[str, Any]) -> None:
        self._content = content
        self._frame = frame
        # Backslashes are those of a file written on Windows.
        self.name = str(frame["file_path"]).replace("\\", "/").removeprefix("./")

    def get(self, key: str) -> Any:  # noqa: ANN401 - whatever the file says
        """A value, or None."""
        return self._frame.get(key, self._content.get(key))

    def number(self, key: str) -> float | None:
        """A number, or None.

        Raises:
            TypeError, ValueError: it is something else.
        """
        value = self.get(key)
        return None if value is None else float(value)


def read_transforms(path: Path) -> KnownCameras:
    """Read the cameras of a `transforms.json`.

    Raises:
        InputError: the file is malformed, its cameras are none that a pinhole can stand for (fisheye), or it neither
            says the size of its images nor lies beside them.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        frames = [_Frame(content, frame) for frame in content["frames"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{path} is no camera file ({error!r}); {_EXPECTED}."
        raise InputError(message) from error
    if not frames:
        message = f"{path} holds no frame; {_EXPECTED}."
        raise InputError(message)
    cameras = tuple(_camera(path, frame) for frame in frames)
    try:
        distorted = [frame.name for frame in frames if any(frame.number(key) for key in _DISTORTION)]
    except (TypeError, ValueError) as error:
        message = f"{path}: a coefficient of distortion is no number ({error}); correct it."
        raise InputError(message) from error
    warn_of_distortion(path, distorted)
    return KnownCameras(source=str(path), cameras=cameras)


def _camera(path: Path, frame: _Frame) -> KnownCamera:
    """The camera of a frame.

    Raises:
        InputError: it lacks something, or is no pinhole.
    """
    model = str(frame.get("camera_model") or "PINHOLE")
    if frame.get("is_fisheye"):
        model = "OPENCV_FISHEYE"
    if model.upper() not in _PERSPECTIVE:
        message = (
            f"{path}: {frame.name} has a camera of model {model}, which no pinhole can stand for; undistort the images "
            f"and give their camera file. Read are {', '.join(_PERSPECTIVE)}."
        )
        raise InputError(message)
    try:
        image_hw = _image_hw(path, frame)
        intrinsics = _intrinsics(frame, image_hw)
        world_from_cam = _world_from_cam(frame.get("transform_matrix"))
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        message = f"{path}: the frame {frame.name} is malformed ({error}); {_EXPECTED}."
        raise InputError(message) from error
    return known_camera(path, frame.name, world_from_cam=world_from_cam, intrinsics=intrinsics, image_hw=image_hw)


def _image_hw(path: Path, frame: _Frame) -> tuple[int, int]:
    """Size of the image, from the file of cameras or else from the image beside it.

    Raises:
        InputError: neither tells.
    """
    width, height = frame.number("w"), frame.number("h")
    if width is not None and height is not None:
        return round(height), round(width)
    image = path.parent / frame.name
    for candidate in (image, image.with_name(f"{image.name}.png")):  # NeRF's files leave the extension out
        if candidate.is_file():
            try:
                with Image.open(candidate) as file:
                    return file.height, file.width
            except Exception as error:
                message = f"{path} lacks w and h, and {candidate} cannot be read ({error}); add w and h."
                raise InputError(message) from error
    message = f"{path} lacks w and h, the size of its images, and {image} is not there; add w and h."
    raise InputError(message)


def _intrinsics(frame: _Frame, image_hw: tuple[int, int]) -> Float[Tensor, "3 3"]:
    """Intrinsics; pixels are square and the principal point is the centre where nothing else is said.

    Raises:
        ValueError: there is no focal length.
    """
    height, width = image_hw
    across = _focal(frame, "fl_x", "camera_angle_x", width)
    down = _focal(frame, "fl_y", "camera_angle_y", height)
    if across is None and down is None:
        message = "it has neither fl_x nor camera_angle_x"
        raise ValueError(message)
    cx, cy = frame.number("cx"), frame.number("cy")
    return pinhole(
        (across if across is not None else down or 0.0, down if down is not None else across or 0.0),
        (width / 2 if cx is None else cx, height / 2 if cy is None else cy),
    )


def _focal(frame: _Frame, key: str, angle_key: str, side: int) -> float | None:
    """Focal length, said in pixels or as the angle that a side of the image spans; None where it is not said."""
    focal, angle = frame.number(key), frame.number(angle_key)
    if focal is None and angle is not None:
        focal = side / 2 / math.tan(angle / 2)
    return focal


def _world_from_cam(matrix: object) -> Float[Tensor, "4 4"]:
    """Pose in OpenCV axes of a pose in OpenGL axes: the camera's y and z axes change their sign.

    Raises:
        ValueError, TypeError: it is no 4x4 (or 3x4) matrix.
    """
    if not isinstance(matrix, list):
        message = "it has no transform_matrix"
        raise TypeError(message)
    pose = torch.tensor(matrix, dtype=torch.float64)
    if tuple(pose.shape) not in {(3, 4), (4, 4)}:
        message = f"its transform_matrix is of shape {tuple(pose.shape)}"
        raise ValueError(message)
    pose = homogeneous(pose)
    if pose[3].tolist() != [0, 0, 0, 1]:
        message = f"the last row of its transform_matrix is {pose[3].tolist()}"
        raise ValueError(message)
    return pose * pose.new_tensor([1, -1, -1, 1])
