"""Points that hang between two surfaces, told from a depth map alone: no truth is needed, so none is judged."""

import math

import torch
from torch.nn import functional

from mda.shapes import Bool, Float, Tensor

# Jumps that count, in both directions.
JUMP = 0.05


def hanging_points(
    depth: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], *, ratio: float = JUMP
) -> Bool[Tensor, "*b h w"]:
    """Valid pixels whose 3x3 window holds both a valid depth nearer and one farther by more than `ratio`.

    At a clean edge each pixel has a jump one way only. Steep surfaces and lines of one pixel between two others are
    marked, too, so this is a hint where to look and no rate of errors.
    """
    flat = torch.where(valid, depth, torch.nan).log().reshape(-1, 1, *depth.shape[-2:])
    farthest = functional.max_pool2d(flat.nan_to_num(nan=-torch.inf), 3, 1, 1)
    nearest = -functional.max_pool2d((-flat).nan_to_num(nan=-torch.inf), 3, 1, 1)
    jump = math.log1p(ratio)
    return (((farthest - flat) > jump) & ((flat - nearest) > jump)).reshape(depth.shape) & valid
