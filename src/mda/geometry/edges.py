"""Depth discontinuities of an image grid."""

import math

import torch
from torch.nn import functional

from mda.shapes import Bool, Float, Tensor


def depth_discontinuities(
    depth: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], *, ratio: float = 0.05
) -> Bool[Tensor, "*b h w"]:
    """Pixels whose depth differs from that of a valid 4-neighbour by more than the factor 1 + `ratio`.

    Both pixels of a jump are marked. Invalid pixels are never marked and never compared with.
    """
    log_depth = torch.where(valid, depth, torch.ones_like(depth)).clamp_min(torch.finfo(depth.dtype).tiny).log()
    threshold = math.log1p(ratio)
    found = torch.zeros_like(valid)
    for axis in (-1, -2):
        size = depth.shape[axis]
        if size < 2:
            continue
        before, after = log_depth.narrow(axis, 0, size - 1), log_depth.narrow(axis, 1, size - 1)
        jump = (after - before).abs() > threshold
        jump &= valid.narrow(axis, 0, size - 1) & valid.narrow(axis, 1, size - 1)
        found.narrow(axis, 0, size - 1).logical_or_(jump)
        found.narrow(axis, 1, size - 1).logical_or_(jump)
    return found


def dilate(mask: Bool[Tensor, "*b h w"], radius: int) -> Bool[Tensor, "*b h w"]:
    """Pixels within `radius` of a marked one in the maximum norm (a square window)."""
    if radius == 0:
        return mask
    return window_max(mask.float(), radius) > 0


def window_max(values: Float[Tensor, "*b h w"], radius: int) -> Float[Tensor, "*b h w"]:
    """Largest value of the square window of each pixel, rows and columns one after the other."""
    if radius == 0:
        return values
    size, flat = 2 * radius + 1, values.reshape(-1, 1, *values.shape[-2:])
    rows = functional.max_pool2d(flat, (size, 1), stride=1, padding=(radius, 0))
    return functional.max_pool2d(rows, (1, size), stride=1, padding=(0, radius)).reshape(values.shape)
