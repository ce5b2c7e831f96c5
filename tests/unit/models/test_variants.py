import pytest
import torch

from mda.errors import CheckpointError, ConfigError
from mda.inference.publishing import read_config, save_pretrained
from mda.mixtures import Family, Space
from mda.models.converting import write_weights
from mda.models.loading import load_network, preset_of_file
from mda.models.presets import PRESETS
from mda.models.variants import Variant, varied

CHANGED = Variant(components=2, family=Family.LAPLACE, space=Space.LINEAR, sky=False)


@pytest.mark.parametrize("name", ["mda_mini_free", "mda_tiny", "da3_small_mog_sky", "mda_mog_sky_l2", "vggt_mog_l2"])
def test_the_mixture_of_a_network_can_be_chosen(name):
    preset = varied(PRESETS[name], CHANGED)
    assert preset.parameters < PRESETS[name].parameters
    assert sum(parameter.numel() for parameter in preset.build("meta").parameters()) == preset.parameters


def test_a_changed_network_gives_the_mixture_that_was_asked_for():
    output = varied(PRESETS["mda_tiny"], CHANGED).build().eval()(torch.randn(1, 1, 3, 32, 32))
    assert output.mixture.num_components == 2
    assert (output.mixture.family, output.mixture.space) == (Family.LAPLACE, Space.LINEAR)
    assert output.sky_log_odds is None


def test_vggt_can_be_given_a_sky():
    with_sky = varied(PRESETS["vggt_mog_l2"], Variant(sky=True)).build("meta")
    assert any(name.startswith("mixture_head.sky.") for name in with_sky.state_dict())


def test_a_plain_network_has_no_mixture_to_choose():
    with pytest.raises(ConfigError, match="da3-large cannot be chosen"):
        varied(PRESETS["da3-large"], CHANGED)
    assert varied(PRESETS["da3-large"], Variant()) is PRESETS["da3-large"]


@pytest.mark.parametrize("components", [0, 9])
def test_a_number_of_components_that_no_head_has_is_refused(components):
    with pytest.raises(ConfigError, match="1 to 8"):
        Variant(components=components)


def test_a_weights_file_tells_its_mixture(tmp_path):
    preset = varied(PRESETS["mda_tiny"], CHANGED)
    network = preset.build()
    write_weights(tmp_path / "w.safetensors", network.state_dict(), preset)
    found = preset_of_file(tmp_path / "w.safetensors")
    assert (found.name, found.variant) == ("mda_tiny", CHANGED.to_json())
    loaded = load_network(found, tmp_path / "w.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), network.parameters(), strict=True))


def test_a_saved_folder_tells_its_mixture(tmp_path):
    preset = varied(PRESETS["mda_tiny"], CHANGED)
    save_pretrained(preset.build(), preset, tmp_path)
    assert read_config(tmp_path / "config.json").variant == preset.variant


@pytest.mark.parametrize("text", ["{", '{"colour": 3}', '{"family": "gauss"}', '{"components": 99}', "[]"])
def test_a_mixture_that_is_not_known_is_refused(text):
    with pytest.raises(CheckpointError, match=r"w\.safetensors describes"):
        Variant.from_json(text, "w.safetensors")


def test_computing_twice_changes_no_gradient():
    torch.manual_seed(0)
    name = "vggt_mog_l2"
    with pytest.raises(ConfigError, match="too small"):
        varied(PRESETS["mda_tiny"], Variant(), recompute=True)
    assert varied(PRESETS[name], Variant(), recompute=True).variant == ""
