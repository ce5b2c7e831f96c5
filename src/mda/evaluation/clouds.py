"""Comparing two point clouds: rigid alignment, normals, and distances to nearest neighbours, all exact.

Point-to-point ICP stops as the library of the published release does (Open3D's defaults: 30 rounds, relative change of
fitness and of inlier RMSE below 1e-6). Trees of scipy find neighbours within a distance, those of small_gicp all others
(far points take them a third of the time); both are exact. Normals come from small_gicp.
"""

import math
import os
from dataclasses import dataclass

import numpy as np

from mda.optional import require
from mda.shapes import Float, Int, ndarray

ICP_DISTANCE = 0.1
"""Pairs of points farther apart than this (metres) do not pull (published)."""
_ICP_ROUNDS, _ICP_CHANGE = 30, 1e-6
_NORMAL_NEIGHBOURS = 30
# Fewer neighbours than this give no normal.
_FEWEST_NEIGHBOURS = 5


@dataclass(frozen=True, kw_only=True)
class CloudScores:
    """How well a predicted cloud matches a true one; in units of the points.

    Attributes:
        accuracy: [n] distance of each predicted point to the nearest true one.
        completeness: [m] distance of each true point to the nearest predicted one.
        normals_of_pred: [n] |cosine| between the normals of each predicted point and the nearest true one.
        normals_of_truth: [m] the same from the true points.
    """

    accuracy: Float[ndarray, " n"]
    completeness: Float[ndarray, " m"]
    normals_of_pred: Float[ndarray, " n"]
    normals_of_truth: Float[ndarray, " m"]


def nearest(tree_of: Float[ndarray, "m 3"], points: Float[ndarray, "n 3"]) -> tuple[ndarray, ndarray]:
    """Distance to, and number of, the nearest point of the first cloud for each of the second.

    Raises:
        MissingExtraError: small_gicp is not installed.
    """
    tree = require("small_gicp", "eval").KdTree(np.ascontiguousarray(tree_of, np.float64), num_threads=_workers())
    number, squared = tree.batch_knn_search(np.ascontiguousarray(points, np.float64), 1, num_threads=_workers())
    return np.sqrt(squared[:, 0]), number[:, 0].astype(np.int64)


def register(
    pred: Float[ndarray, "n 3"], truth: Float[ndarray, "m 3"], max_distance: float = ICP_DISTANCE
) -> Float[ndarray, "4 4"]:
    """Rigid motion that brings the predicted points to the true ones, by point-to-point ICP from the identity."""
    tree, motion, moved = _tree(truth), np.eye(4), pred.astype(np.float64)
    pairs, fitness, error = _pairs(tree, moved, max_distance)
    for _ in range(_ICP_ROUNDS):
        if not len(pairs[0]):
            break
        step = _rigid(moved[pairs[0]], truth[pairs[1]])
        motion = step @ motion
        moved = moved @ step[:3, :3].T + step[:3, 3]
        before = fitness, error
        pairs, fitness, error = _pairs(tree, moved, max_distance)
        if abs(before[0] - fitness) < _ICP_CHANGE and abs(before[1] - error) < _ICP_CHANGE:
            break
    return motion


def moved_by(motion: Float[ndarray, "4 4"], points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    """Points moved rigidly."""
    return points @ motion[:3, :3].T + motion[:3, 3]


def normals(points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    """Unit normals, without orientation, from the 30 nearest points (itself among them); zero where there are few.

    Raises:
        MissingExtraError: small_gicp is not installed.
    """
    if len(points) < _FEWEST_NEIGHBOURS:
        return np.zeros_like(points, dtype=np.float64)
    library = require("small_gicp", "eval")
    cloud = library.PointCloud(np.ascontiguousarray(points, dtype=np.float64))
    threads = _workers()
    tree = library.KdTree(cloud, num_threads=threads)
    library.estimate_normals(cloud, tree, num_neighbors=min(_NORMAL_NEIGHBOURS, len(points)), num_threads=threads)
    return np.array(cloud.normals())[:, :3]


def compare(pred: Float[ndarray, "n 3"], truth: Float[ndarray, "m 3"]) -> CloudScores:
    """Distances and normal consistency both ways; neither cloud may be empty."""
    accuracy, of_pred = nearest(truth, pred)
    completeness, of_truth = nearest(pred, truth)
    pred_normals, true_normals = normals(pred), normals(truth)
    return CloudScores(
        accuracy=accuracy,
        completeness=completeness,
        normals_of_pred=np.abs((pred_normals * true_normals[of_pred]).sum(-1)),
        normals_of_truth=np.abs((true_normals * pred_normals[of_truth]).sum(-1)),
    )


def _tree(points: Float[ndarray, "m 3"]):  # noqa: ANN202 - a class of an optional library
    return require("scipy.spatial", "eval").cKDTree(points)


def _pairs(tree, points: ndarray, max_distance: float) -> tuple[tuple[ndarray, ndarray], float, float]:  # noqa: ANN001
    """Pairs within the distance, the share of points that have one, and their root mean square distance."""
    distance, number = tree.query(points, distance_upper_bound=max_distance, workers=_workers())
    near: Int[ndarray, " p"] = np.flatnonzero(np.isfinite(distance))
    fitness = len(near) / max(1, len(points))
    error = math.sqrt(float(np.square(distance[near]).mean())) if len(near) else 0.0
    return (near, number[near]), fitness, error


def _rigid(source: Float[ndarray, "p 3"], target: Float[ndarray, "p 3"]) -> Float[ndarray, "4 4"]:
    """Rotation and translation that minimise the sum of squared distances (Kabsch)."""
    centre, goal = source.mean(0), target.mean(0)
    left, _, right = np.linalg.svd((target - goal).T @ (source - centre))
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    motion = np.eye(4)
    motion[:3, :3] = left @ sign @ right
    motion[:3, 3] = goal - motion[:3, :3] @ centre
    return motion


def _workers() -> int:
    """Threads to search with: those that were asked of everything else, else one per core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else os.cpu_count() or 1
