"""Which pixels are boundary: three masks of the published release, and one that is meant.

The published masks run Canny on depth as 8-bit grey, so an edge must be a fifth of the frame's depth range, one far
pixel hides all others, and outlines of holes are edges.
"""

from enum import StrEnum

import cv2
import numpy as np
import torch

from mda.geometry import depth_discontinuities
from mda.shapes import Bool, Float32, ndarray

# Published: thresholds of Canny, and the depths (metres) that may decide the range of grey.
_CANNY_LOW, _CANNY_HIGH = 100, 200
_NEAR, _FAR = 0.1, 65.0
CORRECTED_RATIO = 0.1
"""Depths of neighbours that differ by more than this share make an edge in the corrected protocol."""


class MaskKind(StrEnum):
    """What a cloud is made of.

    `POOLED`, `PER_VIEW` and `BLUR` are the masks of the release's three launchers, `CORRECTED` takes the place of all
    three, and `ALL` is every valid pixel.
    """

    ALL = "all"
    POOLED = "pooled"
    PER_VIEW = "per_view"
    BLUR = "blur"
    CORRECTED = "corrected"


def boundary_mask(
    depth: Float32[ndarray, "h w"], valid: Bool[ndarray, "h w"], kind: MaskKind, *, erode: bool = True
) -> Bool[ndarray, "h w"]:
    """Pixels of a view that count.

    Args:
        depth: true depth, 0 where invalid.
        valid: pixels whose depth is known.
        kind: which mask.
        erode: drop pixels whose left, upper or upper-left neighbour is invalid, too (published; not for `CORRECTED`).
    """
    if kind is MaskKind.ALL:
        return valid
    if kind is MaskKind.CORRECTED:
        edge = depth_discontinuities(torch.from_numpy(depth), torch.from_numpy(valid), ratio=CORRECTED_RATIO)
        return edge.numpy()
    edge = cv2.Canny(_grey(depth, kind), _CANNY_LOW, _CANNY_HIGH) > 0
    return edge & (_eroded(valid) if erode else valid)


def _grey(depth: Float32[ndarray, "h w"], kind: MaskKind) -> np.ndarray:
    """Depth as grey of 8 bits, cut off (not rounded)."""
    clipped = np.clip(depth, _NEAR, _FAR)
    of_range = depth if kind is MaskKind.BLUR else clipped
    low, high = of_range.min(), of_range.max()
    shown = clipped if kind is MaskKind.PER_VIEW else depth
    return (255 * np.clip((shown - low) / (high - low + 1e-5), 0, 1)).astype(np.uint8)


def _eroded(valid: Bool[ndarray, "h w"]) -> Bool[ndarray, "h w"]:
    """Valid pixels whose left, upper and upper-left neighbours are valid (or beyond the border)."""
    return cv2.dilate((~valid).astype(np.uint8), np.ones((2, 2), np.uint8), iterations=1) == 0
