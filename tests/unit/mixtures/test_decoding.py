import pytest
import torch

from mda.errors import ConfigError
from mda.mixtures import Decoder, DepthMixture, Family, Space
from tests.unit.mixtures.references import adversarial_mixture, coordinate_density, random_mixture


def two_surfaces(**changes):
    values = {
        "locs": torch.tensor([1.0, 1.02, 3.0, 3.05]),
        "scales": torch.tensor([0.05, 0.3, 0.05, 0.05]),
        "log_weights": torch.tensor([0.3, 0.35, 0.2, 0.15]).log(),
        "space": "linear",
    }
    return DepthMixture(**{**values, **changes})


@pytest.mark.parametrize("family", list(Family))
def test_each_decoder_on_two_surfaces(family):
    mixture = two_surfaces(family=family)
    decoded = {decoder: mixture.decode(decoder).item() for decoder in Decoder}
    assert decoded["mode"] == pytest.approx(1.0, abs=0.02)
    assert decoded["component"] == 1.0
    assert decoded["heaviest"] == pytest.approx(1.02)
    assert decoded["mean"] == pytest.approx(0.3 + 0.35 * 1.02 + 0.2 * 3 + 0.15 * 3.05)
    assert decoded["median"] == pytest.approx(mixture.quantile(0.5).item())
    assert decoded["front"] == pytest.approx(1.0, abs=0.02)
    assert decoded["back"] == pytest.approx(3.01, abs=0.03)
    index = {decoder: mixture.decode_with_component(decoder)[1].item() for decoder in Decoder}
    assert index["mode"] == index["component"] == index["front"] == 0
    assert index["heaviest"] == index["median"] == index["mean"] == 1
    assert index["back"] == 2


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize("decoder", list(Decoder))
def test_decoding_with_component_is_the_same_depth(family, space, decoder):
    mixture = random_mixture(200, 4, 1, family=family, space=space, dtype=torch.float32)
    depth, index = mixture.decode_with_component(decoder)
    assert torch.equal(depth, mixture.decode(decoder))
    assert depth.dtype == torch.float32
    assert index.dtype == torch.int64
    assert ((index >= 0) & (index < 4)).all()


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("decoder", ["component", "heaviest"])
def test_hypotheses_are_returned_to_the_bit(family, decoder):
    mixture = random_mixture(500, 4, 2, family=family, dtype=torch.float32)
    depth, index = mixture.decode_with_component(decoder)
    assert torch.equal(depth, mixture.hypotheses.gather(-1, index[:, None])[:, 0])


@pytest.mark.parametrize("family", list(Family))
def test_component_is_the_center_of_highest_density(family):
    mixture = adversarial_mixture(2000, 5, 3)
    mixture = DepthMixture(
        locs=mixture.locs, scales=mixture.scales, log_weights=mixture.log_weights, family=family, space="linear"
    )
    density = coordinate_density(mixture, mixture.locs)
    found = coordinate_density(mixture, mixture.decode("component")[:, None])[:, 0]
    torch.testing.assert_close(found, density.amax(-1), rtol=1e-12, atol=0)


def test_laplace_mode_is_the_highest_of_a_dense_grid():
    mixture = random_mixture(500, 4, 4, family="laplace")
    mode = coordinate_density(mixture, mixture.space.coordinate(mixture.decode("mode"))[:, None])[:, 0]
    low, high = mixture.locs.amin(-1, keepdim=True), mixture.locs.amax(-1, keepdim=True)
    grid = low + (high - low) * torch.linspace(0, 1, 5001, dtype=torch.float64)
    assert (mode * (1 + 1e-9) >= coordinate_density(mixture, grid).amax(-1)).all()


@pytest.mark.parametrize("decoder", ["component", "heaviest"])
def test_first_of_equals(decoder):
    mixture = DepthMixture(
        locs=torch.tensor([3.0, 1.0, 1.0, 3.0]),
        scales=torch.full((4,), 0.1),
        log_weights=torch.full((4,), 0.25).log(),
        family="laplace",
        space="linear",
    )
    assert mixture.decode_with_component(decoder)[1] == 0


@pytest.mark.parametrize("decoder", list(Decoder))
@pytest.mark.parametrize("family", list(Family))
def test_one_component_has_one_answer(decoder, family):
    depth = torch.tensor([[0.5], [1e-4], [300.0]])
    mixture = DepthMixture.from_confidence(
        depths=depth,
        confidence=torch.full_like(depth, 9.0),
        log_weights=torch.zeros_like(depth),
        family=family,
        space="linear",
    )
    decoded, index = mixture.decode_with_component(decoder)
    torch.testing.assert_close(decoded, depth[:, 0])
    assert index.tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 2, 3, 4)])
@pytest.mark.parametrize("decoder", list(Decoder))
@pytest.mark.parametrize("family", list(Family))
def test_any_batch_shape(shape, decoder, family):
    flat = random_mixture(24, 3, 5, family=family, dtype=torch.float32)
    count = torch.Size(shape).numel()
    mixture = DepthMixture(
        **{name: getattr(flat, name)[:count].reshape(*shape, 3) for name in ("locs", "scales", "log_weights")},
        family=family,
    )
    depth, index = mixture.decode_with_component(decoder)
    assert depth.shape == index.shape == torch.Size(shape)
    assert torch.equal(depth.flatten(), flat[:count].decode(decoder))


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("decoder", list(Decoder))
def test_no_autograd_in_any_context(context, decoder):
    mixture = random_mixture(20, 4, 6, dtype=torch.float32)
    locs = mixture.locs.requires_grad_()
    with context():
        depth = DepthMixture(locs=locs, scales=mixture.scales, log_weights=mixture.log_weights).decode(decoder)
    assert not depth.requires_grad


@pytest.mark.parametrize("decoder", list(Decoder))
def test_on_the_meta_device(decoder):
    mixture = random_mixture(6, 4, 7).to("meta")[None]
    depth, index = mixture.decode_with_component(decoder)
    assert depth.is_meta
    assert depth.shape == index.shape == (1, 6)


def test_inputs_are_not_written_to():
    mixture = adversarial_mixture(500, 4, 8, dtype=torch.float32)
    copies = [a.clone() for a in (mixture.locs, mixture.scales, mixture.log_weights)]
    for decoder in Decoder:
        mixture.decode(decoder)
    assert all(
        torch.equal(a, b) for a, b in zip(copies, (mixture.locs, mixture.scales, mixture.log_weights), strict=True)
    )


def test_components_in_front_of_the_pixels():
    # Heads give components as an outer axis; a view of that decodes to the same depths.
    mixture = random_mixture(300, 4, 9, dtype=torch.float32)
    planes = {name: getattr(mixture, name).t().contiguous().t() for name in ("locs", "scales", "log_weights")}
    for decoder in ("mode", "component"):
        assert torch.equal(DepthMixture(**planes).decode(decoder), mixture.decode(decoder))


def test_unknown_decoder():
    with pytest.raises(ConfigError, match=r"decoder 'best'.*mode, component, heaviest, mean, median, front, back"):
        two_surfaces().decode("best")
