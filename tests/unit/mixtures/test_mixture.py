import dataclasses
import math

import pytest
import torch

from mda.mixtures import DepthMixture, Family, Space
from tests.unit.mixtures.references import coordinate_density, random_mixture


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("space", list(Space))
def test_log_prob_is_the_published_likelihood(family, space):
    depths, confidence = (
        torch.tensor([[1.0, 2.5]], dtype=torch.float64),
        torch.tensor([[3.0, 40.0]], dtype=torch.float64),
    )
    log_weights = torch.tensor([[0.3, 0.7]], dtype=torch.float64).log()
    mixture = DepthMixture.from_confidence(
        depths=depths, confidence=confidence, log_weights=log_weights, family=family, space=space
    )
    depth = torch.tensor([2.2], dtype=torch.float64)
    x, m = (torch.log(d + 0.1) if space == "log" else d for d in (depth[:, None], depths))
    if family == "normal":
        minus_log_p = 0.5 * (confidence * (x - m) ** 2 / 0.2 - confidence.log() + math.log(2 * math.pi * 0.2))
    else:
        minus_log_p = confidence * (x - m).abs() / 0.2 - confidence.log() + math.log(2 * 0.2)
    torch.testing.assert_close(mixture.log_prob(depth), torch.logsumexp(log_weights - minus_log_p, -1))
    torch.testing.assert_close(mixture.confidence, confidence)
    torch.testing.assert_close(mixture.hypotheses, depths)


def test_density_in_the_coordinate():
    mixture = random_mixture(50, 4, 1)
    depth = mixture.hypotheses[:, 1] * 1.1
    density = coordinate_density(mixture, mixture.space.coordinate(depth)[:, None])[:, 0]
    torch.testing.assert_close(mixture.log_prob(depth).exp(), density)


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("space", list(Space))
def test_log_prob_gradients(family, space):
    mixture = random_mixture(6, 3, 2, family=family, space=space)
    inputs = [
        a.clone().requires_grad_()
        for a in (mixture.hypotheses[:, 0] * 1.03, mixture.locs, mixture.scales, mixture.log_weights)
    ]

    def log_prob(depth, locs, scales, log_weights):
        return DepthMixture(locs=locs, scales=scales, log_weights=log_weights, family=family, space=space).log_prob(
            depth
        )

    assert torch.autograd.gradcheck(log_prob, inputs)


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_are_finite_for_extreme_values(family, space, dtype):
    extremes = torch.tensor([1e-4, 1.0, 1e4], dtype=dtype)
    depths, confidence, depth = torch.cartesian_prod(
        extremes,
        torch.tensor([1.0, 1e8, 1e30], dtype=dtype),
        torch.tensor([-3.0, -0.1, 0.0, 1e-4, 1.0, 1e4], dtype=dtype),
    ).unbind(1)
    depths = torch.stack([depths, torch.full_like(depths, 2.0)], -1).requires_grad_()
    confidence = torch.stack([confidence, torch.full_like(confidence, 1e8)], -1).requires_grad_()
    logits = torch.tensor([0.0, -80.0], dtype=dtype).expand_as(depths).clone().requires_grad_()
    depth = depth.clone().requires_grad_()
    mixture = DepthMixture.from_confidence(
        depths=depths, confidence=confidence, log_weights=logits.log_softmax(-1), family=family, space=space
    )
    log_prob = mixture.log_prob(depth)
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    for leaf in (depths, confidence, logits, depth):
        assert leaf.grad.isfinite().all()
    assert depths.grad.abs().amax() > 0


def test_component_without_weight_does_not_count():
    full = random_mixture(10, 2, 3)
    locs, scales = (torch.cat([a, a[:, :1] + 0.3], -1) for a in (full.locs, full.scales))
    log_weights = torch.cat([full.log_weights, torch.full((10, 1), -torch.inf)], -1)
    padded = DepthMixture(locs=locs, scales=scales, log_weights=log_weights)
    depth = full.hypotheses[:, 0] * 1.01
    torch.testing.assert_close(padded.log_prob(depth), full.log_prob(depth))
    torch.testing.assert_close(padded.decode("mode"), full.decode("mode"))
    torch.testing.assert_close(padded.mean(), full.mean())
    torch.testing.assert_close(padded.crps(depth), full.crps(depth))
    torch.testing.assert_close(padded.entropy(), full.entropy(), atol=1e-5, rtol=0)


