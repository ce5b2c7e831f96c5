"""Pictures of clouds without a browser or a graphics card: every point a square, the nearest one wins.

The same points give the same picture on every machine, up to the rounding of its floating-point unit.
"""

import typing

import numpy as np
from numba import njit

from mda.shapes import Float32, UInt8, ndarray
from mda.viewer.poses import Pose

BACKGROUND = (24, 24, 28)
_LARGEST = 64  # pixels; a point right before the eye must not cover everything


def render(
    positions: Float32[ndarray, "n 3"],
    colors: UInt8[ndarray, "n 3"],
    pose: Pose,
    image_hw: tuple[int, int],
    *,
    size: float,
    finer: int = 2,
) -> UInt8[ndarray, "h w 3"]:
    """Draw points as seen from a pose.

    Args:
        positions: in the world.
        colors: RGB.
        pose: of the camera.
        image_hw: size of the picture.
        size: of the points from their centre, in units of the world; a point is never smaller than a pixel.
        finer: draw so many times finer and average, against jagged edges.
    """
    height, width = image_hw[0] * finer, image_hw[1] * finer
    camera = pose.cameras((height, width))
    cam_from_world = camera.cam_from_world.numpy().astype(np.float32)
    focal = float(camera.intrinsics[1, 1])
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = BACKGROUND
    depth = np.full((height, width), np.inf, np.float32)
    _splat(
        np.ascontiguousarray(positions, np.float32),
        np.ascontiguousarray(colors, np.uint8),
        cam_from_world,
        np.float32(focal),
        np.float32(size),
        np.float32(finer / 2),
        picture,
        depth,
    )
    if finer == 1:
        return picture
    blocks = picture.reshape(image_hw[0], finer, image_hw[1], finer, 3)
    return np.round(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)


@typing.no_type_check
@njit(cache=True, nogil=True, error_model="numpy")
def _splat(positions, colors, cam_from_world, focal, size, smallest, picture, depth):  # noqa: ANN001, ANN202
    """Draw each point as a square, the nearest one on top, of equals the first; pixel centres lie at halves."""
    height, width = depth.shape
    for i in range(positions.shape[0]):
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        cz = cam_from_world[2, 0] * x + cam_from_world[2, 1] * y + cam_from_world[2, 2] * z + cam_from_world[2, 3]
        if not cz > 1e-6:
            continue
        cx = cam_from_world[0, 0] * x + cam_from_world[0, 1] * y + cam_from_world[0, 2] * z + cam_from_world[0, 3]
        cy = cam_from_world[1, 0] * x + cam_from_world[1, 1] * y + cam_from_world[1, 2] * z + cam_from_world[1, 3]
        u = focal * cx / cz + width / 2
        v = focal * cy / cz + height / 2
        half = min(max(size * focal / cz, smallest), _LARGEST / 2)
        if not (u + half > 0 and u - half < width and v + half > 0 and v - half < height):
            continue
        left, right = max(int(np.ceil(u - half - 0.5)), 0), min(int(np.ceil(u + half - 0.5)), width)
        top, bottom = max(int(np.ceil(v - half - 0.5)), 0), min(int(np.ceil(v + half - 0.5)), height)
        for row in range(top, bottom):
            for column in range(left, right):
                if cz < depth[row, column]:
                    depth[row, column] = cz
                    picture[row, column, 0] = colors[i, 0]
                    picture[row, column, 1] = colors[i, 1]
                    picture[row, column, 2] = colors[i, 2]
