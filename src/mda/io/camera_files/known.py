"""The record that every reader of camera files gives, and the checks that they share."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mda.errors import ConfigError, InputError
from mda.geometry import Cameras
from mda.shapes import Float, Tensor

_LOGGER = logging.getLogger(__name__)

# Entries of R^T R - I may be this large: files with a few decimals pass, scaled or sheared matrices do not.
_ROTATION_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class KnownCamera:
    """The camera of one image.

    Attributes:
        name: of the image, as the file says it (perhaps with folders).
        camera: batch shape [], in double precision; its `image_hw` is the size that the intrinsics are stated for.
        time: seconds since the start of the video that the image is from, or None.
    """

    name: str
    camera: Cameras
    time: float | None = None


@dataclass(frozen=True, kw_only=True)
class KnownCameras:
    """Cameras in one world, of images that are told apart by name.

    Attributes:
        source: what they were read from, for people.
        cameras: one for each image.
    """

    source: str
    cameras: tuple[KnownCamera, ...]

    def __post_init__(self) -> None:
        """Refuse to be empty.

        Raises:
            ConfigError: there is no camera.
        """
        if not self.cameras:
            message = f"{self.source} holds no camera; give at least one for each view."
            raise ConfigError(message)

    def __len__(self) -> int:
        return len(self.cameras)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images."""
        return tuple(camera.name for camera in self.cameras)

    def fingerprint(self) -> str:
        """Changes when a name, pose, intrinsic or image size changes; where the file lies does not matter."""
        digest = hashlib.sha256()
        for known in self.cameras:
            digest.update(repr((known.name, known.time, known.camera.image_hw)).encode())
            for values in (known.camera.world_from_cam, known.camera.intrinsics):
                digest.update(values.detach().cpu().double().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def known_camera(
    path: Path,
    name: str,
    *,
    world_from_cam: Float[Tensor, "4 4"],
    intrinsics: Float[Tensor, "3 3"],
    image_hw: tuple[int, int],
    time: float | None = None,
) -> KnownCamera:
    """A camera whose numbers can be one.

    Raises:
        InputError: the pose is no rigid motion, a focal length or side is not positive, or a number is not finite.
    """
    rotation = world_from_cam[:3, :3]
    problem = None
    if not (world_from_cam.isfinite().all() and intrinsics.isfinite().all()):
        problem = "has numbers that are not finite"
    elif min(image_hw) < 1 or min(float(intrinsics[0, 0]), float(intrinsics[1, 1])) <= 0:
        problem = f"has no positive focal length and image size (width {image_hw[1]}, height {image_hw[0]})"
    elif not is_rotation(rotation):
        problem = "has a pose that is no rotation with a translation (scaled, mirrored or sheared)"
    if problem is not None:
        message = f"{path}: the camera of {name} {problem}; correct it, or export the cameras again."
        raise InputError(message)
    camera = Cameras(world_from_cam=world_from_cam, intrinsics=intrinsics, image_hw=image_hw)
    return KnownCamera(name=name, camera=camera, time=time)


def is_rotation(matrix: Float[Tensor, "3 3"]) -> bool:
    """Whether a matrix is orthonormal and keeps handedness, to a few decimals."""
    error = matrix.T @ matrix - torch.eye(3, dtype=matrix.dtype)
    return bool(error.abs().max() < _ROTATION_TOLERANCE) and bool(torch.linalg.det(matrix) > 0)


def pinhole(focal_xy: tuple[float, float], center_xy: tuple[float, float]) -> Float[Tensor, "3 3"]:
    """Intrinsics without skew."""
    rows = [[focal_xy[0], 0.0, center_xy[0]], [0.0, focal_xy[1], center_xy[1]], [0.0, 0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64)


def warn_of_distortion(path: Path, distorted: Sequence[str]) -> None:
    """Say once per file that lens distortion is ignored, if there is any."""
    if distorted:
        shown = ", ".join(distorted[:3]) + ", ..." * (len(distorted) > 3)
        _LOGGER.warning(
            "%s has lens distortion (%s), which is ignored: poses and pinhole intrinsics are used as they are. "
            "Undistorted images with their own camera file give better results.",
            path, shown,
        )  # fmt: skip
