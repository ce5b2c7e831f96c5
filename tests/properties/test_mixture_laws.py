"""Laws that any mixture and any decoder must obey."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from mda.mixtures import Decoder, DepthMixture

FAMILIES, SPACES = ("normal", "laplace"), ("log", "linear")


def random_mixture(seed: int, *, family="normal", space="log", components=4, shape=(64,), dtype=torch.float64):
    """Flat pixels, two-surface pixels, broad and narrow components."""
    rng = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(*size, generator=rng, dtype=dtype)

    centre = 1 + 0.5 * normal(*shape, 1).abs()
    spread = torch.where(torch.rand(*shape, 1, generator=rng, dtype=dtype) < 0.5, 0.5, 0.03)
    locs = centre + spread * normal(*shape, components)
    scales = 0.02 + 0.3 * torch.rand(*shape, components, generator=rng, dtype=dtype)
    weights = (1.5 * normal(*shape, components)).log_softmax(-1)
    if space == "log":
        locs = (locs.abs() + 0.2).log()
    return DepthMixture(locs=locs, scales=scales, log_weights=weights, family=family, space=space)


def grid(mixture: DepthMixture, points: int = 4001) -> torch.Tensor:
    """Depths [*b, points] that cover nearly all mass, evenly in the coordinate."""
    low = (mixture.locs - 14 * mixture.scales).amin(-1, keepdim=True)
    high = (mixture.locs + 14 * mixture.scales).amax(-1, keepdim=True)
    return low + (high - low) * torch.linspace(0, 1, points, dtype=mixture.locs.dtype)


def log_density(mixture: DepthMixture, x: torch.Tensor) -> torch.Tensor:
    """Log density at coordinates [*b, n], written out anew."""
    z = (x[..., None] - mixture.locs[..., None, :]) / mixture.scales[..., None, :]
    shape = -0.5 * z.square() - 0.5 * torch.log(torch.tensor(2 * torch.pi))
    if mixture.family == "laplace":
        shape = -z.abs() - torch.log(torch.tensor(2.0))
    return torch.logsumexp(mixture.log_weights[..., None, :] + shape - mixture.scales[..., None, :].log(), -1)


def coordinate(mixture: DepthMixture, depth: torch.Tensor) -> torch.Tensor:
    return (depth + 0.1).log() if mixture.space == "log" else depth


def depth_at(mixture: DepthMixture, x: torch.Tensor) -> torch.Tensor:
    return x.exp() - 0.1 if mixture.space == "log" else x


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", SPACES)
def test_log_prob_is_the_density_and_integrates_to_one(family, space):
    mixture = random_mixture(0, family=family, space=space)
    x = grid(mixture)
    if space == "log":
        x = x.clamp_min(-2.2)
    ours = torch.stack([mixture.log_prob(depth_at(mixture, x[..., i])) for i in range(0, x.shape[-1], 400)], -1)
    assert torch.allclose(ours, log_density(mixture, x[..., ::400]), atol=1e-6)
    mass = torch.trapezoid(log_density(mixture, grid(mixture)).exp(), grid(mixture))
    assert torch.allclose(mass, torch.ones_like(mass), atol=1e-3)


@given(seed=st.integers(0, 10**6), components=st.integers(1, 6), space=st.sampled_from(SPACES))
@settings(max_examples=25, deadline=None)
def test_the_normal_mode_is_the_global_maximum(seed, components, space):
    mixture = random_mixture(seed, components=components, space=space)
    best = log_density(mixture, grid(mixture)).amax(-1)
    ours = log_density(mixture, coordinate(mixture, mixture.decode("mode"))[..., None])[..., 0]
    assert (ours >= best - 1e-9).all()


@given(seed=st.integers(0, 10**6), components=st.integers(1, 6), space=st.sampled_from(SPACES))
@settings(max_examples=15, deadline=None)
def test_the_laplace_mode_is_the_best_centre_and_beats_a_grid(seed, components, space):
    mixture = random_mixture(seed, family="laplace", components=components, space=space)
    depth, index = mixture.decode_with_component("mode")
    assert torch.allclose(depth, mixture.hypotheses.gather(-1, index[..., None])[..., 0])
    ours = log_density(mixture, coordinate(mixture, depth)[..., None])[..., 0]
    assert (ours >= log_density(mixture, grid(mixture)).amax(-1) - 1e-9).all()
    assert (ours >= log_density(mixture, mixture.locs).amax(-1) - 1e-9).all()


@pytest.mark.parametrize("decoder", list(Decoder))
@pytest.mark.parametrize("family", FAMILIES)
def test_the_answer_does_not_depend_on_chunks_or_on_neighbours(decoder, family):
    mixture = random_mixture(3, family=family, shape=(5, 40), dtype=torch.float32)
    whole = mixture.decode(decoder)
    for chunk in (1, 7, 64, 1000):
        assert torch.equal(mixture.decode(decoder, chunk=chunk), whole)
    assert torch.equal(mixture[2, 3:9].decode(decoder), whole[2, 3:9])


@pytest.mark.parametrize("decoder", list(Decoder))
@pytest.mark.parametrize("family", FAMILIES)
def test_the_order_of_components_does_not_matter(decoder, family):
    mixture = random_mixture(4, family=family)
    order = torch.tensor([2, 0, 3, 1])
    shuffled = DepthMixture(
        locs=mixture.locs[..., order],
        scales=mixture.scales[..., order],
        log_weights=mixture.log_weights[..., order],
        family=family,
        space=mixture.space,
    )
    assert torch.allclose(shuffled.decode(decoder), mixture.decode(decoder), atol=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", SPACES)
def test_cdf_and_quantile_are_inverse_and_monotone(family, space):
    mixture = random_mixture(5, family=family, space=space)
    last = None
    for p in (0.02, 0.25, 0.5, 0.9, 0.99):
        depth = mixture.quantile(p)
        inside = depth > -0.0999
        assert torch.allclose(mixture.cdf(depth)[inside], torch.full_like(depth, p)[inside], atol=1e-5)
        assert last is None or (depth >= last - 1e-9).all()
        last = depth
    assert torch.allclose(mixture.decode("median"), mixture.quantile(0.5), atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_cdf_is_the_integral_of_the_density(family):
    mixture = random_mixture(6, family=family, space="linear")
    x = grid(mixture)
    running = torch.cumulative_trapezoid(log_density(mixture, x).exp(), x)
    ours = torch.stack([mixture.cdf(x[..., i + 1]) for i in range(0, 4000, 500)], -1)
    assert torch.allclose(ours, running[..., ::500], atol=2e-3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", SPACES)
def test_crps_is_the_integral_of_the_squared_distance_of_the_cdf(family, space):
    mixture = random_mixture(7, family=family, space=space, shape=(16,))
    observed = torch.full((16,), 1.3, dtype=torch.float64)
    x = grid(mixture, 20001)
    low = torch.minimum(x[..., :1], coordinate(mixture, observed)[..., None] - 1)
    high = torch.maximum(x[..., -1:], coordinate(mixture, observed)[..., None] + 1)
    x = low + (high - low) * torch.linspace(0, 1, 20001, dtype=torch.float64)
    cumulative = torch.cat([torch.zeros(16, 1), torch.cumulative_trapezoid(log_density(mixture, x).exp(), x)], -1)
    step = (x >= coordinate(mixture, observed)[..., None]).double()
    integral = torch.trapezoid((cumulative - step).square(), x)
    assert torch.allclose(mixture.crps(observed), integral, atol=3e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_mean_std_and_entropy_agree_with_quadrature(family):
    mixture = random_mixture(8, family=family, space="linear", shape=(16,))
    x = grid(mixture, 20001)
    log_p = log_density(mixture, x)
    mean = torch.trapezoid(x * log_p.exp(), x)
    variance = torch.trapezoid((x - mean[..., None]).square() * log_p.exp(), x)
    assert torch.allclose(mixture.mean(), mean, rtol=1e-3)
    assert torch.allclose(mixture.std(), variance.sqrt(), rtol=5e-3)
    assert torch.allclose(mixture.entropy(), -torch.trapezoid(log_p * log_p.exp(), x), atol=5e-3)
    assert torch.equal(mixture.decode("mean"), mixture.mean())


def test_depth_scales_with_the_unit_in_linear_space():
    mixture = random_mixture(9, space="linear")
    doubled = DepthMixture(
        locs=2 * mixture.locs,
        scales=2 * mixture.scales,
        log_weights=mixture.log_weights,
        family="normal",
        space="linear",
    )
    for decoder in Decoder:
        assert torch.allclose(doubled.decode(decoder), 2 * mixture.decode(decoder), rtol=1e-6)
