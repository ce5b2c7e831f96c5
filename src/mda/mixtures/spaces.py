"""Spaces: the coordinate in which components have their centre and scale."""

from enum import StrEnum

import torch

from mda.shapes import Float, Tensor

LOG_OFFSET = 0.1
"""Offset of the log space, coordinate = log(depth + 0.1) (published release)."""


class Space(StrEnum):
    """Coordinate of a mixture: depth itself, or log(depth + 0.1)."""

    LINEAR = "linear"
    LOG = "log"

    def coordinate(self, depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Coordinate of a depth. Depths at or below -0.1 have a very small finite log coordinate, not NaN."""
        if self is Space.LINEAR:
            return depth
        return torch.log((depth + LOG_OFFSET).clamp_min(torch.finfo(depth.dtype).tiny))

    def depth(self, coordinate: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Depth of a coordinate; a log coordinate below log(0.1) gives a slightly negative depth, as published."""
        return coordinate if self is Space.LINEAR else torch.exp(coordinate) - LOG_OFFSET
