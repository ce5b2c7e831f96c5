"""Surfaces of a density: its peaks, with the mass of the components that lead up to them."""

from dataclasses import dataclass

import torch

from mda.mixtures.families import Family
from mda.mixtures.normal_modes import Climber
from mda.mixtures.planes import Planes, bounded_exp_
from mda.mixtures.rows import map_rows, tile_rows
from mda.mixtures.spaces import widened
from mda.shapes import Float, Int, Tensor

MIN_MASS = 0.1
"""Mass from which on a peak counts as a surface: less would be one stray component of four."""

_CLIMB_STEPS = 12
_SHALLOWEST = 0.1  # peaks are one surface unless the density between them falls by this share of the lower one
_BETWEEN = (0.25, 0.5, 0.75)  # where between two peaks the density is looked at


@dataclass(frozen=True, kw_only=True)
class SurfaceLayers:
    """Nearest and farthest surface of each pixel; they are the same one where there is no second.

    Attributes:
        front_depth, back_depth: [*b] depth of the surface's highest peak.
        front_mass, back_mass: [*b] sum of the weights of the components that belong to the surface.
        count: [*b] number of surfaces; at least 1.
    """

    front_depth: Float[Tensor, "*b"]
    back_depth: Float[Tensor, "*b"]
    front_mass: Float[Tensor, "*b"]
    back_mass: Float[Tensor, "*b"]
    count: Int[Tensor, "*b"]


def surfaces(
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
    min_mass: float = MIN_MASS,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Coordinates of front and back surface, their masses, and the number of surfaces, [*b] each.

    Each component climbs from its centre to a peak. Peaks between which the density hardly falls are merged, their
    masses are added, and those of at least `min_mass` are surfaces; where none is, the heaviest one is.
    """

    def of_tile(locs: Tensor, scales: Tensor, log_weights: Tensor) -> tuple[Tensor, ...]:
        planes = Planes(family, locs.shape[1], locs.shape[0], like=locs).load(locs, scales, log_weights)
        peaks = _climbed(planes) if family is Family.NORMAL else _walked(planes)
        front, back, front_mass, back_mass, count = _surfaces(planes, peaks, log_weights.t().exp(), min_mass)
        origin = widened(planes.origin)
        return origin + front, origin + back, front_mass, back_mass, count

    rows = tile_rows(4 * locs.shape[-1] ** 2, locs.device)
    front, back, front_mass, back_mass, count = map_rows(of_tile, (locs, scales, log_weights), rows)
    return front, back, front_mass, back_mass, count


def _climbed(planes: Planes) -> Float[Tensor, "k n"]:
    """Peak that each centre leads up to, in a mixture of normals."""
    climber = Climber(planes, planes.components)
    x = planes.offsets.clone()
    for _ in range(_CLIMB_STEPS):
        x -= climber.at(x).step
    return x


def _walked(planes: Planes) -> Float[Tensor, "k n"]:
    """Peak that each centre leads up to, in a mixture of laplace distributions: always a centre.

    Between centres the density is convex, so uphill from a centre leads on to the next centre on that side.
    """
    centers = planes.offsets
    gaps = centers[None] - centers[:, None]  # [from, to, n]
    pulls = bounded_exp_(planes.log_heights - (planes.rates * gaps).abs_()).mul_(planes.rates)
    ahead, behind, here = ((pulls * side).sum(1) for side in (gaps > 0, gaps < 0, gaps == 0))
    next_ahead = torch.where(gaps > 0, gaps, torch.inf).argmin(1)
    next_behind = torch.where(gaps < 0, gaps, -torch.inf).argmax(1)
    stay = torch.arange(planes.components, device=centers.device)[:, None].expand_as(next_ahead)
    uphill = torch.where(ahead > behind + here, next_ahead, torch.where(behind > ahead + here, next_behind, stay))
    for _ in range(planes.components.bit_length()):
        uphill = uphill.gather(0, uphill)
    return centers.gather(0, uphill)


def _surfaces(
    planes: Planes, peaks: Float[Tensor, "k n"], weights: Float[Tensor, "k n"], min_mass: float
) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"], Float[Tensor, "n"], Float[Tensor, "n"], Int[Tensor, "n"]]:
    """Merge the peaks and choose the first and the last surface: positions, masses, number of surfaces."""
    x, order = peaks.sort(0)
    weights = weights.gather(0, order)
    density = planes.densities_at(x)
    steps = x[1:] - x[:-1]
    valley = torch.full_like(steps, torch.inf)
    for share in _BETWEEN:
        valley = torch.minimum(valley, planes.densities_at(x[:-1] + share * steps))
    is_split = valley < (1 - _SHALLOWEST) * torch.minimum(density[1:], density[:-1])
    is_first = torch.cat([torch.ones_like(x[:1], dtype=torch.bool), is_split])
    surface = is_first.cumsum(0)
    same = surface[:, None] == surface[None]
    mass = torch.where(same, weights[None], 0.0).sum(1)
    highest = torch.where(same, density[None], -torch.inf).amax(1)
    x = torch.where(same & (density[None] == highest[:, None]), x[None], -torch.inf).amax(1)
    counts = mass >= mass.amax(0).clamp_max(min_mass)
    front = counts.int().argmax(0, keepdim=True)
    back = len(x) - 1 - counts.flip(0).int().argmax(0, keepdim=True)
    front_x, front_mass, back_x, back_mass = (a.gather(0, i)[0] for i in (front, back) for a in (x, mass))
    return front_x, back_x, front_mass, back_mass, (counts & is_first).sum(0)
