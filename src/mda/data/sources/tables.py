"""Tables that hold the cameras of a whole scene, read once and kept for the frames that follow."""

import functools
from typing import Any

import numpy as np

from mda.data.decode import read_hdf5, read_json, read_numbers
from mda.data.files import Files
from mda.shapes import Float, Shaped, ndarray

# Scenes whose tables are kept; loader processes go from scene to scene, so more would only use memory.
_KEPT = 32


@functools.lru_cache(maxsize=_KEPT)
def number_table(files: Files, path: str, columns: int, skip_rows: int = 0) -> Float[ndarray, "n columns"]:
    """A text file of numbers; see `read_numbers`. Not to be written to."""
    return read_numbers(files, path, columns=columns, skip_rows=skip_rows)


@functools.lru_cache(maxsize=_KEPT)
def json_table(files: Files, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A JSON file. Not to be written to."""
    return read_json(files, path)


@functools.lru_cache(maxsize=_KEPT)
def hdf5_table(files: Files, path: str, key: str) -> Shaped[ndarray, "..."]:
    """An array of an HDF5 file. Not to be written to."""
    return read_hdf5(files, path, key)


def rotation_from_quaternion(w: float, x: float, y: float, z: float) -> Float[ndarray, "3 3"]:
    """The rotation of a quaternion of any length."""
    with np.errstate(invalid="ignore", over="ignore"):  # of zeros or huge numbers it is no rotation, and refused later
        w, x, y, z = np.array([w, x, y, z], np.float64) / np.linalg.norm([w, x, y, z])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def pose_of(rotation: Float[ndarray, "3 3"], centre: Float[ndarray, "3"]) -> Float[ndarray, "4 4"]:
    """A pose from a rotation (world from camera) and the centre of the camera in the world."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, centre
    return pose


def inverse_pose(pose: Float[ndarray, "4 4"]) -> Float[ndarray, "4 4"]:
    """Inverse of a rigid motion; of anything else the result is not rigid either, and is refused later."""
    inverse = pose_of(pose[:3, :3].T, -pose[:3, :3].T @ pose[:3, 3])
    inverse[3] = pose[3]
    return inverse
