"""Families of mixture components, described by their standard member: centre 0, scale 1."""

import math

import torch

from mda.mixtures.choices import Choice
from mda.shapes import Float, Tensor

ALPHA = 0.2
"""Width of a component of confidence 1: Laplace scale, or Normal variance (paper §2.1 and the published release)."""


class Family(Choice):
    """Family of the components: `normal` with its standard deviation as scale, or `laplace` with scale b.

    z is always (x - centre) / scale.
    """

    NORMAL = "normal"
    LAPLACE = "laplace"

    def scale_from_confidence(self, confidence: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Scale of a component of raw confidence c: normal sqrt(0.2 / c), laplace 0.2 / c."""
        width = ALPHA / confidence
        return width.sqrt() if self is Family.NORMAL else width

    def confidence_from_scale(self, scale: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Raw confidence of a component; inverse of `scale_from_confidence`."""
        return ALPHA / (scale.square() if self is Family.NORMAL else scale)

    def log_density(self, z: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Log density: normal -z^2/2 - log(2 pi)/2, laplace -|z| - log 2."""
        if self is Family.NORMAL:
            return -0.5 * z.square() - 0.5 * math.log(2 * math.pi)
        return -z.abs() - math.log(2)

    def cdf(self, z: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Probability of a value up to z."""
        if self is Family.NORMAL:
            return torch.special.ndtr(z)
        tail = 0.5 * torch.exp(-z.abs())
        return torch.where(z < 0, tail, 1 - tail)

    def quantile(self, p: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Inverse of `cdf`; infinite at 0 and 1."""
        if self is Family.NORMAL:
            return torch.special.ndtri(p)
        tail = torch.minimum(p, 1 - p)
        return torch.log(2 * tail) * torch.where(p < 0.5, 1.0, -1.0)

    def variance(self, scale: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Variance: normal s^2, laplace 2 s^2."""
        return scale.square() if self is Family.NORMAL else 2 * scale.square()

    def exp_moments(
        self, loc: Float[Tensor, "*b"], scale: Float[Tensor, "*b"]
    ) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
        """Mean and variance of exp(X).

        Normal: M = exp(m + s^2/2), V = M^2 (exp(s^2) - 1).
        Laplace: M = exp(m) / (1 - b^2), infinite for b >= 1; V = exp(2m) (2 b^2 + b^4) / ((1 - 4 b^2) (1 - b^2)^2),
        infinite for b >= 1/2.
        """
        squared = scale.square()
        if self is Family.NORMAL:
            mean = torch.exp(loc + 0.5 * squared)
            return mean, mean.square() * torch.expm1(squared)
        center = torch.exp(loc)
        infinity = torch.full_like(center, torch.inf)
        mean = torch.where(squared < 1, center / (1 - squared), infinity)
        variance = center.square() * squared * (2 + squared) / ((1 - 4 * squared) * (1 - squared).square())
        return mean, torch.where(squared < 0.25, variance, infinity)

    def expected_distance(
        self, gap: Float[Tensor, "*b"], scale: Float[Tensor, "*b"], other: Float[Tensor, "*b"] | None = None
    ) -> Float[Tensor, "*b"]:
        """E|X - Y| of independent X, Y of this family whose centres are `gap` apart; Y is a point without `other`.

        Normal: with s^2 = s_1^2 + s_2^2, 2 s phi(gap / s) + gap (2 Phi(gap / s) - 1) (Grimit et al. 2006, eq. 5).
        Laplace: for a point |gap| + b exp(-|gap| / b). For two, X - Y has the characteristic function
        1 / ((1 + b_1^2 t^2)(1 + b_2^2 t^2)), whose partial fractions are two Laplace distributions, so that
        E = |gap| + (b_1^3 exp(-|gap| / b_1) - b_2^3 exp(-|gap| / b_2)) / (b_1^2 - b_2^2); written below so that equal
        scales are an ordinary case.
        """
        if self is Family.NORMAL:
            total = scale if other is None else torch.hypot(scale, other)
            z = gap / total
            return 2 * total * self.log_density(z).exp() + gap * (2 * self.cdf(z) - 1)
        distance = gap.abs()
        if other is None:
            return distance + scale * torch.exp(-distance / scale)
        wide, narrow = torch.maximum(scale, other), torch.minimum(scale, other)
        y = distance * (wide - narrow) / (wide * narrow)
        # (1 - exp(-y)) / y, smooth at y = 0; the clamp keeps the gradient of the unused branch finite.
        tiny = torch.finfo(y.dtype).eps ** 0.5
        decay = torch.where(y > tiny, -torch.expm1(-y) / y.clamp_min(tiny), 1 - 0.5 * y)
        polynomial = wide.square() + wide * narrow + narrow.square() + narrow.square() * distance / wide * decay
        return distance + torch.exp(-distance / wide) * polynomial / (wide + narrow)
