import itertools
import math

import pytest
import torch

from mda.losses import likelihood as module
from mda.losses.likelihood import TrainedWeights, choose_component, likelihood
from mda.mixtures import DepthMixture

FORMS = list(itertools.product(["normal", "laplace"], ["log", "linear"]))
PLAIN = TrainedWeights(clamp=False, normalise=False)


def mixture(*, batch=(37,), components=4, family="normal", space="log", dtype=torch.float64, spread=1.0):
    shape = (*batch, components)
    locs = (spread * torch.randn(shape, dtype=dtype)).requires_grad_()
    scales = (0.05 + torch.rand(shape, dtype=dtype)).requires_grad_()
    log_weights = (3 * torch.randn(shape, dtype=dtype)).log_softmax(-1).detach().requires_grad_()
    return DepthMixture(locs=locs, scales=scales, log_weights=log_weights, family=family, space=space)


def plain_nll(mix, depth, weights):
    """The likelihood by recording every step."""
    log_weights = mix.log_weights
    if weights.clamp:
        raised = log_weights.clamp_min(-4)
        raised = raised.log_softmax(-1) if weights.normalise else raised
        log_weights = log_weights + (raised - log_weights).detach()
    residual = (mix.space.coordinate(depth)[..., None] - mix.locs) / mix.scales
    return -(log_weights + mix.family.log_density(residual) - mix.scales.log()).logsumexp(-1)


@pytest.mark.parametrize(("family", "space"), FORMS)
@pytest.mark.parametrize("components", [1, 4])
def test_it_is_the_density_of_the_mixture(family, space, components):
    mix = mixture(family=family, space=space, components=components)
    depth = torch.rand(37, dtype=torch.float64) + 0.2
    nll = likelihood(mix, depth, depth > 0, PLAIN).nll.values
    assert torch.allclose(nll, -mix.log_prob(depth))


@pytest.mark.parametrize(("family", "space"), FORMS)
@pytest.mark.parametrize(
    "weights", [PLAIN, TrainedWeights(normalise=False), TrainedWeights()], ids=["plain", "raised", "default"]
)
def test_value_and_gradient_are_those_of_the_plain_formula(family, space, weights):
    mix = mixture(family=family, space=space)
    leaves = (mix.locs, mix.scales, mix.log_weights)
    depth, upstream = torch.rand(37, dtype=torch.float64) + 0.2, torch.randn(37, dtype=torch.float64)
    found = likelihood(mix, depth, depth > 0, weights)
    log_confidence = mix.confidence.log()
    expected = plain_nll(mix, depth, weights)
    assert torch.allclose(found.nll.values, expected)
    assert torch.allclose(found.log_weight_spread, mix.log_weights.square().mean())
    assert torch.allclose(found.log_confidence_spread, log_confidence.square().mean())
    total = (found.nll.values * upstream).sum() + 3 * found.log_weight_spread + 5 * found.log_confidence_spread
    plain = (expected * upstream).sum() + 3 * mix.log_weights.square().mean() + 5 * log_confidence.square().mean()
    for ours, theirs in zip(torch.autograd.grad(total, leaves), torch.autograd.grad(plain, leaves), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_chunks_make_no_difference(monkeypatch):
    mix = mixture(batch=(2, 1, 5, 7))
    depth = torch.rand(2, 1, 5, 7, dtype=torch.float64) + 0.2

    def evaluate():
        found = likelihood(mix, depth, depth > 0, TrainedWeights())
        grads = torch.autograd.grad(
            found.nll.values.sum() + found.log_weight_spread, (mix.locs, mix.scales, mix.log_weights)
        )
        return [found.nll.values, choose_component(mix, TrainedWeights()), *grads]

    whole = evaluate()
    monkeypatch.setattr(module, "_CHUNK", 13)
    for ours, theirs in zip(evaluate(), whole, strict=True):
        assert torch.allclose(ours, theirs)


def test_raised_log_weights_pass_the_gradient_of_the_originals():
    # The second component is far below the clamp, and at its centre it explains the truth all the same.
    mix = DepthMixture(
        locs=torch.tensor([[0.0, 1.0]]),
        scales=torch.full((1, 2), 0.01),
        log_weights=torch.tensor([[-1e-9, -20.0]], requires_grad=True),
        space="linear",
    )
    nll = likelihood(mix, torch.ones(1), torch.ones(1, dtype=torch.bool), TrainedWeights()).nll.values
    nll.sum().backward()
    assert nll.item() == pytest.approx(
        4 + math.log1p(math.exp(-4)) + math.log(0.01) + 0.5 * math.log(2 * math.pi), abs=1e-4
    )
    assert mix.log_weights.grad.tolist() == [[pytest.approx(0, abs=1e-20), -1]]


@pytest.mark.parametrize(("normalise", "mass"), [(True, 1.0), (False, 1 + 2 * (math.exp(-4) - math.exp(-9)))])
def test_the_trained_density_integrates_to_one_by_default(normalise, mass):
    log_weights = torch.tensor([math.log(1 - 2 * math.exp(-9)), -9.0, -9.0], dtype=torch.float64)
    grid = torch.linspace(-20, 20, 40001, dtype=torch.float64)
    mix = DepthMixture(
        locs=torch.tensor([5.0, 1.0, 2.0], dtype=torch.float64).expand(40001, 3),
        scales=torch.full((40001, 3), 0.3, dtype=torch.float64),
        log_weights=log_weights.expand(40001, 3),
        space="linear",
    )
    weights = TrainedWeights(normalise=normalise)
    density = (-likelihood(mix, grid, torch.ones(40001, dtype=torch.bool), weights).nll.values).exp()
    assert torch.trapezoid(density, grid) == pytest.approx(mass, abs=1e-6)


@pytest.mark.parametrize(("family", "space"), FORMS)
def test_the_chosen_component_has_the_centre_of_highest_density(family, space):
    mix = mixture(batch=(500,), family=family, space=space, spread=0.3)
    at_centers = torch.stack([mix.log_prob(mix.hypotheses[:, k]) for k in range(4)], dim=-1)
    assert torch.equal(choose_component(mix, PLAIN), at_centers.argmax(-1))


def test_the_choice_uses_the_raised_weights():
    mix = DepthMixture(
        locs=torch.tensor([[0.0, 1.0]]),
        scales=torch.tensor([[1.0, 1e-3]]),
        log_weights=torch.tensor([[-1e-9, -20.0]]),
        space="linear",
    )
    assert choose_component(mix, PLAIN).item() == 0
    assert choose_component(mix, TrainedWeights()).item() == 1


def test_ties_go_to_the_first_component():
    mix = DepthMixture(locs=torch.zeros(3, 4), scales=torch.ones(3, 4), log_weights=torch.full((3, 4), -math.log(4)))
    assert choose_component(mix, PLAIN).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("family", "space"), FORMS)
