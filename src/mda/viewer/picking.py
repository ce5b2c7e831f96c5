"""What lies under the pointer: points near a ray, and pixels of cameras hit by a ray."""

import numpy as np
import torch

from mda.geometry import Cameras, project
from mda.shapes import Float, Float32, ndarray

# Points so close to the ray (radians) are under the pointer; if there is none, the closest one so near is meant.
_UNDER, _NEAR = 0.004, 0.02


def point_on_ray(
    positions: Float32[ndarray, "n 3"], origin: Float[ndarray, "3"], direction: Float[ndarray, "3"]
) -> int | None:
    """Number of the point that a click meant: the first one on the ray, or the one closest to it; None if none is near.

    Args:
        positions: the points.
        origin: where the eye is.
        direction: of the ray, of any length.
    """
    length = float(np.linalg.norm(direction))
    if len(positions) == 0 or not length > 0:
        return None
    unit = (direction / length).astype(np.float32)
    offsets = positions - origin.astype(np.float32)
    along = offsets @ unit
    beside = np.sqrt(np.maximum(np.einsum("ni,ni->n", offsets, offsets) - along**2, 0))
    angle = np.where(along > 0, beside / np.maximum(along, 1e-12), np.inf)
    under = np.flatnonzero(angle < _UNDER)
    if len(under):
        return int(under[along[under].argmin()])
    closest = int(angle.argmin())
    return closest if angle[closest] < _NEAR else None


def pixel_on_ray(
    camera: Cameras, plane: float, origin: Float[ndarray, "3"], direction: Float[ndarray, "3"]
) -> tuple[int, int] | None:
    """Row and column of the pixel where a ray meets the picture plane of a camera; None where it misses the picture.

    Args:
        camera: the camera.
        plane: distance of the drawn picture from its centre.
        origin: where the eye is.
        direction: of the ray.
    """
    inverse = camera.cam_from_world.double().numpy()
    start = inverse[:3, :3] @ origin + inverse[:3, 3]
    step = inverse[:3, :3] @ direction
    if abs(step[2]) < 1e-12:
        return None
    share = (plane - start[2]) / step[2]
    if share <= 0:
        return None
    point = origin + share * np.asarray(direction, dtype=np.float64)
    pixels, _ = project(torch.from_numpy(point[None]), camera.to(torch.float64))
    column, row = (int(np.floor(value)) for value in pixels[0].tolist())
    height, width = camera.image_hw
    return (row, column) if 0 <= row < height and 0 <= column < width else None


def distance(first: Float[ndarray, "3"], second: Float[ndarray, "3"]) -> float:
    """Distance of two points, in units of the run."""
    return float(np.linalg.norm(np.asarray(second, np.float64) - np.asarray(first, np.float64)))
