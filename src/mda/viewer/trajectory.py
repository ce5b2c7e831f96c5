"""Ways of the virtual camera: through keypoints, around the scene, along the cameras of the run."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.shapes import Float, Shaped, ndarray
from mda.viewer.poses import Pose, between, pose_from, pose_of_camera


def frame_count(seconds: float, fps: float) -> int:
    """Number of pictures of a film; at least 2."""
    return max(2, round(seconds * fps))


def through(keys: Sequence[Pose], count: int, *, loop: bool = False, smooth: bool = True) -> list[Pose]:
    """`count` poses through keypoints, with equal time between any two of them.

    A loop goes on from the last keypoint to the first and stops one step before it, so that the film begins anew
    without a halt.

    Args:
        keys: at least two.
        count: number of poses.
        loop: go back to the first keypoint.
        smooth: along a Catmull-Rom spline, without jerks; otherwise straight from keypoint to keypoint, as the
            published viewer does.

    Raises:
        ConfigError: there are fewer than two keypoints.
    """
    if len(keys) < 2:
        message = f"A way needs at least two keypoints; there are {len(keys)}."
        raise ConfigError(message)
    segments = len(keys) if loop else len(keys) - 1
    times = np.arange(count) * segments / count if loop else np.linspace(0, segments, count)
    numbers = _aligned(keys, loop=loop) if smooth else None
    poses = []
    for time in times:
        segment = min(int(time), segments - 1)
        share = float(time - segment)
        if numbers is None:
            poses.append(between(keys[segment], keys[(segment + 1) % len(keys)], share))
        else:
            poses.append(_pose(_catmull_rom(numbers[segment : segment + 4], share)))
    return poses


def orbit(pose: Pose, center: Float[ndarray, "3"], count: int, *, degrees: float = 360.0) -> list[Pose]:
    """`count` poses around a point, from a pose on, about the upward direction of its picture.

    A full turn stops one step before its beginning, so that the film begins anew without a halt; less than a full turn
    swings there and back.
    """
    full = degrees >= 360
    steps = np.arange(count) / count
    angles = np.radians(degrees) * (steps if full else 0.5 * np.sin(2 * math.pi * steps))
    up, offset = pose.up, np.array(pose.position) - center
    poses = []
    for angle in angles:
        turn = _about(up, float(angle))
        poses.append(pose_from(turn @ offset + center, turn @ pose.rotation, pose.fov))
    return poses


def along(cameras: Sequence[Cameras | None], count: int) -> list[Pose]:
    """`count` poses along the cameras of a run, smoothly.

    Raises:
        ConfigError: there is no camera.
    """
    poses = [pose_of_camera(camera) for camera in cameras if camera is not None]
    if not poses:
        message = "The run has no camera that can be read."
        raise ConfigError(message)
    return through(poses, count) if len(poses) > 1 else [poses[0]] * count


def _numbers(pose: Pose) -> Float[ndarray, "8"]:
    return np.array([*pose.position, *pose.wxyz, pose.fov])


def _pose(numbers: Float[ndarray, "8"]) -> Pose:
    px, py, pz, w, x, y, z, fov = map(float, numbers)
    return Pose(position=(px, py, pz), wxyz=(w, x, y, z), fov=min(max(fov, 0.02), 2.96))


def _aligned(keys: Sequence[Pose], *, loop: bool) -> Float[ndarray, "n 8"]:
    """Numbers of the keypoints with one before and two after them, quaternions on one side of the sphere throughout."""
    chain = [keys[-1], *keys, keys[0], keys[1]] if loop else [keys[0], *keys, keys[-1], keys[-1]]
    rows = [_numbers(key) for key in chain]
    for before, row in itertools.pairwise(rows):
        if before[3:7] @ row[3:7] < 0:
            row[3:7] *= -1
    if not loop:
        # Beyond the ends the way goes on as it came, so that it neither begins nor ends with a jerk.
        rows[0] = 2 * rows[1] - rows[2]
        rows[-2] = 2 * rows[-3] - rows[-4]
    return np.stack(rows)


def _catmull_rom(four: Float[ndarray, "4 n"], share: float) -> Float[ndarray, " n"]:
    """The cubic from the second row to the third whose slope at each is half the way between its neighbours."""
    a, b, c, d = four
    t = share
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _about(axis: Shaped[ndarray, "3"], angle: float) -> Float[ndarray, "3 3"]:
    """Rotation about an axis (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