def test_absurd_predictions_stay_finite(family, space):
    values = torch.tensor([1e-12, 1e-6, 1.0, 1e6, 1e18])
    locs, scales = (grid.reshape(-1, 1).repeat(1, 3) for grid in torch.meshgrid(values, values, indexing="ij"))
    mix = DepthMixture(
        locs=locs.requires_grad_(),
        scales=scales.requires_grad_(),
        log_weights=torch.tensor([0.0, -1e6, -1e12]).repeat(25, 1).requires_grad_(),
        family=family,
        space=space,
    )
    found = likelihood(mix, torch.full((25,), 0.7), torch.ones(25, dtype=torch.bool), TrainedWeights())
    (found.nll.values.mean() + found.log_weight_spread + found.log_confidence_spread).backward()
    assert found.nll.values.isfinite().all()
    for leaf in (mix.locs, mix.scales, mix.log_weights):
        assert leaf.grad.isfinite().all()


def test_a_hopeless_residual_still_pulls_the_right_way():
    mix = DepthMixture(
        locs=torch.tensor([[0.0]], requires_grad=True),
        scales=torch.tensor([[1e-8]], requires_grad=True),
        log_weights=torch.zeros(1, 1, requires_grad=True),
        space="linear",
    )
    likelihood(mix, torch.ones(1), torch.ones(1, dtype=torch.bool), TrainedWeights()).nll.values.sum().backward()
    assert mix.locs.grad.item() < 0
    assert mix.scales.grad.item() < 0


def test_masked_pixels_add_nothing_even_with_truth_that_is_not_a_number():
    mix = mixture(batch=(4,), dtype=torch.float32)
    depth = torch.tensor([1.0, torch.nan, torch.inf, -3.0])
    found = likelihood(mix, depth, torch.tensor([True, False, False, False]), TrainedWeights())
    found.nll.tally().sum.backward()
    assert found.nll.values.isfinite().all()
    assert (mix.locs.grad[1:] == 0).all()
    assert (mix.locs.grad[0] != 0).any()
