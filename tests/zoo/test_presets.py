"""Every named network builds without memory, and its published names and shapes are those of the release."""

import json
from pathlib import Path

import pytest
import torch

from mda.errors import ConfigError
from mda.models import DepthNetwork
from mda.models.adapters import Scheme, from_published, published_shapes, shapes_of, to_published
from mda.models.presets import PRESETS, Preset, build, find_preset, guess_preset
from tests.golden import golden_params

# Names of recorded key lists that differ from the preset's.
LISTS = {"da3-giant-cam-mog-sky": "mda_mog_sky_l2", "STream3RMog": "vggt_mog_l2", "STream3R": "vggt"}


def published_state(preset: Preset) -> dict[str, torch.Tensor]:
    """What a released file of this preset holds, without memory."""
    return to_published(preset.build("meta").state_dict(), preset.scheme)


@pytest.mark.parametrize("path", golden_params("keys_*.json"))
def test_names_and_shapes_equal_the_published_ones(path: Path) -> None:
    recorded = path.stem.removeprefix("keys_")
    name = LISTS.get(recorded, recorded)
    preset = PRESETS[name]
    published = {key: tuple(shape) for key, shape in json.loads(path.read_text()).items()}
    assert published_shapes(preset.build("meta"), preset.scheme) == published


@pytest.mark.parametrize("name", PRESETS)
class TestPreset:
    def test_builds_without_memory_and_has_the_stated_size(self, name: str) -> None:
        preset = PRESETS[name]
        network = preset.build("meta")
        assert isinstance(network, DepthNetwork)
        assert network.patch == preset.patch
        assert preset.long_side % preset.patch == 0
        assert sum(parameter.numel() for parameter in network.parameters()) == preset.parameters
        assert all(parameter.is_meta for parameter in network.parameters())

    def test_names_map_one_to_one_both_ways(self, name: str) -> None:
        preset = PRESETS[name]
        network = preset.build("meta")
        ours = shapes_of(network)
        published = [alias for key in ours for alias in preset.scheme.published(key)]
        assert len(published) == len(set(published))
        # Our own names are understood in files too, so none may be the published name of something else.
        assert all(preset.scheme.published(key) == (key,) for key in set(ours) & set(published))
        found, mismatch = from_published(published_state(preset), ours, preset.scheme)
        assert set(found) == set(ours)
        assert not mismatch

    def test_licence_is_told(self, name: str) -> None:
        preset = PRESETS[name]
        assert preset.name == name
        if preset.licence_weights is not None:
            assert preset.commercial == ("NC" not in preset.licence_weights)
        assert preset.title
        assert preset.backbone


def test_a_file_is_recognised() -> None:
    for name in ("da3-base", "da3-giant", "mda_mog_sky_l2", "vggt", "vggt_mog_l2"):
        found = guess_preset(published_state(PRESETS[name]))
        assert found is not None
        assert found.name == name
    assert guess_preset({"some.weight": torch.zeros(3)}) is None


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="da3-small"):
        find_preset("da4")


def test_build_makes_fresh_weights() -> None:
    network = build("da3-small", "meta")
    assert next(network.parameters()).is_meta


def test_native_names_are_the_same() -> None:
    assert Scheme.NATIVE.published("blocks.0.weight") == ("blocks.0.weight",)
