"""Slow and plain versions in float64 to compare with, and mixtures that are hard to decode."""

import math

import torch
from torch import Tensor

from mda.mixtures import DepthMixture


def nll(mixture: DepthMixture, depth: Tensor) -> Tensor:
    """Published negative log likelihood of a depth, in float64 from the parameters as they are."""
    return -mixture.to(torch.float64).log_prob(depth.double())


def coordinate_density(mixture: DepthMixture, x: Tensor) -> Tensor:
    """Density [*b, n] at coordinates [*b, n], summed component by component in float64."""
    total = torch.zeros(x.shape, dtype=torch.float64)
    for k in range(mixture.num_components):
        loc, scale, log_weight = (a[..., k, None].double() for a in (mixture.locs, mixture.scales, mixture.log_weights))
        z = (x - loc) / scale
        log_density = (
            -0.5 * z**2 - 0.5 * math.log(2 * math.pi) if mixture.family == "normal" else -z.abs() - math.log(2)
        )
        # Exponentials that underflow are very slow.
        total += torch.exp((log_weight + log_density).clamp_min(-300)) / scale
    return total


def brute_force_height(mixture: DepthMixture) -> Tensor:
    """Log density at the global maximum: grids over all components, zoomed in at their two best separate places."""
    best = torch.full(mixture.batch_shape, -torch.inf, dtype=torch.float64)
    steps = torch.linspace(-4, 4, 161, dtype=torch.float64)
    zoom = torch.linspace(-1, 1, 33, dtype=torch.float64)
    for k in range(mixture.num_components):
        loc, scale = mixture.locs[..., k, None].double(), mixture.scales[..., k, None].double()
        grid = loc + scale * steps
        density = coordinate_density(mixture, grid)
        for _ in range(2):
            center = grid.gather(-1, density.argmax(-1, keepdim=True))
            density = torch.where((grid - center).abs() < 0.5 * scale, -1.0, density)
            width = scale * (steps[1] - steps[0])
            for _ in range(5):
                fine = center + width * zoom
                center = fine.gather(-1, coordinate_density(mixture, fine).argmax(-1, keepdim=True))
                width = width * (zoom[1] - zoom[0])
            best = torch.maximum(best, coordinate_density(mixture, center)[..., 0].log())
    return best


def random_mixture(
    pixels: int,
    components: int,
    seed: int,
    *,
    family: str = "normal",
    space: str = "log",
    dtype: torch.dtype = torch.float64,
) -> DepthMixture:
    """Mixtures as networks give them: hypotheses that agree, or lie on two surfaces, of various confidence."""
    g = torch.Generator().manual_seed(seed)
    shape = (pixels, components)
    confidence = 1 + torch.exp(4 * torch.rand(shape, generator=g, dtype=torch.float64) + 1.5)
    spread = 0.02 + 0.2 * torch.rand((pixels, 1), generator=g, dtype=torch.float64)
    log_depth = 2 * torch.randn((pixels, 1), generator=g, dtype=torch.float64) + spread * torch.randn(
        shape, generator=g, dtype=torch.float64
    )
    behind = (torch.rand(shape, generator=g) < 0.5) & (torch.rand((pixels, 1), generator=g) < 0.5)
    log_depth = log_depth + behind * torch.rand((pixels, 1), generator=g, dtype=torch.float64)
    log_weights = (1.5 * torch.randn(shape, generator=g, dtype=torch.float64)).log_softmax(-1)
    return DepthMixture.from_confidence(
        depths=log_depth.exp().to(dtype),
        confidence=confidence.to(dtype),
        log_weights=log_weights.to(dtype),
        family=family,
        space=space,
    )


def adversarial_mixture(pixels: int, components: int, seed: int, dtype: torch.dtype = torch.float64) -> DepthMixture:
    """Peaks of like height on scales up to e^6 apart, many of them on top of each other: few starts find the mode."""
    g = torch.Generator().manual_seed(seed)
    shape = (pixels, components)

    def uniform(*size: int) -> Tensor:
        return torch.rand(size, generator=g, dtype=torch.float64)

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=g, dtype=torch.float64)

    scales = torch.exp(uniform(*shape) * uniform(pixels, 1) * 6 - 3)
    locs = normal(*shape) * torch.exp(uniform(pixels, 1) * 4 - 2)
    source = torch.randint(0, components, shape, generator=g)
    nudge = (uniform(*shape) < 0.5) * normal(*shape) * scales.amin(1, keepdim=True) * 2
    locs = torch.where(uniform(*shape) < 0.3, locs.gather(1, source) + nudge, locs)
    heights = normal(*shape) * torch.exp(uniform(pixels, 1) * 4 - 3)
    log_weights = (heights + scales.log()).log_softmax(-1)
    return DepthMixture(locs=locs.to(dtype), scales=scales.to(dtype), log_weights=log_weights.to(dtype), space="linear")
