"""Where a prediction has edges, against where the truth has them: precision and recall with a tolerance in pixels."""

from dataclasses import dataclass

from mda.geometry import EDGE_RATIO, EdgeTruth, depth_discontinuities, dilate
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.shapes import Float, Tensor


@dataclass(frozen=True, kw_only=True)
class EdgeMatches:
    """Matches between predicted and true edge pixels.

    Attributes:
        precision: a true edge pixel is near, over predicted edge pixels.
        recall: a predicted edge pixel is near, over true edge pixels.
    """

    precision: Scores
    recall: Scores


def edge_matches(depth: Float[Tensor, "*b h w"], truth: EdgeTruth, *, radius: int = 1) -> EdgeMatches:
    """Match edges within `radius` pixels (maximum norm), at any depth.

    Predicted edge pixels are valid pixels whose depth differs by more than 10 % from that of a 4-neighbour, like true
    ones of data that bring none. Edges at skylines and beside pixels without a truth are not counted. The scale of the
    prediction does not matter.
    """
    scored = truth.valid & ~dilate(truth.skyline, radius)
    predicted = depth_discontinuities(depth, usable(depth) & truth.valid, ratio=EDGE_RATIO)
    return EdgeMatches(
        precision=Scores(values=dilate(truth.edge, radius), mask=predicted & scored),
        recall=Scores(values=dilate(predicted, radius), mask=truth.edge & scored),
    )
