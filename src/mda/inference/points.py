"""The point cloud of a run on disk, view by view, so that long runs need no more memory than the cloud itself."""

import math

import torch

from mda.geometry import Cameras, points_from_depth
from mda.io.run import Run
from mda.structures import PointCloud

MAX_POINTS = 4_000_000
"""Points of a run's cloud, about 80 MB of PLY; more pixels than that are thinned out evenly."""


def points_of_run(run: Run, *, max_points: int = MAX_POINTS) -> PointCloud:
    """Coloured world points of all views of a run; sky and what is not finite or not in front is left out.

    Args:
        run: the run.
        max_points: if there are more pixels, every s-th row and column is used, with the smallest s that suffices.

    Raises:
        InputError: a file of the run is missing or damaged.
    """
    height, width = run.image_hw
    step = _step(height, width, len(run), max_points)
    positions, colors, confidences = [], [], []
    for number in range(len(run)):
        view = run.view(number)
        depth = torch.from_numpy(view.depth.copy())
        camera = Cameras(
            world_from_cam=torch.from_numpy(view.world_from_cam),
            intrinsics=torch.from_numpy(view.intrinsics),
            image_hw=(height, width),
        )
        points = points_from_depth(depth, camera)[::step, ::step]
        keep = points.isfinite().all(-1) & (depth[::step, ::step] > 0)
        if view.sky is not None:
            keep &= ~torch.from_numpy(view.sky.copy())[::step, ::step]
        positions.append(points[keep])
        colors.append(torch.from_numpy(view.color.copy())[::step, ::step][keep])
        if view.confidence is not None:
            confidences.append(torch.from_numpy(view.confidence.copy())[::step, ::step][keep])
    confidence = torch.cat(confidences) if len(confidences) == len(run) else None
    return PointCloud(positions=torch.cat(positions), colors=torch.cat(colors), confidence=confidence)


def _step(height: int, width: int, views: int, max_points: int) -> int:
    """Smallest step in rows and columns that keeps at most `max_points` pixels."""
    step = max(1, math.isqrt(height * width * views // max_points))
    while math.ceil(height / step) * math.ceil(width / step) * views > max_points and step < max(height, width):
        step += 1
    return step
