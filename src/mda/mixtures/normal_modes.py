"""The highest point of mixtures of normals, for millions of them: scan, climb, look for rivals, try harder if needed.

What makes it exact. At a mode x* the density f has f' = 0 and f'' <= 0. Write r_j for the share of component j in
f(x*), p_j = 1 / s_j^2 and z_j = (x* - m_j) / s_j.

1. f'' <= 0 says sum r_j p_j (z_j^2 - 1) <= 0. So some component has |z_j| <= 1; let k be the narrowest one with
   |z_k| <= 1.5. Components beyond 1.5 have z_j^2 - 1 >= 1.25, the others have p_j <= p_k, hence
   sum r_j p_j <= (1 + 1 / 1.25) p_k = 1.8 p_k.
2. By Jensen's inequality log f(x* + d) >= log f(x*) - d^2 / 2 sum r_j p_j >= log f(x*) - 0.9 (d / s_k)^2.

So if every component is scanned at steps of h s_k over m_k +- 1.5 s_k, **every mode has a node at which the density is
less than at the mode by at most 0.9 (h / 2)^2 nat**: 0.081 nat for the first scan (5 nodes per component). After the
climb from the best node, any node within 0.081 nat of the found peak may stand for a higher one, except those that lie
below a parabola of half the peak's curvature, which belong to its own slopes. Pixels that have such a rival (a few in a
hundred), or whose peak is too flat for Newton's method, are searched again with more nodes, from several peaks.

Every step is arithmetic of one pixel alone, so results do not depend on how pixels are grouped.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

from mda.mixtures.families import Family
from mda.mixtures.planes import Planes, bounded_exp_, position_of_largest
from mda.mixtures.rows import map_rows, tile_rows
from mda.mixtures.spaces import widened
from mda.shapes import Bool, Float, Tensor

_FLATTEST = 0.125  # log-curvature, relative to the mixture's precision, below which Newton's step is not trusted
_LARGEST_LAST_GAIN = 2e-5  # nat; Newton's next step then gains less than 1e-8
_OUT_OF_SIGHT = 1e20  # a length squared, times this, is more than a density
_ROUNDING = 2e-6  # relative error of a density in single precision, generously


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard to search.

    Attributes:
        spacing: distance of the scan's nodes, in scales of the component.
        rounds: peaks to climb.
        climb_steps: steps of a climb, before a last one whose gain is checked.
    """

    spacing: float
    rounds: int
    climb_steps: int

    @property
    def nodes(self) -> tuple[float, ...]:
        """Positions of the nodes; half a spacing beyond the last one is 1.5 or more."""
        count = math.ceil(1.5 / self.spacing - 0.5)
        return tuple(self.spacing * i for i in range(-count, count + 1))

    @property
    def loss(self) -> float:
        """Share of its density that the scan may miss a mode by (derived above)."""
        return 1 - math.exp(-0.9 * (self.spacing / 2) ** 2)


# Each effort is for the pixels that the one before left uncertain: about 4 in 100, then 1 in 100. The last is final.
_EFFORTS = (
    Effort(spacing=0.6, rounds=1, climb_steps=2),
    Effort(spacing=0.25, rounds=2, climb_steps=5),
    Effort(spacing=0.125, rounds=6, climb_steps=12),
)


class Slope(NamedTuple):
    """What is known of the density at a position x, per pixel.

    Attributes:
        density: f, relative to the highest component.
        weight: sum of g_j / (2 s_j^2) over the components' densities g_j; `weight / density` is half their precision.
        curvature: -(log f)'' relative to the precision, at most 1; it may be negative.
        step: subtract it to climb: Newton's step on log f, at most 8 times the fixed-point step, which always climbs.
    """

    density: Float[Tensor, "*x n"]
    weight: Float[Tensor, "*x n"]
    curvature: Float[Tensor, "*x n"]
    step: Float[Tensor, "*x n"]


class Climber:
    """Evaluates density, slope and curvature at one position per pixel (or several: shape [*x, n])."""

    def __init__(self, planes: Planes, *starts: int) -> None:
        self._planes = planes
        shape = (*starts, planes.components, planes.pixels)
        self._gaps, self._squares, self._terms = (
            planes.origin.new_empty(shape),
            planes.origin.new_empty(shape),
            planes.origin.new_empty(4, *shape),
        )

    def at(self, x: Float[Tensor, "*x n"]) -> Slope:
        """Everything at x.

        With half precisions h_j = rate_j^2, gaps u_j = x - m_j and shares of density g_j: the fixed-point step is
        sum(g h u) / sum(g h), and -(log f)'' / (sum(2 g h) / f) = 1 - 2 (sum(g h v^2) - sum(g h u)^2 / f) / sum(g h),
        where v = rate u.
        """
        planes, terms = self._planes, self._terms
        gaps = torch.sub(x.unsqueeze(-2), planes.offsets, out=self._gaps)
        scaled = torch.mul(gaps, planes.rates, out=self._squares)
        squares = torch.mul(scaled, scaled, out=scaled)
        g = bounded_exp_(torch.sub(planes.log_heights, squares, out=terms[0]))
        gh = torch.mul(g, planes.rates, out=terms[1]).mul_(planes.rates)
        torch.mul(gh, gaps, out=terms[2])
        torch.mul(gh, squares, out=terms[3])
        density, weight, pull, spread = terms.sum(-2)
        fixed_point_step = pull / weight
        variance = spread.div_(weight).sub_(pull.mul_(fixed_point_step).div_(density))
        curvature = variance.mul_(-2).add_(1)
        return Slope(density, weight, curvature, fixed_point_step.div_(curvature.clamp_min(_FLATTEST)))


