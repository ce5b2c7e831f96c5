import math

import pytest
import torch

from mda.mixtures import DepthMixture, Family, Space
from tests.unit.mixtures.references import coordinate_density, random_mixture

SETTINGS = [(family, space) for family in Family for space in Space]


def fine_grid(mixture):
    """Coordinates [*b, n] dense around every centre, as its scale asks for."""
    reach = 12 if mixture.family == "normal" else 40
    steps = torch.sinh(torch.linspace(-8, 8, 8001, dtype=torch.float64)) / math.sinh(8) * reach
    return (mixture.locs[..., None] + mixture.scales[..., None] * steps).flatten(-2).sort(-1).values


@pytest.mark.parametrize(("family", "space"), SETTINGS)
def test_mean_and_std_are_of_depth_in_metres(family, space):
    mixture = random_mixture(5, 4, 1, family=family, space=space)
    x = fine_grid(mixture)
    density = coordinate_density(mixture, x)
    depth = x if space is Space.LINEAR else x.exp() - 0.1
    mean = torch.trapezoid(depth * density, x)
    variance = torch.trapezoid((depth - mean[:, None]) ** 2 * density, x)
    torch.testing.assert_close(mixture.mean(), mean, rtol=1e-6, atol=0)
    torch.testing.assert_close(mixture.std(), variance.sqrt(), rtol=1e-5, atol=0)


def test_moments_that_do_not_exist_are_infinite():
    log_weights = torch.tensor([0.5, 0.5]).log()
    mixture = DepthMixture(
        locs=torch.zeros(3, 2),
        scales=torch.tensor([[0.1, 0.4], [0.1, 0.6], [0.1, 1.2]]),
        log_weights=log_weights.expand(3, 2),
        family="laplace",
    )
    assert mixture.mean().isfinite().tolist() == [True, True, False]
    assert mixture.std().isfinite().tolist() == [True, False, False]
    without = DepthMixture(
        locs=torch.zeros(2),
        scales=torch.tensor([0.1, 2.0]),
        log_weights=torch.tensor([0.0, -math.inf]),
        family="laplace",
    )
    assert without.mean().isfinite()
    assert without.std().isfinite()


@pytest.mark.parametrize(("family", "space"), SETTINGS)
@pytest.mark.parametrize("components", [1, 4])
def test_entropy_is_the_integral(family, space, components):
    mixture = random_mixture(5, components, 2, family=family, space=space)
    x = fine_grid(mixture)
    density = coordinate_density(mixture, x)
    integral = -torch.trapezoid(torch.special.xlogy(density, density), x)
    torch.testing.assert_close(mixture.entropy(), integral, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("family", "entropy"), [("normal", 0.5 * math.log(2 * math.pi * math.e)), ("laplace", 1 + math.log(2))]
)
def test_entropy_of_one_component(family, entropy):
    scale = torch.tensor([[0.01], [3.0]], dtype=torch.float64)
    mixture = DepthMixture(
        locs=torch.zeros_like(scale), scales=scale, log_weights=torch.zeros_like(scale), family=family, space="linear"
    )
    torch.testing.assert_close(mixture.entropy(), entropy + scale[:, 0].log(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("family", "space"), SETTINGS)
@pytest.mark.parametrize("components", [1, 3])
def test_crps_is_the_integral(family, space, components):
    mixture = random_mixture(5, components, 3, family=family, space=space)
    depth = mixture.hypotheses[:, 0] * torch.tensor([0.5, 0.9, 1.0, 1.1, 2.0], dtype=torch.float64)
    x = fine_grid(mixture)
    density = coordinate_density(mixture, x)
    cdf = torch.cat([torch.zeros(5, 1), torch.cumulative_trapezoid(density, x)], -1)
    at = mixture.space.coordinate(depth)[:, None]
    integral = torch.trapezoid((cdf - (x >= at).double()) ** 2, x)
    outside = (at - x.amax(-1, keepdim=True)).clamp_min(0) + (x.amin(-1, keepdim=True) - at).clamp_min(0)
    torch.testing.assert_close(mixture.crps(depth), integral + outside[:, 0], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("family", list(Family))
def test_crps_has_the_gradient_of_its_differences(family):
    mixture = random_mixture(4, 3, 4, family=family)
    inputs = [a.clone().requires_grad_() for a in (mixture.hypotheses[:, 0] * 1.05, mixture.locs, mixture.scales)]

    def score(depth, locs, scales):
        return DepthMixture(locs=locs, scales=scales, log_weights=mixture.log_weights, family=family).crps(depth)

    assert torch.autograd.gradcheck(score, inputs)