def test_half_precision_is_promoted():
    mixture = random_mixture(8, 4, 4)
    for dtype in (torch.bfloat16, torch.float16):
        half = DepthMixture.from_confidence(
            depths=mixture.hypotheses.to(dtype),
            confidence=mixture.confidence.to(dtype),
            log_weights=mixture.log_weights.to(dtype),
        )
        assert {half.locs.dtype, half.scales.dtype, half.log_weights.dtype} == {torch.float32}
        # The log is taken after the promotion.
        torch.testing.assert_close(half.hypotheses, mixture.hypotheses.to(dtype).float(), rtol=1e-6, atol=1e-6)
        assert half.decode("mode").dtype == torch.float32
        assert half.to(dtype).locs.dtype == torch.float32


def test_words_become_enumerations():
    mixture = DepthMixture(
        locs=torch.zeros(2), scales=torch.ones(2), log_weights=torch.zeros(2), family="laplace", space="linear"
    )
    assert mixture.family is Family.LAPLACE
    assert mixture.space is Space.LINEAR
    with pytest.raises(dataclasses.FrozenInstanceError):
        mixture.space = "log"


def test_no_component_is_refused():
    empty = torch.ones(3, 0)
    with pytest.raises(ValueError, match=r"one shape \[\*b, k\] with k >= 1; found \{'locs': \(3, 0\)"):
        DepthMixture(locs=empty, scales=empty, log_weights=empty)


@pytest.mark.parametrize("shapes", [((3, 4), (3, 4), (3, 5)), ((3, 4), (4,), (3, 4)), ((), (), ())])
def test_shapes_are_checked(shapes):
    locs, scales, log_weights = (torch.ones(shape) for shape in shapes)
    # Under pytest the annotations refuse it first.
    with pytest.raises((ValueError, TypeError)):
        DepthMixture(locs=locs, scales=scales, log_weights=log_weights)


def test_parts_of_the_batch():
    mixture = DepthMixture(**{n: torch.rand(2, 3, 5, 4) for n in ("locs", "scales", "log_weights")})
    assert mixture.batch_shape == (2, 3, 5)
    assert mixture.num_components == 4
    assert mixture[0].batch_shape == (3, 5)
    assert mixture[:, 1:].batch_shape == (2, 2, 5)
    assert mixture[..., 0].batch_shape == (2, 3)
    assert mixture[None].batch_shape == (1, 2, 3, 5)
    assert torch.equal(mixture[1, ..., 2:].locs, mixture.locs[1, :, 2:])
    mask = torch.rand(2, 3, 5) > 0.5
    assert mixture[mask].batch_shape == (int(mask.sum()),)
    assert torch.equal(mixture[mask, ...].scales, mixture.scales[mask])


def test_to_moves_everything_and_keeps_the_kind():
    mixture = random_mixture(3, 2, 5, family="laplace", space="linear").to(torch.float32)
    assert mixture.locs.dtype == mixture.log_weights.dtype == torch.float32
    assert mixture.family is Family.LAPLACE
    assert mixture.space is Space.LINEAR
    assert mixture.to("meta").scales.is_meta


@pytest.mark.parametrize("family", list(Family))
def test_distribution_function_is_the_integral(family):
    mixture = random_mixture(20, 4, 6, family=family)
    low = (mixture.locs - 40 * mixture.scales).amin(-1, keepdim=True)
    at = mixture.locs[:, :1] + 0.5 * mixture.scales[:, :1]
    x = low + (at - low) * torch.linspace(0, 1, 100_001, dtype=torch.float64)
    integral = torch.trapezoid(coordinate_density(mixture, x), x)
    torch.testing.assert_close(mixture.cdf(mixture.space.depth(at[:, 0])), integral, rtol=1e-4, atol=1e-6)
