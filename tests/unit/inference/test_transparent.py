"""Networks that know transparent surfaces, from photos to a run."""

from dataclasses import replace

import pytest
import torch

from mda.errors import ConfigError
from mda.inference import Predictor
from mda.mixtures import Decoder
from mda.models.presets import find_preset
from mda.models.variants import Variant, varied
from tests.unit.inference.pretend import pictures
from tests.unit.models.networks import lively


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(0)
    preset = varied(find_preset("mda_tiny"), Variant(independent=True))
    # Lively enough that some pixels count as glass.
    return Predictor(network=lively(preset.build().eval()), preset=preset, device=torch.device("cpu"))


def test_the_decoder_is_their_own(predictor):
    assert predictor.decoder() is Decoder.LAYERS
    assert varied(find_preset("mda_tiny"), Variant(components=2)).decoder is find_preset("mda_tiny").decoder


@pytest.mark.parametrize("max_views", [2, 8])
def test_both_surfaces_are_in_the_world_of_the_depth(predictor, max_views):
    found = predictor.predict(pictures(4), size=48, max_views=max_views)
    assert 0 < found.layers.transparent.float().mean() < 1
    torch.testing.assert_close(found.layers.first_depth, found.depth)
    torch.testing.assert_close(found.layers.last_depth, found.mixture.transparent_layers().last_depth)
    assert (found.layers.last_depth > found.layers.first_depth)[found.layers.transparent].any()
    assert torch.equal(found.layers.last_depth[~found.layers.transparent], found.depth[~found.layers.transparent])


def test_models_without_such_surfaces_refuse_the_decoder(predictor):
    plain = replace(predictor, preset=find_preset("mda_tiny"))
    with pytest.raises(ConfigError, match="mda_tiny knows no transparent surfaces; choose one of mode, component"):
        plain.decoder("layers")
    with pytest.raises(ConfigError, match="There is no decoder 'glass'"):
        predictor.decoder("glass")


@pytest.mark.parametrize("variant", [Variant(independent=True, components=2), Variant(independent=True, components=1)])
def test_independent_weights_need_some_components(variant):
    with pytest.raises(ConfigError, match="Independent weights need 3 components"):
        varied(find_preset("mda_tiny"), variant)


def test_surfaces_are_kept_without_densities_and_by_other_decoders(predictor):
    whole = predictor.predict(pictures(2), size=48)
    found = predictor.predict(pictures(2), size=48, decoder="mean", keep_mixture=False)
    assert found.mixture is None
    assert torch.equal(found.layers.last_depth, whole.layers.last_depth)
    assert not torch.equal(found.depth, whole.depth)
    assert replace(found).cpu().layers.transparent.shape == found.depth.shape
