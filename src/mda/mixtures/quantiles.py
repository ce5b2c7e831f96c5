"""Quantiles of mixtures."""

import torch

from mda.mixtures.families import Family
from mda.mixtures.rows import map_rows, tile_rows
from mda.shapes import Float, Tensor

_MOST_STEPS = 150
_BISECT_EVERY = 3  # Newton's method may crawl where the distribution function bends; each third step halves the bracket


def quantiles(
    p: Float[Tensor, "*b"],
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
) -> Float[Tensor, "*b"]:
    """Coordinate below which the mass p lies: Newton's method, safeguarded by bisection.

    A quantile of a mixture lies between the least and the greatest quantile of its components. A pixel that has
    converged is not touched again, so results do not depend on the pixels beside it.
    """

    def of_tile(locs: Tensor, scales: Tensor, log_weights: Tensor, p: Tensor) -> tuple[Tensor]:
        ends = locs + scales * family.quantile(p)
        low, high = ends.amin(-1), ends.amax(-1)
        weights, p = log_weights.exp(), p[:, 0]
        x = 0.5 * (low + high)
        eps = torch.finfo(x.dtype).eps
        for step in range(_MOST_STEPS):
            z = (x[:, None] - locs) / scales
            excess = (weights * family.cdf(z)).sum(-1) - p
            low, high = torch.where(excess <= 0, x, low), torch.where(excess >= 0, x, high)
            change = excess / (weights * family.log_density(z).exp() / scales).sum(-1)
            resolution = eps * x.abs()
            active = (excess.abs() > eps * p) & (change.abs() > resolution) & (high - low > resolution)
            if not active.any():
                break
            newton = x - change
            is_good = (newton > low) & (newton < high) & (step % _BISECT_EVERY != _BISECT_EVERY - 1)
            x = torch.where(active, torch.where(is_good, newton, 0.5 * (low + high)), x)
        return (x,)

    rows = tile_rows(4 * locs.shape[-1], locs.device)
    return map_rows(of_tile, (locs, scales, log_weights, p[..., None]), rows)[0]
