"""A tile of mixtures laid out component by component, ready for vectorised arithmetic."""

import math

import torch

from mda.mixtures.families import Family
from mda.shapes import Float, Tensor

# Factors exp(-80) = 2e-35 and less count as that: exponentials that underflow are an order of magnitude slower.
LOWEST_EXPONENT = -80.0
# Differences between floats of order one, times this, dwarf any coordinate (see `position_of_largest`).
_HUGE = 1e30


class Planes:
    """Working copy of n mixtures of k components as planes of n numbers, one plane per component.

    Made once and loaded again for every tile, so that no memory is allocated on the way. A component's density is
    exp(log_heights - e), with e = (rates * (x - offsets))^2 for normal and |rates * (x - offsets)| for laplace;
    log_heights are relative to the pixel's highest component. Coordinates x are relative to `origin`, the centre of
    the highest component, because very narrow components would lose digits in absolute coordinates.

    All planes but `scales` appear twice, [2k - 1, n]: the window [r : r + k] holds, opposite to component i, component
    i + r (cyclically), so that pairs of components need no copies.
    """

    def __init__(self, family: Family, components: int, pixels: int, like: Tensor) -> None:
        self.family, self.components, self.pixels = family, components, pixels
        self.scales = like.new_empty(components, pixels)
        self.origin = like.new_empty(pixels)
        self._offsets, self._rates, self._log_heights = like.new_empty(3, 2 * components - 1, pixels).unbind()
        self.offsets, self.rates, self.log_heights = (
            plane[:components] for plane in (self._offsets, self._rates, self._log_heights)
        )

    def load(
        self, locs: Float[Tensor, "n k"], scales: Float[Tensor, "n k"], log_weights: Float[Tensor, "n k"]
    ) -> "Planes":
        """Fill with a tile of mixtures."""
        for k in range(self.components):
            self.offsets[k].copy_(locs[:, k])
            self.scales[k].copy_(scales[:, k])
            self.log_heights[k].copy_(log_weights[:, k])
        # A component narrower than the rounding of its centre is a spike anyway; squares of its rate stay finite.
        self.scales.clamp_min_(torch.finfo(self.scales.dtype).eps ** 2)
        self.log_heights.sub_(torch.log(self.scales, out=self.rates))
        self.log_heights.sub_(self.log_heights.amax(0))
        highest = torch.zeros_like(self.origin)
        self.origin = position_of_largest(self.log_heights, self.offsets, highest, out=self.rates)
        self.offsets.sub_(self.origin)
        torch.reciprocal(self.scales, out=self.rates)
        if self.family is Family.NORMAL:
            self.rates.mul_(math.sqrt(0.5))
        for plane in (self._offsets, self._rates, self._log_heights):
            plane[self.components :].copy_(plane[: self.components - 1])
        return self

    def others(self) -> tuple[Float[Tensor, "r k n"], Float[Tensor, "r k n"], Float[Tensor, "r k n"]]:
        """Offsets, rates and log heights of the k - 1 other components, opposite to every component (views)."""
        offsets, rates, log_heights = (
            plane.unfold(0, self.components, 1).movedim(-1, 1)[1:]
            for plane in (self._offsets, self._rates, self._log_heights)
        )
        return offsets, rates, log_heights

    def exponents(self, scaled: Float[Tensor, "*x n"]) -> Float[Tensor, "*x n"]:
        """E of scaled distances to centres, rates * (x - offsets); in place."""
        return torch.mul(scaled, scaled, out=scaled) if self.family is Family.NORMAL else scaled.abs_()

    def densities_at(self, x: Float[Tensor, "*x n"]) -> Float[Tensor, "*x n"]:
        """Density of the mixture at x, relative to the height of the highest component."""
        e = self.exponents((x.unsqueeze(-2) - self.offsets).mul_(self.rates))
        return bounded_exp_(torch.sub(self.log_heights, e, out=e)).sum(-2)

    def densities_at_centers(self) -> Float[Tensor, "k n"]:
        """Density of the mixture at every centre, relative to the height of the highest component."""
        offsets, rates, log_heights = self.others()
        e = self.exponents((self.offsets - offsets).mul_(rates))
        own = self.log_heights.clamp_min(LOWEST_EXPONENT).exp_()
        # The own component is left out of the sum: at its centre it is its height.
        return own.add_(bounded_exp_(torch.sub(log_heights, e, out=e)).sum(0))


def bounded_exp_(values: Float[Tensor, "*x"]) -> Float[Tensor, "*x"]:
    """Exponentials, in place, of values that are not far above 0."""
    return values.clamp_min_(LOWEST_EXPONENT).exp_()


def position_of_largest(
    values: Float[Tensor, "c *n"], positions: Float[Tensor, "c *n"], largest: Float[Tensor, "*n"], *, out: Tensor
) -> Float[Tensor, "*n"]:
    """Position of the largest of c values per pixel; the largest position among equals.

    Much faster than `argmax` and `gather` over planes: all but the largest are pushed far down, then a maximum.
    """
    return torch.sub(values, largest, out=out).mul_(_HUGE).add_(positions).amax(0)
