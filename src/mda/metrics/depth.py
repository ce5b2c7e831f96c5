"""Depth errors per pixel, and the one scale per clip by which a prediction is aligned before.

A value outside the mask means nothing. Inside it a prediction that is not finite gives a value that is not finite (or,
for `delta`, a miss): such pixels are never dropped silently.
"""

import math

import torch

from mda.metrics.tally import Scores, Tally
from mda.shapes import Bool, Float, Tensor

# A pixel is right when prediction and truth differ by less than this factor (Eigen et al. 2014, first of three).
DELTA_THRESHOLD = 1.25


def align_scale(
    pred: Float[Tensor, "*b v h w"], target: Float[Tensor, "*b v h w"], mask: Bool[Tensor, "*b v h w"]
) -> Float[Tensor, "*b"]:
    """One scale per clip: the median over the mask of target / pred (of an even number the lower of the middle two).

    It minimises the sum of |log(scale * pred) - log(target)|, so near and far pixels weigh alike, a prediction that is
    right up to a factor is aligned exactly, and up to half of the pixels may be wrong without any effect. Pixels whose
    prediction is not finite or not positive take no part. NaN where no pixel is left.
    """
    usable = mask & pred.isfinite() & (pred > 0)
    ratio = torch.where(usable, target / torch.where(usable, pred, 1.0), torch.nan)
    return ratio.flatten(-3).nanmedian(-1).values


def abs_rel(pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], mask: Bool[Tensor, "*b h w"]) -> Scores:
    """Absolute relative error |pred - target| / target."""
    return Scores(values=(pred - target).abs() / target, mask=mask)


def delta(
    pred: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    mask: Bool[Tensor, "*b h w"],
    *,
    threshold: float = DELTA_THRESHOLD,
) -> Scores:
    """Whether max(pred / target, target / pred) < threshold; a prediction that is not positive is a miss."""
    within = (torch.maximum(pred / target, target / pred) < threshold) & (pred > 0)
    return Scores(values=within, mask=mask)


def squared_error(
    pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], mask: Bool[Tensor, "*b h w"]
) -> Scores:
    """(pred - target)^2; the RMSE is `root_mean` of its tally."""
    return Scores(values=(pred - target).square(), mask=mask)


def squared_log_error(
    pred: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], mask: Bool[Tensor, "*b h w"]
) -> Scores:
    """(ln pred - ln target)^2; the log RMSE is `root_mean` of its tally."""
    return Scores(values=(pred.log() - target.log()).square(), mask=mask)


def root_mean(squares: Tally) -> float:
    """Square root of the mean of squares; NaN where nothing was counted."""
    return math.sqrt(squares.mean)
