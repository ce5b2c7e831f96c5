"""Edge term: at depth edges the density should put its mass on one of the prediction's own two surfaces.

The likelihood of the true depth cannot teach small networks where edges are: as long as the depth of whole objects is
wrong by more than the gap to what lies behind them, a depth between the two is as probable as either. Here front f and
back g of an edge pixel are the prediction's own (means of its log depth over the interior of the two true surfaces
around, without gradient), t is that of the two which the pixel truly shows, and with the weights w and centres m_k in
log depth

    edge = -log sum_k w_k exp(-|m_k - t| / (0.15 gap)),   gap the larger of ln(g / f) and the true gap.

A pixel that cannot know its side does best with half of its weight on each surface, never with a depth in between. One
component alone has an L1 error. Edges whose own gap is under 10 % say nothing: there the prediction has one surface.
"""

import math

import torch

from mda.geometry import EdgeNeighbourhoods, EdgeTruth
from mda.losses.choice import Choice, bounded_depth
from mda.losses.prepare import Scene
from mda.losses.reduce import Tally
from mda.mixtures import Space
from mda.shapes import Bool, Float, Tensor

# Width of the peaks in gaps, smallest own gap (ln depth), and floor of log weights, as in the likelihood.
_WIDTH, _MIN_GAP, _MIN_LOG_WEIGHT = 0.15, math.log(1.1), -4.0
# Depth below this is raised to it for its logarithm.
_MIN_DEPTH = 1e-6
# Of more edge pixels in a batch than this, evenly spaced ones stand for all.
_MOST_PIXELS = 4096


def edge_error(scene: Scene, choice: Choice) -> Tally:
    """Sum of the edge term over edge pixels, per pixel with known depth.

    It weighs in the total as much as the likelihood of these pixels does.
    """
    known = scene.known.sum()
    truth = EdgeTruth.from_depth(scene.target, scene.known, sky=scene.sky)
    every = max(1, math.ceil(int(truth.edge.sum()) / _MOST_PIXELS))
    around = EdgeNeighbourhoods.of(truth, every=every)
    windows = around.windows
    own = windows.of(choice.depth.detach().clamp_min(_MIN_DEPTH).log())
    front, back = _masked_mean(own, around.front), _masked_mean(own, around.back)
    gap = back - front
    resolved = gap > _MIN_GAP
    width = _WIDTH * torch.maximum(gap, (windows.at(truth.back) / windows.at(truth.front)).log())
    goal = torch.where(around.on_front, front, back)
    pixels, mixture = windows.pixels[resolved], scene.mixture
    depth = bounded_depth(mixture.locs.flatten(0, -2)[pixels], Space(mixture.space))
    off = (depth.clamp_min(_MIN_DEPTH).log() - goal[resolved, None]).abs() / width[resolved, None]
    log_weights = mixture.log_weights.flatten(0, -2)[pixels].clamp_min(_MIN_LOG_WEIGHT)
    return Tally(sum=-every * (log_weights - off).logsumexp(-1).sum(), count=known)


def _masked_mean(values: Float[Tensor, "n m"], mask: Bool[Tensor, "n m"]) -> Float[Tensor, " n"]:
    return torch.where(mask, values, 0.0).sum(-1) / mask.sum(-1).clamp_min(1)
