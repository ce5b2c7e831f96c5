"""Where somebody looks from: poses of the virtual camera."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, compose, matrix_from_quaternion, quaternion_from_matrix
from mda.shapes import Float, Shaped, ndarray

_MIN_FOV, _MAX_FOV = math.radians(1.0), math.radians(170.0)
UP_AXES = ("-y", "+y", "-z", "+z", "-x", "+x")
"""Directions that can be up in the world; -y is that of the first camera."""


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A pinhole camera that looks along its z axis, y down; its principal point is the centre.

    Attributes:
        position: in the world.
        wxyz: unit quaternion of the rotation from camera to world, scalar first.
        fov: vertical field of view in radians.

    Raises:
        ConfigError: a number is not finite, the quaternion is zero, or the field of view makes no picture.
    """

    position: tuple[float, float, float]
    wxyz: tuple[float, float, float, float]
    fov: float

    def __post_init__(self) -> None:
        """Check, and bring the quaternion to length 1."""
        numbers = (*self.position, *self.wxyz, self.fov)
        length = math.hypot(*self.wxyz)
        if not (len(numbers) == 8 and all(map(math.isfinite, numbers)) and length > 1e-9):
            message = f"A view needs a finite position and a rotation, found {self.position} and {self.wxyz}."
            raise ConfigError(message)
        if not _MIN_FOV <= self.fov <= _MAX_FOV:
            message = f"A view needs a field of view of 1 to 170 degrees, found {math.degrees(self.fov):g}."
            raise ConfigError(message)
        w, x, y, z = (value / length for value in self.wxyz)
        object.__setattr__(self, "wxyz", (w, x, y, z))

    @property
    def rotation(self) -> Float[ndarray, "3 3"]:
        """Rotation from camera to world; its columns are right, down and forward."""
        w, x, y, z = self.wxyz
        return matrix_from_quaternion(torch.tensor([x, y, z, w], dtype=torch.float64)).numpy()

    @property
    def forward(self) -> Float[ndarray, "3"]:
        """The direction of sight."""
        return self.rotation[:, 2]

    @property
    def up(self) -> Float[ndarray, "3"]:
        """The upward direction of the picture."""
        return -self.rotation[:, 1]

    def cameras(self, image_hw: tuple[int, int]) -> Cameras:
        """The camera for pictures of that size."""
        height, width = image_hw
        across = 2 * math.atan(math.tan(self.fov / 2) * width / height)
        pose = compose(torch.from_numpy(self.rotation), torch.tensor(self.position, dtype=torch.float64))
        return Cameras.from_fov(pose, torch.tensor([self.fov, across], dtype=torch.float64), image_hw)

    def turned(self, *, tilt: float = 0.0, roll: float = 0.0, fov: float | None = None) -> "Pose":
        """Turned about the camera's own axes: `tilt` upwards about x, `roll` clockwise about z, in radians."""
        x = np.array([[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]])
        z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
        turned = with_rotation(self, self.rotation @ x @ z)
        return turned if fov is None else replace(turned, fov=fov)


def with_rotation(pose: Pose, rotation: Shaped[ndarray, "3 3"]) -> Pose:
    """The pose with another rotation."""
    return pose_from(np.asarray(pose.position), rotation, pose.fov)


def pose_from(position: Shaped[ndarray, "3"], rotation: Shaped[ndarray, "3 3"], fov: float) -> Pose:
    """A pose from a rotation matrix."""
    quaternion = quaternion_from_matrix(torch.from_numpy(np.asarray(rotation, dtype=np.float64)))
    x, y, z, w = quaternion.tolist()
    px, py, pz = map(float, position)
    return Pose(position=(px, py, pz), wxyz=(w, x, y, z), fov=float(fov))


def pose_of_camera(camera: Cameras) -> Pose:
    """The pose of a camera of a run; a principal point off the centre is lost."""
    fov = min(max(float(camera.fov[0]), _MIN_FOV), _MAX_FOV)
    return pose_from(camera.centers.numpy(), camera.world_from_cam[:3, :3].numpy(), fov)


def between(first: Pose, second: Pose, share: float) -> Pose:
    """The pose at a share 0..1 of the way: position and field of view linear, rotation along the shorter arc."""
    a, b = np.array(first.wxyz), np.array(second.wxyz)
    w, x, y, z = map(float, slerp(a, b, share))
    position = (1 - share) * np.array(first.position) + share * np.array(second.position)
    px, py, pz = map(float, position)
    return Pose(position=(px, py, pz), wxyz=(w, x, y, z), fov=(1 - share) * first.fov + share * second.fov)


def slerp(a: Shaped[ndarray, "4"], b: Shaped[ndarray, "4"], share: float) -> Shaped[ndarray, "4"]:
    """Spherical interpolation of unit quaternions along the shorter arc (Shoemake 1985)."""
    b = -b if a @ b < 0 else b
    angle = math.acos(min(1.0, float(a @ b)))
    if angle < 1e-6:
        mixed = (1 - share) * a + share * b
    else:
        mixed = (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)
    return mixed / np.linalg.norm(mixed)
