"""A run whose geometry is known: a square in front of a wall, seen by cameras in a row."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mda.io.archive import RunInfo, RunView, RunWriter
from mda.mixtures import DepthMixture

SIZE = (48, 64)
FRONT, BACK = 2.0, 4.0
FOCAL = 60.0
RED, BLUE, SKY_BLUE = (220, 40, 40), (40, 40, 220), (150, 200, 255)


def wall_view(number: int = 0, *, size: tuple[int, int] = SIZE, mixture: bool = True) -> RunView:
    """A red square at depth 2 before a blue wall at depth 4; sky in the top rows. The camera moves to the right.

    At the square's border, one pixel wide on either side, the density has two equal peaks; elsewhere all its components
    lie at the surface.
    """
    height, width = size
    inside = np.zeros(size, bool)
    inside[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
    sky = np.zeros(size, bool)
    sky[: height // 8] = True
    depth = np.where(inside, FRONT, BACK).astype(np.float32)
    color = np.where(inside[..., None], RED, BLUE).astype(np.uint8)
    color[sky] = SKY_BLUE
    pose = np.eye(4, dtype=np.float32)
    pose[0, 3] = 0.1 * number
    confidence = np.where(border(size), 1.5, 3.0).astype(np.float32)
    intrinsics = np.array([[FOCAL, 0, width / 2], [0, FOCAL, height / 2], [0, 0, 1]], np.float32)
    return RunView(
        name=f"wall ü {number}.jpg",
        color=color,
        depth=depth,
        world_from_cam=pose,
        intrinsics=intrinsics,
        sky=sky,
        confidence=confidence,
        mixture=_mixture(depth, border(size)) if mixture else None,
    )


def border(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Pixels at the border of the square, on either side."""
    height, width = size
    outer, inner = np.zeros(size, bool), np.zeros(size, bool)
    top, bottom, left, right = height // 3, 2 * height // 3, width // 3, 2 * width // 3
    outer[top - 1 : bottom + 1, left - 1 : right + 1] = True
    inner[top + 1 : bottom - 1, left + 1 : right - 1] = True
    return outer & ~inner


def _mixture(depth: np.ndarray, two: np.ndarray) -> DepthMixture:
    """Three components; at the border 0.5 in front, 0.3 + 0.2 behind."""
    locs = np.repeat(depth[..., None], 3, axis=-1)
    locs[two] = (FRONT, BACK, BACK)
    weights = np.log(np.broadcast_to(np.array([0.5, 0.3, 0.2], np.float32), locs.shape))
    return DepthMixture(
        locs=torch.from_numpy(locs),
        scales=torch.full(locs.shape, 0.02),
        log_weights=torch.from_numpy(weights.astype(np.float32)),
        family="laplace",
        space="linear",
    )


def write_run(folder: Path, views: int = 3, *, mixture: bool = True, **changes: object) -> Path:
    """A run of that many views; `changes` replace parts of all of them."""
    with RunWriter(folder, RunInfo(model="walls", licence="-", decoder="heaviest")) as writer:
        for number in range(views):
            writer.write_view(number, replace(wall_view(number, mixture=mixture), **changes))
    return folder
