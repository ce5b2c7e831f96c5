"""Hypotheses from a coarse grid: the nearest and the farthest surface around a pixel.

The picture is divided into square cells, each with a plane in log depth (its value at the centre and two slopes).
Around a pixel are nine cells, with the weights b_j of a quadratic B-spline, and their planes say z_j of it. With a
small temperature T, the log depths

    nearest = sum_j b_j exp(-z_j / T) z_j / sum_j b_j exp(-z_j / T),   farthest with exp(z_j / T)

are both the smooth mean where the planes agree, so that surfaces stay smooth, and differ where they do not: at an edge
one is the front and the other the back surface, up to a cell and a half beyond the edge itself, even if the cell on
the edge is undecided. They are hypotheses, and so are those of a coarser grid that lie outside them. Which of them a
pixel shows is told by a depth that every pixel has of its own, the one a network of one depth would give: it is no
hypothesis, and may lie anywhere between the surfaces, but the surface nearer to it is the likelier. Components that are
free at every pixel have no such reason to differ at edges, and small networks let them run together.
"""

import functools

import torch
from torch import nn
from torch.nn import functional

from mda.shapes import Float, Tensor

# Differences of log depth below this are smoothed over.
_TEMPERATURE = 0.015
# A surface that is so much farther in log depth from the pixel's own depth is less likely by a factor e.
_CLOSENESS = 0.05
# Rows of a cell: log depth at its centre, slopes to the right and down per cell, log confidence.
_ROWS = 4


def cell_layer(dim: int, side: int) -> nn.Conv2d:
    """The layer that makes cells of `side` pixels (a multiple of four) from features at stride 2."""
    return nn.Conv2d(dim, _ROWS, side, stride=side // 2, padding=side // 4)


def nearest_and_farthest(
    cells: Float[Tensor, "n 4 rows columns"], side: int
) -> tuple[Float[Tensor, "n h w 2"], Float[Tensor, "n h w 2"]]:
    """Log depth of the nearest and of the farthest surface around each pixel, and their log confidences.

    Args:
        cells: log depth, slopes and log confidence of each cell.
        side: of a cell, in pixels; h and w are so many times the rows and columns.
    """
    height, width = side * cells.shape[-2], side * cells.shape[-1]
    # Outside the picture the cells at its border go on.
    grid = functional.pad(cells, (1, 1, 1, 1), mode="replicate")
    grid = grid.repeat_interleave(side, -2).repeat_interleave(side, -1)
    # From the centre of the pixel's own cell, in cells.
    place = (torch.arange(side, device=cells.device, dtype=cells.dtype) + 0.5) / side - 0.5
    x, y = place.repeat(cells.shape[-1]), place.repeat(cells.shape[-2])[:, None]
    planes = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            top, left = side * (1 + down), side * (1 + right)
            depth, slope_x, slope_y, confidence = grid[:, :, top : top + height, left : left + width].unbind(1)
            depth = depth + slope_x * (x - right) + slope_y * (y - down)
            planes.append((depth, confidence, _spline(x - right) * _spline(y - down)))
    found = []
    for nearer, pick in ((1, torch.minimum), (-1, torch.maximum)):
        # Which cell is the nearest is not learnt through its being chosen.
        first = functools.reduce(pick, (depth.detach() for depth, _, _ in planes))
        total, sums = torch.zeros_like(first), [torch.zeros_like(first), torch.zeros_like(first)]
        for depth, confidence, share in planes:
            chosen = share * ((first - depth.detach()) * (nearer / _TEMPERATURE)).exp()
            total = total + chosen
            sums = [sums[0] + chosen * depth, sums[1] + chosen * confidence]
        found.append([each / total for each in sums])
    depth, confidence = (torch.stack(both, -1) for both in zip(*found, strict=True))
    return depth, confidence


def outside(depth: Float[Tensor, "*b 2"], finer: Float[Tensor, "*b 2"]) -> Float[Tensor, "*b 2"]:
    """Nearest and farthest surface of a coarser grid where they lie outside those of a finer one, else those.

    Cells as large as the objects hold means of surfaces, and a hypothesis between two surfaces makes flying points.
    """
    finer = finer.detach()
    return torch.stack([torch.minimum(depth[..., 0], finer[..., 0]), torch.maximum(depth[..., 1], finer[..., 1])], -1)


def nearer_likelier(
    logits: Float[Tensor, "*b k"], own: Float[Tensor, "*b 1"], depth: Float[Tensor, "*b k"]
) -> Float[Tensor, "*b k"]:
    """Logits of the surfaces, changed by how near each is to the pixel's own log depth; their log sum stays."""
    # The own depth learns from it to be on the right side; the surfaces are not to come nearer to it.
    nearer = logits - (own - depth.detach()).abs() / _CLOSENESS
    return nearer.log_softmax(-1) + logits.logsumexp(-1, keepdim=True)


def _spline(distance: Tensor) -> Tensor:
    """The quadratic B-spline, within three halves of its centre."""
    away = distance.abs()
    return torch.where(away < 0.5, 0.75 - away.square(), 0.5 * (1.5 - away).square())
