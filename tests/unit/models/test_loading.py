from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from mda.errors import CheckpointError
from mda.models import loading
from mda.models.loading import load_network, mixture_from_plain
from mda.models.presets import PRESETS
from tests.unit.models.networks import any_view_network, mixture_network, released


@pytest.fixture
def preset():
    return replace(PRESETS["da3-small"], make=any_view_network)


def test_network_comes_from_a_file_ready_to_use(tmp_path, preset) -> None:
    network = any_view_network()
    save_file({f"model.{name}": value for name, value in released(network).items()}, tmp_path / "model.safetensors")
    loaded = load_network(preset, tmp_path / "model.safetensors")
    assert not loaded.training
    images = torch.randn(1, 2, 3, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(loaded(images).mixture.locs, network(images).mixture.locs)


def test_file_of_another_network_is_recognised(tmp_path, preset, monkeypatch) -> None:
    torch.save(released(mixture_network()), tmp_path / "w.ckpt")
    monkeypatch.setattr(loading, "guess_preset", lambda _: PRESETS["mda_mog_sky_l2"])
    with pytest.raises(CheckpointError, match=r"(?s)w\.ckpt.*unexpected.*looks like the weights of mda_mog_sky_l2"):
        load_network(preset, tmp_path / "w.ckpt")


def test_incomplete_and_foreign_files_get_their_own_remedy(tmp_path, preset, monkeypatch) -> None:
    state = released(any_view_network())
    del state["cam_dec.fc_t.bias"]
    torch.save(state, tmp_path / "w.ckpt")
    monkeypatch.setattr(loading, "guess_preset", lambda _: preset)
    with pytest.raises(CheckpointError, match="incomplete"):
        load_network(preset, tmp_path / "w.ckpt")
    monkeypatch.setattr(loading, "guess_preset", lambda _: replace(preset, name="same-architecture"))
    with pytest.raises(CheckpointError, match="incomplete"):
        load_network(preset, tmp_path / "w.ckpt")
    monkeypatch.setattr(loading, "guess_preset", lambda _: None)
    with pytest.raises(CheckpointError, match="like none of the networks"):
        load_network(preset, tmp_path / "w.ckpt")


class TestMixtureFromPlain:
    @pytest.fixture
    def plain(self):
        return released(any_view_network(gaussians=True))

    @pytest.fixture
    def network(self, plain):
        network = mixture_network(components=3)
        self.fresh = {name: tensor.clone() for name, tensor in released(network).items()}
        mixture_from_plain(network, {f"model.{name}": plain[name] for name in sorted(plain)})
        return network

    def test_plain_network_is_taken_over_with_its_head(self, network, plain) -> None:
        started = released(network)
        for name, tensor in plain.items():
            if not name.startswith("gs_head."):
                assert torch.equal(started[name], tensor), name

    def test_trunk_of_the_mixture_head_is_that_of_the_plain_one(self, network, plain) -> None:
        started = released(network)
        copied = [
            name for name in plain if name.startswith("head.") and "_aux" not in name and "output_conv2" not in name
        ]
        assert len(copied) > 30
        assert all(torch.equal(started[name.replace("head.", "head_mog.", 1)], plain[name]) for name in copied)

    def test_components_are_noisy_copies_drawn_in_the_published_order(self, network, plain) -> None:
        started = released(network)
        generator = torch.Generator().manual_seed(0)
        for name in ("0.bias", "0.weight", "2.bias", "2.weight"):
            original = plain[f"head.scratch.output_conv2.{name}"]
            for suffix in ("", "_2", "_3"):
                ours = started[f"head_mog.scratch.output_conv2{suffix}.{name}"]
                if name.startswith("0."):
                    noise = torch.randn(original.shape, generator=generator) * 0.1 * original.abs().mean()
                    torch.testing.assert_close(ours, original + noise)
                    continue
                for row, source in ((0, 0), (2, 1)):
                    part = original[source]
                    noise = torch.randn(part.shape, generator=generator) * 0.1 * part.abs().mean()
                    torch.testing.assert_close(ours[row], part + noise)

    def test_weight_logits_and_sky_keep_their_random_start(self, network) -> None:
        started = released(network)
        for suffix in ("", "_2", "_3"):
            name = f"head_mog.scratch.output_conv2{suffix}.2.weight"
            assert torch.equal(started[name][1], self.fresh[name][1])
            assert 0 < abs(started[name.replace("weight", "bias")][1]) < 32**-0.5
        assert torch.equal(
            started["head_mog.scratch.output_conv2_sky.0.weight"],
            self.fresh["head_mog.scratch.output_conv2_sky.0.weight"],
        )

    def test_weights_of_something_else_are_refused(self, plain) -> None:
        with pytest.raises(CheckpointError, match=r"cam_dec\.fc_t\.bias"):
            mixture_from_plain(
                mixture_network(), {name: value for name, value in plain.items() if name != "cam_dec.fc_t.bias"}
            )
