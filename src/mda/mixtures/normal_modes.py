"""The highest point of a mixture of normals, for millions of mixtures: scan, climb, check, and search the unclear ones.

What makes it exact. At a mode x* the density f has f' = 0 and f'' <= 0. Write r_j for the share of component j in
f(x*), p_j = 1 / s_j^2 and z_j = (x* - m_j) / s_j.

1. f'' <= 0 says sum r_j p_j (z_j^2 - 1) <= 0. So some component has |z_j| <= 1; let k be the narrowest one with
   |z_k| <= 1.5. Components beyond 1.5 have z_j^2 - 1 >= 1.25, the others have p_j <= p_k, hence
   sum r_j p_j <= (1 + 1 / 1.25) p_k = 1.8 p_k.
2. By Jensen's inequality log f(x* + d) >= log f(x*) - d^2 / 2 sum r_j p_j >= log f(x*) - 0.9 (d / s_k)^2.

So if every component is scanned at steps of h s_k over m_k +- 1.5 s_k, **every mode has a node at which the density is
less than it by at most 0.9 (h / 2)^2 nat**: 0.081 nat for the coarse scan (5 nodes per component). After the climb from
the best node, any node within 0.081 nat of the found mode is a possible rival, except those that lie below a parabola
of half the mode's curvature, which belong to its own peak. Pixels with a rival (a few in a hundred), and pixels whose
peak is too flat for Newton's method, get a five times finer scan and climb from every peak of it.

Every step is arithmetic of one pixel alone, so results do not depend on how pixels are grouped.
"""

import math
from typing import NamedTuple

import torch

from mda.mixtures.families import Family
from mda.mixtures.planes import Planes, bounded_exp_, position_of_largest
from mda.mixtures.rows import map_rows, tile_rows
from mda.mixtures.spaces import widened
from mda.shapes import Bool, Float, Tensor

_COARSE = (-1.2, -0.6, 0.0, 0.6, 1.2)  # half a step beyond the last node is 1.5
_COARSE_LOSS = 0.9 * 0.3**2
_FINE_STEP = 0.25
_FINE = tuple(_FINE_STEP * i for i in range(-6, 7))
_CLIMB_STEPS = 2  # and a last one whose gain is checked
_SEARCH_STEPS = 5  # from every peak, and again from the best one
_FLATTEST = 0.125  # log-curvature, relative to the mixture's precision, below which Newton's step is not trusted
_LARGEST_LAST_GAIN = 2e-5  # nat; Newton's next step then gains less than 1e-8
_OUT_OF_SIGHT = 1e20  # any difference between densities, times this, is more than a density
_ROUNDING = 2e-6  # relative error of a density in single precision, generously


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
            e = torch.mul(e, e, out=e)
            torch.sum(bounded_exp_(torch.sub(log_heights, e, out=e)), 0, out=densities)
            densities.add_(own, alpha=math.exp(-0.5 * step**2))
        return self

    def position_of_best(self, values: Float[Tensor, "nodes k n"]) -> Float[Tensor, "n"]:
        """Position of the node of the largest value; the values are overwritten."""
        values, positions = values.flatten(0, 1), self.positions.flatten(0, 1)
        return position_of_largest(values, positions, values.amax(0), out=values)


class QuickSearch:
    """Mode of nearly every pixel: the best node of the coarse scan, three steps up, and a look for rivals."""

    def __init__(self, planes: Planes) -> None:
        self._scan, self._climber = Scan(planes, _COARSE), Climber(planes)

    def run(self) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
        """Position of the peak found, and whether it is certain that there is no higher one."""
        scan, work = self._scan.run(), self._scan.work
        x = scan.position_of_best(work.copy_(scan.densities))
        for _ in range(_CLIMB_STEPS):
            x.sub_(self._climber.at(x).step)
        top = self._climber.at(x)
        # f'' = -bend at the peak; the parabola of half of it is f - bend d^2 / 4.
        bend = (top.curvature * top.weight).mul_(2)
        limits = torch.mul(torch.sub(scan.positions, x, out=work), work, out=work)
        limits.mul_(bend * -0.25).add_(top.density * (1 + _ROUNDING))
        torch.maximum(limits, top.density * math.exp(-_COARSE_LOSS), out=limits)
        is_alone = scan.densities.sub_(limits).amax((0, 1)) <= 0
        is_climbed = bend.mul_(top.step).mul_(top.step) <= 2 * _LARGEST_LAST_GAIN * top.density
        return x.sub_(top.step), is_alone & is_climbed & (top.curvature > _FLATTEST)


