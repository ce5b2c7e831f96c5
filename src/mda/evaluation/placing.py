"""From predicted and true depth to points in one frame: the alignment chain of the boundary benchmark.

Published: scale and shift for the clip by `published_scale_and_shift`; true poses and focal lengths for both, but the
principal point of the prediction in the middle of the image; then the clouds are shifted along z to one median and the
prediction is scaled to the median distance of the true points from their median. Corrected: exact scale and shift,
double precision, and one camera model for both. Points are in the frame of the first camera, in units of the truth.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from mda.errors import InputError
from mda.evaluation.alignment import exact_scale_and_shift, lower_median, published_scale_and_shift
from mda.evaluation.benchmark import FrameTruth, Scene
from mda.evaluation.predictions import ScenePrediction
from mda.geometry import rigid_inverse
from mda.shapes import Bool, Float, Float32, Tensor, ndarray

# Published: bounds of the median distance of the predicted points from their median.
_SMALLEST_RADIUS, _LARGEST_RADIUS = 1e-3, 1e3


@dataclass(frozen=True, kw_only=True)
class PlacedView:
    """One view's points, at its valid pixels.

    Attributes:
        pred, truth: [n, 3].
        depth: true depth of the whole view, 0 where invalid.
        valid: its valid pixels.
    """

    pred: Float[ndarray, "n 3"]
    truth: Float[ndarray, "n 3"]
    depth: Float32[ndarray, "h w"]
    valid: Bool[ndarray, "h w"]

    def chosen(self, mask: Bool[ndarray, "h w"]) -> tuple[Float[ndarray, "m 3"], Float[ndarray, "m 3"]]:
        """Predicted and true points of the valid pixels in a mask."""
        chosen = mask[self.valid]
        return self.pred[chosen], self.truth[chosen]


@dataclass(frozen=True, kw_only=True)
class PlacedScene:
    """All views of a scene in the frame of the first camera.

    Attributes:
        views: in order.
        details: numbers of the chain.
    """

    views: tuple[PlacedView, ...]
    details: dict[str, float]


def place(scene: Scene, prediction: ScenePrediction, *, published: bool) -> PlacedScene:
    """Points of a scene, aligned.

    Raises:
        InputError: truth or prediction cannot be read, no pixel is valid, or a prediction is not finite.
    """
    truths = [frame.read_truth() for frame in scene.frames]
    depths = [_depth(scene, prediction, position, truth) for position, truth in enumerate(truths)]
    pred = torch.from_numpy(np.concatenate([d[t.mask] for d, t in zip(depths, truths, strict=True)]))
    true = torch.from_numpy(np.concatenate([t.depth[t.mask] for t in truths]))
    if not len(true):
        message = f"{scene.dataset} {scene.name} has no valid pixel in any frame; check the data set."
        raise InputError(message)
    align = published_scale_and_shift if published else exact_scale_and_shift
    scale, shift = align(pred, true)
    clouds = [
        _points(depth * np.float32(scale) + np.float32(shift), truth, truths[0], published=published)
        for depth, truth in zip(depths, truths, strict=True)
    ]
    details = {"scale": scale, "shift": shift, "valid_pixels": float(len(true))}
    pred_points, true_points, more = _normalised([p for p, _ in clouds], [t for _, t in clouds])
    views = tuple(
        PlacedView(pred=p, truth=t, depth=np.where(truth.mask, truth.depth, 0).astype(np.float32), valid=truth.mask)
        for p, t, truth in zip(pred_points, true_points, truths, strict=True)
    )
    return PlacedScene(views=views, details={**details, **more})


def _depth(scene: Scene, prediction: ScenePrediction, position: int, truth: FrameTruth) -> Float32[ndarray, "h w"]:
    """Predicted depth at the size of the truth; the nearest pixel where it has another, which adds no flying points.

    Raises:
        InputError: it is not finite at a pixel that counts.
    """
    depth = prediction.depth(position)
    if depth.shape != truth.depth.shape:
        depth = cv2.resize(np.ascontiguousarray(depth), truth.depth.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    if not np.isfinite(depth[truth.mask]).all():
        name = scene.frames[position].name
        message = f"The prediction for {scene.dataset} {scene.name}, {name}, holds NaN or infinite depth."
        raise InputError(message)
    return depth


def _points(
    depth: Float32[ndarray, "h w"], truth: FrameTruth, first: FrameTruth, *, published: bool
) -> tuple[Float[ndarray, "n 3"], Float[ndarray, "n 3"]]:
    """Predicted and true points at valid pixels, in the frame of the first camera.

    Published: true points in single precision, moved by a general inverse of the first pose; predicted ones in double,
    moved by a rigid one, which differs where rotations are not quite orthogonal.

    Raises:
        InputError: the data set gives no camera.
    """
    if truth.intrinsics is None or truth.world_from_cam is None or first.world_from_cam is None:
        message = "Boundary quality needs cameras of every frame."
        raise InputError(message)
    rows, columns = np.nonzero(truth.mask)
    height, width = depth.shape
    centre = truth.intrinsics[:2, 2] - 0.5
    focal = truth.intrinsics[0, 0], truth.intrinsics[1, 1]
    pose, start = truth.world_from_cam, first.world_from_cam
    if published:
        relative = rigid_inverse(torch.from_numpy(start).float()) @ torch.from_numpy(pose).float()
        pred = _unprojected(depth[rows, columns], rows, columns, focal, np.array([width / 2, height / 2]))
        relative = relative.double().numpy()
        pred = pred.astype(np.float64) @ relative[:3, :3].T + relative[:3, 3]
        pose, back = pose.astype(np.float32), np.linalg.inv(start.astype(np.float32))
        true = _unprojected(truth.depth[rows, columns], rows, columns, focal, centre)
        true = true @ pose[:3, :3].T + pose[:3, 3]
        return pred, (true @ back[:3, :3].T + back[:3, 3]).astype(np.float64)
    relative = np.linalg.inv(start) @ pose
    pred, true = (
        _unprojected(values[rows, columns].astype(np.float64), rows, columns, focal, centre) @ relative[:3, :3].T
        + relative[:3, 3]
        for values in (depth, truth.depth)
    )
    return pred, true


def _unprojected(
    depth: Float[ndarray, " n"], rows: ndarray, columns: ndarray, focal: tuple[float, float], centre: ndarray
) -> Float[ndarray, "n 3"]:
    """Camera points of pixels, in the precision of their depth."""
    x = (columns - centre[0].astype(depth.dtype)) * depth / depth.dtype.type(focal[0])
    y = (rows - centre[1].astype(depth.dtype)) * depth / depth.dtype.type(focal[1])
    return np.stack([x, y, depth], axis=-1).astype(depth.dtype)


def _normalised(
    pred: list[Float[ndarray, "_ 3"]], truth: list[Float[ndarray, "_ 3"]]
) -> tuple[list[ndarray], list[ndarray], dict[str, float]]:
    """Predicted points with the median z of the true ones and their median distance from their median point."""
    all_pred, all_true = torch.from_numpy(np.concatenate(pred)), torch.from_numpy(np.concatenate(truth))
    pred_z, true_z = float(lower_median(all_pred[:, 2])), float(lower_median(all_true[:, 2]))
    along = np.array([0.0, 0.0, 1.0])
    pred_radius = min(max(_radius(all_pred), _SMALLEST_RADIUS), _LARGEST_RADIUS)
    true_radius = _radius(all_true)
    factor = true_radius / pred_radius
    placed = [(points - pred_z * along) * factor + true_z * along for points in pred]
    return placed, truth, {"radius_pred": pred_radius, "radius_truth": true_radius}


def _radius(points: Float[Tensor, "n 3"]) -> float:
    """Median distance from the median of each coordinate; lower medians."""
    middle = torch.stack([lower_median(points[:, axis]) for axis in range(3)])
    return float(lower_median((points - middle).norm(dim=-1)))
