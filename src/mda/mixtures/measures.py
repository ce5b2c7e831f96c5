"""Moments, entropy and scores of mixtures."""

from functools import cache

import torch

from mda.mixtures.families import Family
from mda.mixtures.planes import Planes
from mda.mixtures.rows import map_rows, tile_rows
from mda.mixtures.spaces import LOG_OFFSET, Space
from mda.shapes import Float, Tensor


def depth_moments(
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
    space: Space,
) -> tuple[Float[Tensor, "*b"], Float[Tensor, "*b"]]:
    """Mean and standard deviation of depth itself, also where the mixture is one of log depth."""
    if space is Space.LOG:
        means, variances = family.exp_moments(locs, scales)
        means = means - LOG_OFFSET
    else:
        means, variances = locs, family.variance(scales)
    weights = log_weights.exp()
    mean = _weighted_sum(weights, means)
    # With an infinite mean there is no spread about it; the variances of the components are infinite then, too.
    about = torch.where(means.isfinite(), (means - mean[..., None]).square(), 0.0)
    variance = _weighted_sum(weights, variances + about)
    return mean, variance.sqrt()


def _weighted_sum(weights: Float[Tensor, "*b k"], values: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
    """Sum over components; one without weight does not count even if its value is infinite."""
    return torch.where(weights > 0, weights * values, 0.0).sum(-1)


# Ends of the intervals of the quadrature, in scales from a centre; beyond the last lies less than 1e-10 of the mass.
_INTERVAL_ENDS = {Family.NORMAL: (0.0, 1.2, 2.5, 4.0, 7.0), Family.LAPLACE: (0.0, 1.5, 4.0, 10.0, 24.0)}
_NODES = 4


@cache
def _gauss_legendre(count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights on 0..1, from the eigenvectors of the Jacobi matrix (Golub and Welsch 1969)."""
    i = torch.arange(1, count, dtype=torch.float64, device="cpu")
    off_diagonal = i / (4 * i.square() - 1).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(off_diagonal, 1) + torch.diag(off_diagonal, -1))
    return tuple((0.5 + 0.5 * nodes).tolist()), tuple(vectors[0].square().tolist())


def entropies(
    locs: Float[Tensor, "*b k"], scales: Float[Tensor, "*b k"], log_weights: Float[Tensor, "*b k"], family: Family
) -> Float[Tensor, "*b"]:
    """Differential entropy -integral f log f in the coordinate, in nat.

    There is no closed form. Gauss-Legendre quadrature on the intervals between the points 0, 1, 2, ... scales from all
    centres, so that the narrowest component is resolved as well as the widest. With an unnormalised density g of
    integral Z the entropy is log Z - integral g log g / Z.
    """
    ends = _INTERVAL_ENDS[family]
    marks = [-end for end in ends[:0:-1]] + list(ends)
    nodes, node_weights = _gauss_legendre(_NODES)

    def of_tile(locs: Tensor, scales: Tensor, log_weights: Tensor) -> tuple[Tensor]:
        planes = Planes(family, locs.shape[1], locs.shape[0], like=locs).load(locs, scales, log_weights)
        points = torch.cat([planes.offsets + mark * planes.scales for mark in marks]).sort(0).values
        widths = points[1:] - points[:-1]
        total, weighted_log = torch.zeros_like(widths[0]), torch.zeros_like(widths[0])
        for node, node_weight in zip(nodes, node_weights, strict=True):
            density = planes.densities_at(points[:-1] + node * widths)
            mass = node_weight * widths * density
            total += mass.sum(0)
            weighted_log += (mass * density.log()).sum(0)
        return (total.log() - weighted_log / total,)

    rows = tile_rows(len(marks) * locs.shape[-1] ** 2, locs.device)
    return map_rows(of_tile, (locs, scales, log_weights), rows)[0]


def crps(
    x: Float[Tensor, "*b"],
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
) -> Float[Tensor, "*b"]:
    """Continuous ranked probability score E|X - x| - E|X - X'| / 2 in the coordinate; differentiable.

    The pairs of components are taken as k rotations of the component axis.
    """
    weights = log_weights.exp()
    score = (weights * family.expected_distance(x[..., None] - locs, scales)).sum(-1)
    for shift in range(locs.shape[-1]):
        other_locs, other_scales, other_weights = (a.roll(shift, -1) for a in (locs, scales, weights))
        distance = family.expected_distance(locs - other_locs, scales, other_scales)
        score = score - 0.5 * (weights * other_weights * distance).sum(-1)
    return score
