import pytest
import torch

from mda.mixtures import Decoder, DepthMixture, first_half

ALL_ACTIVE, ONE_ACTIVE = [3.0, 3.0, 3.0, 3.0], [-3.0, -3.0, 3.0, -3.0]


def mixture(depths, weights, activity):
    return DepthMixture.from_confidence(
        depths=torch.tensor([depths]),
        confidence=torch.full((1, len(depths)), 50.0),
        log_weights=torch.tensor([weights]).log(),
        activity=torch.tensor([activity]),
    )


def two_pixels():
    """A pane of glass, and an opaque pixel beside it."""
    glass = mixture([1.0, 1.1, 3.0, 3.1], [0.4, 0.1, 0.1, 0.4], ALL_ACTIVE)
    return DepthMixture.joined([glass, mixture([1.0, 1.1, 3.0, 3.1], [0.05, 0.05, 0.8, 0.1], ONE_ACTIVE)])


def test_where_all_components_are_active_there_are_two_surfaces():
    found = mixture([1.0, 1.1, 3.0, 3.1], [0.4, 0.1, 0.1, 0.4], ALL_ACTIVE).transparent_layers()
    assert found.transparent.all()
    assert torch.allclose(found.first_depth, torch.tensor([1.0]))
    assert torch.allclose(found.last_depth, torch.tensor([3.1]))


def test_where_one_is_active_it_is_the_only_surface():
    found = mixture([1.0, 1.1, 3.0, 3.1], [0.05, 0.05, 0.8, 0.1], ONE_ACTIVE).transparent_layers()
    assert not found.transparent.any()
    assert torch.equal(found.first_depth, found.last_depth)
    assert torch.allclose(found.first_depth, torch.tensor([3.0]))


def test_the_first_surface_is_never_behind_the_last():
    found = mixture([5.0, 2.0], [0.5, 0.5], [3.0, 3.0]).transparent_layers()
    assert torch.allclose(found.first_depth, torch.tensor([2.0]))
    assert torch.allclose(found.last_depth, torch.tensor([5.0]))


def test_one_component_knows_no_second_surface():
    found = mixture([2.0], [1.0], [3.0])
    assert not found.transparent_layers().transparent.any()
    assert torch.allclose(found.decode("layers"), torch.tensor([2.0]))
    assert first_half(1) == 1
    assert first_half(4) == 2
    assert first_half(5) == 3


def test_the_decoder_takes_the_glass_and_else_the_heaviest():
    both = two_pixels()
    depth, component = both.decode_with_component("layers")
    assert torch.allclose(depth, torch.tensor([1.0, 3.0]))
    assert component.tolist() == [0, 2]
    assert torch.equal(both.decode("layers"), both.transparent_layers().first_depth)
    swapped = mixture([5.0, 2.0], [0.5, 0.5], [3.0, 3.0])
    assert swapped.decode_with_component("layers")[1].tolist() == [1]


def test_weights_that_are_shares_know_no_transparent_pixels():
    shares = DepthMixture(locs=torch.rand(5, 4), scales=torch.rand(5, 4) + 0.1, log_weights=torch.rand(5, 4).log())
    assert shares.transparent is shares.transparent_layers() is None
    assert torch.equal(shares.decode("layers"), shares.decode("heaviest"))
    assert Decoder.LAYERS not in shares.decoders
    assert Decoder.LAYERS in two_pixels().decoders


def test_the_mask_goes_where_the_mixture_goes():
    both = two_pixels()
    assert both.transparent.tolist() == [True, False]
    assert both[1].transparent.tolist() is False
    assert both[None, ..., :1].transparent.tolist() == [[True]]
    assert both.to(torch.float64).transparent.dtype is torch.bool
    assert both.to("meta").transparent.is_meta
    assert both.recalibrated(2.0).transparent.tolist() == [True, False]
    shares = DepthMixture(locs=torch.rand(1, 4), scales=torch.ones(1, 4), log_weights=torch.zeros(1, 4))
    assert DepthMixture.joined([both, shares]).transparent is None
    layers = both.transparent_layers()
    assert layers[0].last_depth == pytest.approx(3.1)
    assert type(layers).joined([layers, layers]).transparent.tolist() == [True, False, True, False]
    assert layers.to("meta").first_depth.is_meta


def test_a_mask_of_another_shape_is_refused():
    mixture = DepthMixture(locs=torch.zeros(2, 4), scales=torch.ones(2, 4), log_weights=torch.zeros(2, 4))
    # Past the annotations, which refuse it under pytest alone.
    object.__setattr__(mixture, "transparent", torch.zeros(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"`transparent` is \(3,\), the mixtures are \(2,\)"):
        mixture.__post_init__()
