"""Depth boundary errors of iBims-1: how far predicted edges lie from true ones, in pixels (Koch et al. 2018).

Edges of a prediction are Canny edges of its depth, brought to 0 .. 1 by its smallest and largest value; one outlier
changes them, as published.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.optional import require
from mda.shapes import Bool, Float, Tensor, ndarray

# Canny's blur and thresholds, and the distance at which errors are cut, as published.
SIGMA, LOW, HIGH = math.sqrt(2), 0.15, 0.3
FARTHEST = 10.0


@dataclass(frozen=True, kw_only=True)
class DepthBoundaryErrors:
    """Errors in pixels, one per image; images without a true edge are not scored.

    Attributes:
        accuracy: mean distance to the nearest true edge, over predicted edge pixels nearer than 10; 10 if none is.
        completeness: mean distance, cut at 10, from each predicted edge pixel to the nearest true one and from each
            true one to the nearest predicted one, over both together; 10 if no predicted edge is near a true one.
    """

    accuracy: Scores
    completeness: Scores


def depth_boundary_errors(depth: Float[Tensor, "*b h w"], true_edge: Bool[Tensor, "*b h w"]) -> DepthBoundaryErrors:
    """Compare the edges of a prediction with given edges (those of iBims-1, or `canny_edges` of the true depth).

    Pixels without a predicted point are left out of the edge search.

    Raises:
        MissingExtraError: scipy or scikit-image is not installed.
    """
    height, width = depth.shape[-2:]
    images = zip(depth.reshape(-1, height, width), true_edge.reshape(-1, height, width), strict=True)
    found = [_errors(canny_edges(image, usable(image)).numpy(), edges.cpu().numpy()) for image, edges in images]
    values = torch.tensor(found, dtype=torch.float64).reshape(*depth.shape[:-2], 2)
    accuracy, completeness = (Scores(values=part, mask=part.isfinite()) for part in values.unbind(-1))
    return DepthBoundaryErrors(accuracy=accuracy, completeness=completeness)


def canny_edges(depth: Float[Tensor, "h w"], valid: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """Canny edges of a depth map whose valid values are brought to 0 .. 1.

    Raises:
        MissingExtraError: scikit-image is not installed.
    """
    canny = require("skimage.feature", "eval").canny
    values, mask = depth.double().cpu().numpy(), valid.cpu().numpy()
    if not mask.any() or (span := float(np.ptp(values[mask]))) == 0:
        return torch.zeros(depth.shape, dtype=torch.bool)
    scaled = np.where(mask, (values - values[mask].min()) / span, 0.0)
    edges = canny(scaled, sigma=SIGMA, low_threshold=LOW, high_threshold=HIGH, mask=None if mask.all() else mask)
    return torch.from_numpy(edges)


def _errors(predicted: Bool[ndarray, "h w"], true: Bool[ndarray, "h w"]) -> tuple[float, float]:
    """Accuracy and completeness of one image; NaN without a true edge."""
    if not true.any():
        return math.nan, math.nan
    distance = require("scipy.ndimage", "eval").distance_transform_edt
    to_true = distance(~true)
    near = predicted & (to_true < FARTHEST)
    if not near.any():
        return FARTHEST, FARTHEST
    to_predicted = distance(~predicted)
    cut = np.minimum(to_true[predicted], FARTHEST).sum() + np.minimum(to_predicted[true], FARTHEST).sum()
    return float(to_true[near].mean()), float(cut / (predicted.sum() + true.sum()))
