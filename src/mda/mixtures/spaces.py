"""Spaces: the coordinate in which the components of a mixture have their centre and scale."""

import torch

from mda.mixtures.choices import Choice
from mda.shapes import Float, Tensor

LOG_OFFSET = 0.1
"""Offset of the log space, coordinate = log(depth + 0.1) (published release)."""


class Space(Choice):
    """Coordinate of a mixture: `linear` is depth itself, `log` is log(depth + 0.1).

    A density, and so its mode, belongs to a coordinate: the mode in log depth is not the mode in metres. Quantiles
    are the same in both.
    """

    LINEAR = "linear"
    LOG = "log"

    def coordinate(self, depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Coordinate of a depth; differentiable.

        A depth at or below -0.1 has no log; it gets a very small coordinate instead of NaN, which has no density.
        """
        if self is Space.LINEAR:
            return depth
        return torch.log((depth + LOG_OFFSET).clamp_min(torch.finfo(depth.dtype).tiny))

    def depth(self, coordinate: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Depth of a coordinate; differentiable.

        As in the published release nothing is clamped: a log coordinate below log(0.1) is a negative depth. Between
        components that have positive depths this cannot happen, except by rounding.
        """
        if self is Space.LINEAR:
            return coordinate
        return (widened(coordinate).exp() - LOG_OFFSET).to(coordinate.dtype)


def widened(values: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """The values in double precision where the device has it (Apple's GPUs do not).

    Very confident components are so narrow (scale 4e-5 at confidence 1e8) that a few roundings in single precision on
    the way from coordinate to depth would show in the density.
    """
    return values if values.device.type == "mps" else values.double()
