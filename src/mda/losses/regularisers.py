"""Small terms that keep the prediction at the scale of the truth (published release)."""

import torch

from mda.losses.reduce import Masked, mean_per_clip
from mda.shapes import Bool, Float, Tensor

# Depth below this takes no part in scales; predicted depth is never divided by less.
_MIN_TRUE_DEPTH, _MIN_DEPTH = 0.01, 1e-8
# Squares of larger ratios would not be finite in single precision.
_MAX_RATIO = 1e15


def depth_ratio(
    depth: Float[Tensor, "b v h w"], target: Float[Tensor, "b v h w"], mask: Bool[Tensor, "b v h w"]
) -> Masked:
    """Ratio target / depth per pixel, with gradient, where target is above 0.01."""
    counted = mask & (target > _MIN_TRUE_DEPTH)
    return Masked(values=torch.where(counted, target, 0.0) / depth.clamp_min(_MIN_DEPTH), mask=counted)


def scale_penalty(ratio: Masked) -> Float[Tensor, ""]:
    """Keep the truth's scale: mean_b (m_b - 1)^2 + mean_b (1 / m_b - 1)^2, where m_b is the mean ratio of a clip."""
    mean, _ = mean_per_clip(ratio)
    return _deviation(mean).mean() + _deviation((mean + 1e-8).reciprocal()).mean()


def point_scale_penalty(ratio: Masked) -> Float[Tensor, ""]:
    """Mean over the clips with enough points of (m_b - 1)^2, m_b the clip's mean ratio."""
    mean, enough = mean_per_clip(ratio)
    return Masked(values=_deviation(mean), mask=enough).tally().mean


def _deviation(ratio: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Squared distance of a ratio from one, bounded to stay finite."""
    return (ratio.clamp_max(_MAX_RATIO) - 1).square()
