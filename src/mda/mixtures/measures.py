"""Moments, entropy and scores of mixtures."""

import math

import numpy as np
import torch

from mda.mixtures.families import Family
from mda.mixtures.rows import map_rows, tile_rows
from mda.mixtures.spaces import LOG_OFFSET, Space
from mda.shapes import Float, Tensor


def depth_moments(
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
    space: Space,
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Mean and standard deviation of depth itself, also where the mixture is one of log depth."""
    if space is Space.LOG:
        means, variances = family.exp_moments(locs, scales)
        means = means - LOG_OFFSET
    else:
        means, variances = locs, family.variance(scales)
    weights = log_weights.exp()
    mean = _weighted_sum(weights, means)
    # With an infinite mean there is no spread about it; the variances of the components are infinite then, too.
    about = torch.where(means.isfinite(), (means - mean[..., None]).square(), 0.0)
    variance = _weighted_sum(weights, variances + about)
    return mean, variance.sqrt()


def _weighted_sum(weights: Float[Tensor, "*b k"], values: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
    """Sum over components; one without weight does not count even if its value is infinite."""
    return torch.where(weights > 0, weights * values, 0.0).sum(-1)
