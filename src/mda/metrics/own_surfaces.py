"""Flying points against the prediction's own surfaces: the effect at edges alone, whatever the global errors.

Around an edge pixel the prediction's own front (back) depth is the median of its decoded depth over the interior
pixels of the true front (back) surface in a square window. The place of the pixel's own depth in that gap,
u = (ln depth - ln front) / (ln back - ln front), is 0 on the own front and 1 on the own back surface.
"""

import math
from dataclasses import dataclass

import torch

from mda.geometry import EdgeNeighbourhoods, masked_median
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.shapes import Float, Tensor

# A pixel flies between these shares of its gap in ln depth.
FLYING_FROM, FLYING_TO = 0.2, 0.8
# Own gaps below this ratio (back / front - 1) are unresolved: the prediction does not show two surfaces there.
UNRESOLVED_GAP = 0.1


@dataclass(frozen=True, kw_only=True)
class OwnSurfaceScores:
    """Verdicts on the edge pixels of a prediction, in the order of `EdgeNeighbourhoods.windows`.

    Attributes:
        flying: u in (0.2, 0.8), over resolved pixels.
        wrong_side: u <= 0.2 where the truth is the back surface or u >= 0.8 where it is the front one, over the same.
        right: resolved, not flying and not on the wrong side, over pixels that could be scored: hardly any difference
            between the pixels of one prediction and another, so it compares them where the rates above do not.
        unresolved: own back < 1.1 own front (or reversed), over pixels that could be scored.
        unscored: fewer than three pixels of a surface around, or no usable depth; over all edge pixels, those that
            have no windows last.
    """

    flying: Scores
    wrong_side: Scores
    right: Scores
    unresolved: Scores
    unscored: Scores


def own_surface_scores(depth: Float[Tensor, "*b h w"], around: EdgeNeighbourhoods) -> OwnSurfaceScores:
    """Judge the decoded depth at edge pixels by the prediction's own surfaces; no alignment is needed."""
    log_depth = torch.where(usable(depth), depth, torch.nan).log()
    values = around.windows.of(log_depth)
    front, enough_front = masked_median(values, around.front)
    back, enough_back = masked_median(values, around.back)
    at_pixel, gap = around.windows.at(log_depth), back - front
    scored = enough_front & enough_back & at_pixel.isfinite()
    resolved = scored & (gap >= math.log1p(UNRESOLVED_GAP))
    place = (at_pixel - front) / gap
    unscored = torch.ones(around.edge_pixels, dtype=torch.bool, device=depth.device)
    unscored[: len(scored)] = ~scored
    flying = (place > FLYING_FROM) & (place < FLYING_TO)
    wrong = torch.where(around.on_front, place >= FLYING_TO, place <= FLYING_FROM)
    return OwnSurfaceScores(
        flying=Scores(values=flying, mask=resolved),
        wrong_side=Scores(values=wrong, mask=resolved),
        right=Scores(values=resolved & ~flying & ~wrong, mask=scored),
        unresolved=Scores(values=~resolved, mask=scored),
        unscored=Scores(values=unscored, mask=torch.ones_like(unscored)),
    )