class Scan:
    """Positions and densities at nodes around every component, `steps` in its scales: shape [nodes, k, n]."""

    def __init__(self, planes: Planes, steps: tuple[float, ...]) -> None:
        self._planes, self._steps = planes, steps
        shape = (planes.components, planes.pixels)
        self.positions, self.densities, self.work = planes.origin.new_empty(3, len(steps), *shape).unbind()
        self._gaps, self._slopes, self._pairs = planes.origin.new_empty(3, planes.components - 1, *shape).unbind()

    def run(self) -> "Scan":
        """Fill positions and densities from the planes."""
        planes = self._planes
        offsets, rates, log_heights = planes.others()
        gaps = torch.sub(planes.offsets, offsets, out=self._gaps).mul_(rates)
        slopes = torch.mul(planes.scales, rates, out=self._slopes)
        own = bounded_exp_(planes.log_heights.clone())
        for step, positions, densities in zip(self._steps, self.positions, self.densities, strict=True):
            torch.add(planes.offsets, planes.scales, alpha=step, out=positions)
            e = torch.add(gaps, slopes, alpha=step, out=self._pairs)
            torch.sum(bounded_exp_(torch.addcmul(log_heights, e, e, value=-1, out=e)), 0, out=densities)
            densities.add_(own, alpha=math.exp(-0.5 * step**2))
        return self


class PeakSearch:
    """Climbs from the best node of a scan, then from the best one that is still unexplained, and so on.

    A node is explained by a peak if it lies between the peak and the node that led to it, or below a parabola of half
    the peak's curvature; it is harmless if it is lower than the highest peak by more than the scan's loss.
    """

    def __init__(self, planes: Planes, effort: Effort) -> None:
        self._effort = effort
        self._scan, self._climber = Scan(planes, effort.nodes), Climber(planes)
        self._excess = torch.empty_like(self._scan.work)

    def run(self) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
        """Position of the highest peak found, and whether it is certain that there is no higher one."""
        scan = self._scan.run()
        work, positions, densities = (a.flatten(0, 1) for a in (scan.work, scan.positions, scan.densities))
        excess = self._excess.flatten(0, 1).copy_(densities)
        largest = excess.amax(0)
        best, best_x, is_certain = torch.zeros_like(largest), torch.zeros_like(largest), largest > 0
        for _ in range(self._effort.rounds):
            start = position_of_largest(excess, positions, largest, out=work)
            x, top = self._climb(start)
            # f'' = -bend at the peak; the parabola of half of it is f - bend d^2 / 4.
            bend = (top.curvature * top.weight).mul_(2)
            is_peak = (bend * top.step * top.step <= 2 * _LARGEST_LAST_GAIN * top.density) & (top.curvature > _FLATTEST)
            is_certain &= is_peak | (largest <= 0)
            best_x = torch.where(top.density > best, x - top.step, best_x)
            best = torch.maximum(best, top.density)

            explained = torch.mul(torch.sub(positions, x, out=work), work, out=work)
            explained.mul_(bend * -0.25).add_(top.density * (1 + _ROUNDING))
            torch.maximum(explained, best * (1 - self._effort.loss), out=explained)
            torch.minimum(excess, torch.sub(densities, explained, out=explained), out=excess)
            if self._effort.rounds > 1:
                beyond = start + (start - x) * 1e-3  # so that the start itself is between
                outside = torch.sub(positions, x, out=work).mul_(positions - beyond)
                torch.minimum(excess, outside.mul_(_OUT_OF_SIGHT), out=excess)
            largest = excess.amax(0)
        return best_x, is_certain & (largest <= 0)

    def _climb(self, start: Float[Tensor, "n"]) -> tuple[Float[Tensor, "n"], Slope]:
        """Position after the steps up, and what is known there."""
        x = start.clone()
        for _ in range(self._effort.climb_steps):
            x.sub_(self._climber.at(x).step)
        return x, self._climber.at(x)


class _TileWorker:
    """Loads tiles into planes and runs a search on them; working memory is kept from tile to tile."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._planes: Planes | None = None

    def __call__(
        self, locs: Float[Tensor, "n k"], scales: Float[Tensor, "n k"], log_weights: Float[Tensor, "n k"]
    ) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
        pixels, components = locs.shape
        if self._planes is None or self._planes.pixels != pixels:
            self._planes = Planes(Family.NORMAL, components, pixels, like=locs)
            self._search = PeakSearch(self._planes, self._effort)
        self._planes.load(locs, scales, log_weights)
        x, certain = self._search.run()
        return widened(self._planes.origin) + x, certain


def normal_modes(
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    chunk: int | None = None,
) -> Float[Tensor, "*b"]:
    """Coordinate of the global maximum of every mixture of normals, in double precision where the device has it.

    Of exactly equal maxima one is taken. `chunk` bounds the number of pixels worked on at a time; it does not change
    a single bit of the result.
    """
    arrays = tuple(array.reshape(-1, array.shape[-1]) for array in (locs, scales, log_weights))
    modes, certain = _search(_EFFORTS[0], arrays, chunk)
    for effort in _EFFORTS[1:]:
        unclear = (~certain).nonzero()[:, 0]
        if unclear.numel():
            modes[unclear], certain[unclear] = _search(effort, tuple(array[unclear] for array in arrays), chunk)
    return modes.reshape(locs.shape[:-1])


def _search(
    effort: Effort, arrays: tuple[Float[Tensor, "n k"], ...], chunk: int | None
) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
    """Modes and their certainty, at one effort."""
    components = arrays[0].shape[-1]
    rows = tile_rows(max(components, len(effort.nodes)) * components, arrays[0].device, chunk)
    modes, certain = map_rows(_TileWorker(effort), arrays, rows)
    return modes, certain
