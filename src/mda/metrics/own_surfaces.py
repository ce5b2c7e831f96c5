"""Flying points against the prediction's own surfaces: the effect at edges alone, whatever the global errors.

Around an edge pixel the prediction's own front (back) depth is the median of its decoded depth over the interior
pixels of the true front (back) surface in a square window. The place of the pixel's own depth in that gap,
u = (ln depth - ln front) / (ln back - ln front), is 0 on the own front and 1 on the own back surface.
"""

import math
from dataclasses import dataclass

import torch

from mda.metrics.edge_truth import EdgeTruth
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.metrics.windows import MIN_PIXELS, Windows, masked_median
from mda.shapes import Bool, Float, Tensor

# A pixel flies between these shares of its gap in ln depth.
FLYING_FROM, FLYING_TO = 0.2, 0.8
# Own gaps below this ratio (back / front - 1) are unresolved: the prediction does not show two surfaces there.
UNRESOLVED_GAP = 0.1
# Half the side (less the centre) of the window in which surfaces are looked up.
WINDOW_RADIUS = 5
# A window pixel belongs to the surface whose true depth is within this share of the true gap (ln depth).
MEMBERSHIP = 0.25


@dataclass(frozen=True, kw_only=True)
class EdgeNeighbourhoods:
    """Edge pixels of a ground truth with the interior pixels of the two true surfaces around each.

    It depends on the truth alone, so it is built once and serves every prediction.

    Attributes:
        edge_pixels: number of all edge pixels.
        windows: around the n edge pixels that have enough interior pixels of both surfaces around them.
        front, back: [n, m] window pixels in the interior of the true front and back surface.
        on_front: [n] edge pixels whose centre shows the front surface.
    """

    edge_pixels: int
    windows: Windows
    front: Bool[Tensor, "n m"]
    back: Bool[Tensor, "n m"]
    on_front: Bool[Tensor, " n"]

    @classmethod
    def of(cls, truth: EdgeTruth, *, radius: int = WINDOW_RADIUS) -> "EdgeNeighbourhoods":
        """Look up the surroundings of every edge pixel.

        A window pixel is on the front (back) surface if it is interior (see `EdgeTruth.interior`) and its true depth
        lies within a quarter of the gap, in ln depth, of the edge pixel's front (back) depth.
        """
        windows = Windows.around(truth.edge, radius)
        interior = windows.of(truth.interior) & windows.inside
        log_front, log_back = windows.at(truth.front).log()[:, None], windows.at(truth.back).log()[:, None]
        place = (windows.of(truth.depth).log() - log_front) / (log_back - log_front)
        front, back = interior & (place.abs() < MEMBERSHIP), interior & ((place - 1).abs() < MEMBERSHIP)
        enough = (front.sum(-1) >= MIN_PIXELS) & (back.sum(-1) >= MIN_PIXELS)
        kept = windows[enough]
        return cls(
            edge_pixels=len(enough),
            windows=kept,
            front=front[enough],
            back=back[enough],
            on_front=kept.at(truth.on_front),
        )


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
