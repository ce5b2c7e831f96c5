import math

import pytest
import torch

from mda.errors import MdaError
from mda.mixtures import Decoder, DepthMixture


def two_surfaces(near=1.0, far=3.0, weights=(0.6, 0.4), confidence=80.0, **kwargs) -> DepthMixture:
    return DepthMixture.from_confidence(
        depths=torch.tensor([near, far]),
        confidence=torch.full((2,), confidence),
        log_weights=torch.tensor(weights).log(),
        **kwargs,
    )


@pytest.mark.parametrize(
    ("decoder", "expected"), [("heaviest", 1.0), ("component", 1.0), ("front", 1.0), ("back", 3.0)]
)
def test_decoders_on_two_separate_surfaces_land_on_one_of_them(decoder, expected):
    assert two_surfaces().decode(decoder).item() == pytest.approx(expected, rel=1e-3)


def test_the_mean_of_two_surfaces_is_a_flying_point_and_the_mode_is_not():
    mixture = two_surfaces()
    assert 1.3 < mixture.decode("mean").item() < 2.7
    assert mixture.decode("mode").item() == pytest.approx(1.0, rel=1e-2)


def test_a_narrow_light_component_can_be_the_mode_but_not_the_heaviest():
    mixture = DepthMixture.from_confidence(
        depths=torch.tensor([1.0, 3.0]),
        confidence=torch.tensor([2.0, 200.0]),
        log_weights=torch.tensor([0.7, 0.3]).log(),
    )
    assert mixture.decode("heaviest").item() == pytest.approx(1.0)
    assert mixture.decode("mode").item() == pytest.approx(3.0, rel=1e-2)
    assert mixture.decode_with_component("mode")[1].item() == 1


def test_layers_hold_depth_and_mass_of_both_surfaces():
    layers = two_surfaces().layers()
    assert layers.front_depth.item() == pytest.approx(1.0, rel=1e-2)
    assert layers.back_depth.item() == pytest.approx(3.0, rel=1e-2)
    assert layers.front_mass.item() == pytest.approx(0.6, abs=1e-3)
    assert layers.back_mass.item() == pytest.approx(0.4, abs=1e-3)


def test_overlapping_components_are_one_layer():
    layers = two_surfaces(near=1.0, far=1.02, confidence=10.0).layers()
    assert layers.front_depth.item() == layers.back_depth.item()
    assert layers.front_mass.item() == pytest.approx(1.0, abs=1e-5)


def test_published_likelihoods():
    # -log p = c |x - m| / 0.2 - log c + log 0.4 and 1/2 [c (z - mu)^2 / 0.2 - log c + log(0.4 pi)].
    one = {"depths": torch.tensor([2.0]), "confidence": torch.tensor([5.0]), "log_weights": torch.zeros(1)}
    laplace = DepthMixture.from_confidence(**one, family="laplace", space="linear")
    assert -laplace.log_prob(torch.tensor(2.1)).item() == pytest.approx(
        5 * 0.1 / 0.2 - math.log(5) + math.log(0.4), rel=1e-4
    )
    normal = DepthMixture.from_confidence(**one)
    step = math.log(2.2) - math.log(2.1)
    expected = 0.5 * (5 * step**2 / 0.2 - math.log(5) + math.log(0.4 * math.pi))
    assert -normal.log_prob(torch.tensor(2.1)).item() == pytest.approx(expected, rel=1e-4)


def test_confidence_and_hypotheses_come_back():
    mixture = two_surfaces(confidence=7.0)
    assert torch.allclose(mixture.confidence, torch.full((2,), 7.0))
    assert torch.allclose(mixture.hypotheses, torch.tensor([1.0, 3.0]))


@pytest.mark.parametrize("wrong", [{"family": "cauchy"}, {"space": "inverse"}])
def test_unknown_families_and_spaces_are_refused_by_name(wrong):
    with pytest.raises((MdaError, ValueError), match=next(iter(wrong.values()))):
        DepthMixture(locs=torch.zeros(2), scales=torch.ones(2), log_weights=torch.zeros(2), **wrong)


def test_an_unknown_decoder_is_refused_by_name():
    with pytest.raises((MdaError, ValueError), match="brightest"):
        two_surfaces().decode("brightest")


@pytest.mark.parametrize("decoder", list(Decoder))
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3)])
def test_every_decoder_takes_any_batch_shape_also_an_empty_one(decoder, shape):
    mixture = DepthMixture(
        locs=torch.rand(*shape, 3),
        scales=torch.rand(*shape, 3) + 0.1,
        log_weights=torch.rand(*shape, 3).log_softmax(-1),
    )
    depth, index = mixture.decode_with_component(decoder)
    assert depth.shape == shape
    assert index.shape == shape
    assert index.dtype == torch.int64


@pytest.mark.parametrize("decoder", list(Decoder))
def test_decoding_keeps_no_graph_and_runs_in_inference_mode(decoder):
    locs = torch.rand(5, 4, requires_grad=True)
    mixture = DepthMixture(locs=locs, scales=torch.full((5, 4), 0.2), log_weights=torch.zeros(5, 4).log_softmax(-1))
    assert not mixture.decode(decoder).requires_grad
    with torch.inference_mode():
        assert mixture.decode(decoder).shape == (5,)


def test_gradients_of_the_likelihood_are_right_and_finite_far_away():
    locs, scales, logits = (torch.rand(6, 4, dtype=torch.float64) + 0.2 for _ in range(3))
    for tensor in (locs, scales, logits):
        tensor.requires_grad_()

    def log_prob(locs, scales, logits):
        return DepthMixture(locs=locs, scales=scales, log_weights=logits.log_softmax(-1)).log_prob(
            torch.full((6,), 1.7).double()
        )

    assert torch.autograd.gradcheck(log_prob, (locs, scales, logits))
    far = DepthMixture(locs=locs, scales=scales, log_weights=logits.log_softmax(-1)).log_prob(
        torch.full((6,), 1e6).double()
    )
    far.sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in (locs, scales, logits))


def test_indexing_and_moving():
    mixture = DepthMixture(locs=torch.rand(2, 3, 4), scales=torch.rand(2, 3, 4), log_weights=torch.rand(2, 3, 4))
    assert mixture[1].batch_shape == (3,)
    assert mixture[:, 2].batch_shape == (2,)
    assert mixture.to(torch.float64).locs.dtype == torch.float64
    assert mixture.num_components == 4
