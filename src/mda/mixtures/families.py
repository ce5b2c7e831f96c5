"""Families of mixture components: what a component looks like when its centre is 0 and its scale 1."""

import math
from enum import StrEnum

import torch

from mda.shapes import Float, Tensor

ALPHA = 0.2
"""Width of a component of confidence 1: Laplace scale, or Normal variance (paper §2.1 and the published release)."""


class Family(StrEnum):
    """Family of the components of a mixture."""

    NORMAL = "normal"
    LAPLACE = "laplace"

    def scale_from_confidence(self, confidence: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Scale of a component of confidence c: normal sqrt(0.2 / c), laplace 0.2 / c."""
        width = ALPHA / confidence
        return width.sqrt() if self is Family.NORMAL else width

    def confidence_from_scale(self, scale: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Inverse of `scale_from_confidence`."""
        return ALPHA / (scale.square() if self is Family.NORMAL else scale)

    def log_density(self, z: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Log density of the standard component at z."""
        if self is Family.NORMAL:
            return -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
        return -z.abs() - math.log(2)

    def cdf(self, z: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Probability that the standard component is at most z."""
        if self is Family.NORMAL:
            return torch.special.ndtr(z)
        tail = 0.5 * torch.exp(-z.abs())
        return torch.where(z < 0, tail, 1 - tail)
