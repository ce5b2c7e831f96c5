"""Flying points at skylines, where a surface ends before the sky and there is no back surface to measure a gap by.

Around a skyline pixel the prediction's own front depth is the median of its decoded depth over interior pixels of the
true surface. A pixel makes a point unless the prediction calls it sky.
"""

import math
from dataclasses import dataclass

import torch

from mda.geometry import EdgeTruth, Windows, masked_median
from mda.geometry.edge_neighbourhoods import WINDOW_RADIUS
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.shapes import Bool, Float, Tensor

# A point is off the surface when it is farther than this share behind it. Window pixels whose true depth differs by no
# more than that from the skyline pixel's surface are taken as that surface, so the truth itself cannot fly.
BEHIND = 0.1


@dataclass(frozen=True, kw_only=True)
class SkylineNeighbourhoods:
    """Skyline pixels of a ground truth with the interior pixels of the surface around each.

    Attributes:
        windows: around the n skyline pixels.
        front: [n, m] window pixels in the interior of the surface that ends there.
        is_sky: [n] skyline pixels whose centre shows sky.
    """

    windows: Windows
    front: Bool[Tensor, "n m"]
    is_sky: Bool[Tensor, " n"]

    @classmethod
    def of(cls, truth: EdgeTruth, *, radius: int = WINDOW_RADIUS) -> "SkylineNeighbourhoods":
        """Look up the surroundings of every skyline pixel.

        The surface's depth at a skyline pixel is its own true depth or, where it shows sky, that of the nearest (by
        depth) valid pixel of its 3x3 window; members are interior pixels within a factor 1.1 of it.
        """
        windows = Windows.around(truth.skyline, radius)
        near = Windows.around(truth.skyline, 1)
        depth = torch.where(truth.valid, truth.depth, torch.inf)
        nearest = torch.where(near.inside, near.of(depth), torch.inf).amin(-1)
        surface = torch.where(near.at(truth.valid), near.at(depth), nearest)
        apart = (windows.of(depth) / surface[:, None]).log().abs()
        interior = windows.of(truth.interior) & windows.inside
        return cls(windows=windows, front=interior & (apart < math.log1p(BEHIND)), is_sky=~windows.at(truth.valid))


@dataclass(frozen=True, kw_only=True)
class SkylineScores:
    """Verdicts on the skyline pixels of a prediction, in the order of `SkylineNeighbourhoods.windows`.

    Attributes:
        flying: makes a point more than 10 % behind the own front surface, over scored pixels.
        wrong_side: a sky pixel that makes a point which does not fly, or a surface pixel called sky; over the same.
        unscored: fewer than three own surface pixels around, or no usable depth; over all skyline pixels.
    """

    flying: Scores
    wrong_side: Scores
    unscored: Scores


def skyline_scores(
    depth: Float[Tensor, "*b h w"], predicted_sky: Bool[Tensor, "*b h w"] | None, around: SkylineNeighbourhoods
) -> SkylineScores:
    """Judge the decoded depth at skyline pixels; a prediction without a sky mask makes a point everywhere."""
    log_depth = torch.where(usable(depth), depth, torch.nan).log()
    front, enough = masked_median(around.windows.of(log_depth), around.front)
    at_pixel = around.windows.at(log_depth)
    called_sky = torch.zeros_like(enough) if predicted_sky is None else around.windows.at(predicted_sky)
    scored = enough & (at_pixel.isfinite() | called_sky)
    flying = ~called_sky & (at_pixel > front + math.log1p(BEHIND))
    wrong = torch.where(around.is_sky, ~called_sky & ~flying, called_sky)
    return SkylineScores(
        flying=Scores(values=flying, mask=scored),
        wrong_side=Scores(values=wrong, mask=scored),
        unscored=Scores(values=~scored, mask=torch.ones_like(scored)),
    )
