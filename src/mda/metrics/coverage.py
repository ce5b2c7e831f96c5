"""Filtering by confidence: which pixels are left at a given coverage.

Everybody can hide flying points by deleting points, so methods are compared at equal coverage. A pixel that a filter
leaves out becomes a depth of NaN: edge metrics do not score it as a point, and those that ask what was found miss it.
"""

import math

import torch

from mda.errors import ConfigError
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.shapes import Bool, Float, Tensor

# Shares of pixels kept: all, the three of the paper's filtered baselines, and coarser ones.
COVERAGES = (1.0, 0.97, 0.95, 0.9, 0.8, 0.7, 0.5)


def most_confident(confidence: Float[Tensor, "*b"], among: Bool[Tensor, "*b"], coverage: float) -> Bool[Tensor, "*b"]:
    """The `coverage` share of the pixels `among` with the highest confidence, over all axes together.

    At least that share is kept: pixels with the confidence of the last one kept stay, too (a confidence that is one
    everywhere keeps all). NaN is the lowest confidence.

    Raises:
        ConfigError: the coverage is not in (0, 1].
    """
    if not 0 < coverage <= 1:
        message = f"A coverage is a share above 0 and up to 1, found {coverage}."
        raise ConfigError(message)
    ranked = confidence[among].nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    count = math.ceil(coverage * ranked.numel() - 1e-9)
    if coverage == 1 or count == 0:
        return among
    least = ranked.kthvalue(ranked.numel() - count + 1).values
    return among & ~(confidence.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf) < least)


def without(depth: Float[Tensor, "*b h w"], kept: Bool[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """Depth with the pixels that are not kept left out: NaN."""
    return torch.where(kept, depth, torch.nan)


def coverage_of(depth: Float[Tensor, "*b h w"], among: Bool[Tensor, "*b h w"]) -> Scores:
    """Whether a pixel makes a point (its depth is positive and finite), over the pixels `among`."""
    return Scores(values=usable(depth), mask=among)


def smoothness(depth: Float[Tensor, "*b h w"]) -> Float[Tensor, "*b h w"]:
    """A confidence made of depth alone, as depth-gradient filters use it: minus the largest step to a 4-neighbour.

    Steps are |ln ratio| of depths. Keeping the pixels above -ln(1 + r) is the filter "jumps of more than r".
    """
    log_depth = torch.where(usable(depth), depth, torch.nan).log()
    largest = torch.zeros_like(log_depth)
    for axis in (-1, -2):
        step = log_depth.diff(dim=axis).abs()
        size = step.shape[axis]
        for start in (0, 1):
            part = largest.narrow(axis, start, size)
            part.copy_(torch.fmax(part, step))
    return torch.where(usable(depth), -largest, torch.nan)
