"""Quality of a sky mask, pooled by pixel; only labelled pixels count."""

from mda.metrics.tally import Scores
from mda.shapes import Bool, Tensor


def sky_iou(pred: Bool[Tensor, "*b"], sky: Bool[Tensor, "*b"], labelled: Bool[Tensor, "*b"]) -> Scores:
    """Intersection over union: whether a pixel is sky in both masks, over those that are sky in either."""
    return Scores(values=pred & sky, mask=labelled & (pred | sky))


def sky_precision(pred: Bool[Tensor, "*b"], sky: Bool[Tensor, "*b"], labelled: Bool[Tensor, "*b"]) -> Scores:
    """Whether a pixel is sky, over those called sky."""
    return Scores(values=sky, mask=labelled & pred)


def sky_recall(pred: Bool[Tensor, "*b"], sky: Bool[Tensor, "*b"], labelled: Bool[Tensor, "*b"]) -> Scores:
    """Whether a pixel is called sky, over those that are."""
    return Scores(values=pred, mask=labelled & sky)