class ThoroughSearch:
    """Mode of any pixel: the two best peaks of the fine scan around every component, each climbed in its bracket."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes
        self._scan = Scan(planes, _FINE)
        self._climbers = Climber(planes, 2 * planes.components), Climber(planes)

    def run(self) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
        """Position of the mode, which is certain."""
        all_peaks, one_peak = self._climbers
        x = self._peaks()
        half_width = self._planes.scales.repeat(2, 1).mul_(_FINE_STEP)
        x, low, high = self._climb(all_peaks, x, x - half_width, x + half_width)
        density = all_peaks.at(x).density
        best = density.amax(0)
        x, low, high = (position_of_largest(density, a, best, out=torch.empty_like(a)) for a in (x, low, high))
        x, _, _ = self._climb(one_peak, x, low, high)
        return x, torch.ones_like(x, dtype=torch.bool)

    @staticmethod
    def _climb(climber: Climber, x: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Newton's method inside a bracket that shrinks by the sign of the slope, bisection where it would leave."""
        for _ in range(_SEARCH_STEPS):
            step = climber.at(x).step
            low, high = torch.where(step <= 0, x, low), torch.where(step >= 0, x, high)
            climbed = x - step
            x = torch.where((climbed >= low) & (climbed <= high), climbed, 0.5 * (low + high))
        return x, low, high

    def _peaks(self) -> Float[Tensor, "c n"]:
        """Nodes that top their neighbours, the two highest per component (if there is one only, any other node)."""
        scan, work = self._scan.run(), self._scan.work
        positions, densities, rises = scan.positions, scan.densities, torch.zeros_like(scan.work)
        # Nodes that are lower than a neighbour are pushed down out of sight.
        torch.sub(densities[:-1], densities[1:], out=rises[:-1])
        torch.minimum(rises[1:], torch.sub(densities[1:], densities[:-1], out=work[1:]), out=rises[1:])
        peaks = rises.clamp_max_(0).mul_(_OUT_OF_SIGHT).add_(densities)
        first = position_of_largest(peaks, positions, peaks.amax(0), out=work)
        is_other = torch.sub(positions, first, out=work).abs_().sub_(0.5 * _FINE_STEP * self._planes.scales)
        peaks = torch.minimum(peaks, is_other.mul_(_OUT_OF_SIGHT), out=peaks)
        return torch.cat([first, position_of_largest(peaks, positions, peaks.amax(0), out=work)])


class _TileWorker:
    """Loads tiles into planes and runs a search on them; working memory is kept from tile to tile."""

    def __init__(self, search: type[QuickSearch] | type[ThoroughSearch]) -> None:
        self._make = search
        self._planes: Planes | None = None

    def __call__(
        self, locs: Float[Tensor, "n k"], scales: Float[Tensor, "n k"], log_weights: Float[Tensor, "n k"]
    ) -> tuple[Float[Tensor, "n"], Bool[Tensor, "n"]]:
        pixels, components = locs.shape
        if self._planes is None or self._planes.pixels != pixels:
            self._planes = Planes(Family.NORMAL, components, pixels, like=locs)
            self._search = self._make(self._planes)
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
    arrays, components = (locs, scales, log_weights), locs.shape[-1]
    rows = tile_rows(components**2, locs.device, chunk)
    modes, certain = map_rows(_TileWorker(QuickSearch), arrays, rows)
    unclear = (~certain).nonzero(as_tuple=True)
    if unclear[0].numel():
        # The fine scan holds 13 planes per component, the climb 8 per pair of components.
        rows = tile_rows((len(_FINE) + 8 * components) * components, locs.device, chunk)
        modes[unclear] = map_rows(_TileWorker(ThoroughSearch), tuple(array[unclear] for array in arrays), rows)[0]
    return modes
