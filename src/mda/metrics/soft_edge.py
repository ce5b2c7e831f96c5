"""Soft edge error of SMD-Nets (Tosi et al. 2021): distance to the nearest true depth in a small window.

Landing on either surface of an edge is free, whatever side the pixel is on; values between are not.
"""

import torch
from torch.nn import functional

from mda.geometry import EdgeTruth
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.shapes import Float, Tensor


def soft_edge_error(depth: Float[Tensor, "*b h w"], truth: EdgeTruth, *, radius: int = 1) -> Scores:
    """Least |ln depth - ln true depth| over the valid pixels of the window, at edge pixels with a predicted point.

    Published for disparity at jumps of more than one pixel of disparity (lib/evaluation_utils.py @8f2000d, 3x3 window);
    here in ln depth, at the edges of `EdgeTruth`. The prediction must be scale aligned.
    """
    height, width = depth.shape[-2:]
    size = 2 * radius + 1
    known = torch.where(truth.valid, truth.depth.log(), torch.nan)
    padded = functional.pad(known, (radius, radius, radius, radius), value=torch.nan)
    log_depth = torch.where(usable(depth), depth, torch.nan).log()
    least = torch.full_like(log_depth, torch.inf)
    for top in range(size):
        for left in range(size):
            error = (padded[..., top : top + height, left : left + width] - log_depth).abs()
            least = torch.fmin(least, error)
    return Scores(values=least, mask=truth.edge & usable(depth) & least.isfinite())
