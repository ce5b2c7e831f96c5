from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from mda.errors import CheckpointError, ConfigError
from mda.geometry import Cameras
from mda.mixtures import Family, Space
from mda.models.mini import (
    EfficientNetLite,
    MiniConfig,
    MiniNetwork,
    mixture_from_single,
    same_padding,
    trunk_from_imagenet,
)

SINGLE = MiniConfig(
    components=1,
    family=Family.LAPLACE,
    space=Space.LINEAR,
    width=32,
    heads=2,
    blocks=2,
    channels=(16, 16, 16, 16),
    head_channels=16,
)
TINY = MiniConfig(width=32, heads=2, blocks=2, channels=(16, 16, 16, 16), head_channels=16)
CELLS = replace(TINY, cells=(4, 8))


@pytest.fixture(params=[TINY, CELLS], ids=["free", "cells"])
def any_network(request) -> MiniNetwork:
    return MiniNetwork(request.param).eval()


@pytest.fixture
def network() -> MiniNetwork:
    return MiniNetwork(TINY).eval()


@torch.no_grad()
def test_output_has_a_normalised_mixture_sky_and_cameras_for_every_view(any_network):
    output = any_network(torch.randn(2, 3, 3, 32, 48))
    assert output.mixture.batch_shape == (2, 3, 32, 48)
    assert output.mixture.num_components == 4
    assert torch.allclose(output.mixture.log_weights.logsumexp(-1), torch.zeros(2, 3, 32, 48), atol=1e-5)
    assert output.sky_log_odds.shape == (2, 3, 32, 48)
    assert output.cameras.batch_shape == (2, 3)
    assert output.cameras.image_hw == (32, 48)
    assert (output.mixture.confidence > 1 - 1e-4).all()


@torch.no_grad()
def test_clips_of_a_batch_do_not_see_each_other(any_network):
    clips = torch.randn(2, 2, 3, 32, 32)
    together, alone = any_network(clips), any_network(clips[1:])
    assert torch.allclose(together.mixture.locs[1], alone.mixture.locs[0], atol=1e-5)
    assert torch.allclose(together.pose_encoding[1], alone.pose_encoding[0], atol=1e-5)


@torch.no_grad()
def test_views_of_a_clip_do_see_each_other(any_network):
    clip = torch.randn(1, 2, 3, 32, 32)
    changed = clip.clone()
    changed[:, 1] += 1
    assert not torch.equal(any_network(clip).mixture.locs[0, 0], any_network(changed).mixture.locs[0, 0])


@torch.no_grad()
def test_the_first_view_is_the_reference_and_the_order_of_the_others_does_not_matter(any_network):
    clip = torch.randn(1, 3, 3, 32, 32)
    straight, swapped = any_network(clip), any_network(clip[:, [0, 2, 1]])
    assert torch.allclose(straight.mixture.locs[:, 1], swapped.mixture.locs[:, 2], atol=1e-5)


def test_sizes_must_be_multiples_of_the_patch(any_network):
    with pytest.raises(ConfigError, match="16"):
        any_network(torch.randn(1, 1, 3, 40, 48))


def test_known_cameras_are_refused(network):
    cameras = Cameras(world_from_cam=torch.eye(4)[None, None], intrinsics=torch.eye(3)[None, None], image_hw=(32, 32))
    with pytest.raises(ConfigError, match="known cameras"):
        network(torch.randn(1, 1, 3, 32, 32), cameras)


@torch.no_grad()
def test_the_baseline_is_a_mixture_of_one():
    config = MiniConfig(**{**vars(TINY), "components": 1, "family": Family.LAPLACE, "space": Space.LINEAR})
    mixture = MiniNetwork(config)(torch.randn(1, 1, 3, 32, 32)).mixture
    assert mixture.num_components == 1
    assert mixture.family is Family.LAPLACE
    assert torch.equal(mixture.log_weights, torch.zeros_like(mixture.log_weights))


@pytest.mark.parametrize("config", [TINY, CELLS], ids=["free", "cells"])
def test_only_what_is_not_frozen_learns(config):
    network = MiniNetwork(config)
    output = network(torch.randn(1, 2, 3, 32, 32))
    mixture = output.mixture
    loss = mixture.locs.sum() + mixture.scales.sum() + mixture.log_weights[..., 0].sum()
    (loss + output.sky_log_odds.sum() + output.pose_encoding.square().sum()).backward()
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    assert without == frozen
    assert all(
        name.startswith(("trunk.stem.", "trunk.blocks.0.", "trunk.blocks.1.", "trunk.blocks.2.")) for name in frozen
    )


@pytest.mark.parametrize(("size", "kernel", "stride"), [(32, 3, 2), (33, 3, 2), (7, 5, 1), (16, 5, 2)])
def test_same_padding_gives_the_rounded_up_size(size, kernel, stride):
    before, after = same_padding(size, kernel, stride)
    assert (size + before + after - kernel) // stride + 1 == -(-size // stride)
    assert 0 <= after - before <= 1


def test_batch_normalisation_is_folded_exactly():
    generator = torch.Generator().manual_seed(1)
    trunk = EfficientNetLite()
    state, expected = {}, {}
    pairs = {"stem": ("_conv_stem", "_bn0")}
    for index in range(16):
        block = f"_blocks.{index}"
        if index:
            pairs[f"blocks.{index}.expand"] = (f"{block}._expand_conv", f"{block}._bn0")
        pairs[f"blocks.{index}.depthwise"] = (f"{block}._depthwise_conv", f"{block}._bn1")
        pairs[f"blocks.{index}.project"] = (f"{block}._project_conv", f"{block}._bn2")
    for target, (conv, norm) in pairs.items():
        weight = torch.randn(trunk.get_parameter(f"{target}.weight").shape, generator=generator)
        state[f"{conv}.weight"] = weight
        for name in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{name}"] = torch.rand(weight.shape[0], generator=generator) + 0.5
        normalised = torch.nn.functional.batch_norm(
            weight.sum((1, 2, 3))[None],
            *(state[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")),
            eps=1e-3,
        )
        expected[target] = normalised[0]
    folded = trunk_from_imagenet(state)
    trunk.load_state_dict(folded)
    for target, value in expected.items():
        answer = folded[f"{target}.weight"].sum((1, 2, 3)) + folded[f"{target}.bias"]
        assert torch.allclose(answer, value, rtol=1e-4, atol=1e-3)


def test_a_foreign_trunk_is_refused():
    with pytest.raises(CheckpointError, match="_bn0"):
        trunk_from_imagenet({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)})


@torch.no_grad()
def test_a_mixture_starts_around_the_depth_of_its_single_twin_and_with_its_sky(network):
    single = MiniNetwork(SINGLE).eval()
    single.head.weight.normal_(std=0.05)
    mixture_from_single(network, single.state_dict())
    images = torch.randn(1, 2, 3, 32, 48)
    old, new = single(images), network(images)
    depths = new.mixture.space.depth(new.mixture.locs)
    ratio = (depths / old.mixture.locs).log()
    assert torch.allclose(ratio.mean((0, 1, 2, 3)), torch.linspace(-0.3, 0.3, 4), atol=0.1)
    assert ratio.std(dim=(0, 1, 2, 3)).min() > 0.01  # no two components are alike
    assert torch.allclose(new.sky_log_odds, old.sky_log_odds, atol=1e-4)
    assert torch.allclose(new.pose_encoding, old.pose_encoding)


@torch.no_grad()
def test_the_components_of_a_mixture_are_averaged_into_a_single_twin(network):
    components = network.head.weight.unflatten(0, (13, 4))[:12].unflatten(0, (4, 3))
    components[:, 1] = components[:1, 1]  # equal weights, so that sky can stay exactly
    single = MiniNetwork(SINGLE).eval()
    mixture_from_single(single, network.state_dict())
    images = torch.randn(1, 2, 3, 32, 48)
    old, new = network(images), single(images)
    mean = old.mixture.space.depth(old.mixture.locs).log().mean(-1)
    assert torch.allclose(new.mixture.locs[..., 0].log(), mean, atol=1e-4)
    assert torch.allclose(new.sky_log_odds, old.sky_log_odds, atol=1e-4)


def test_a_mixture_starts_only_from_a_network_of_its_sizes(network):
    state = network.state_dict()
    state["head.weight"] = state["head.weight"][:, :-1]
    with pytest.raises(CheckpointError, match=r"head\.weight"):
        mixture_from_single(network, state)


def test_cells_decide_how_many_components_there_are():
    with pytest.raises(ConfigError, match="4 of them"):
        replace(CELLS, components=2)


@torch.no_grad()
def test_cells_start_as_the_mean_of_the_single_depth_of_their_pixels():
    single, network = MiniNetwork(SINGLE).eval(), MiniNetwork(CELLS).eval()
    single.head.weight.normal_(std=0.05)
    mixture_from_single(network, single.state_dict())
    images = torch.randn(1, 2, 3, 32, 48)
    old, new = single(images), network(images)
    cells = []
    for layer in network.cells:
        layer.register_forward_hook(lambda _module, _inputs, output: cells.append(output))
    network(images)
    for found, side in zip(cells, CELLS.cells, strict=True):
        expected = functional.avg_pool2d(old.mixture.locs[..., 0].log().flatten(0, 1)[:, None], side)[:, 0]
        torch.testing.assert_close(found[:, 0], expected, atol=1e-4, rtol=1e-4)
        assert not found[:, 1:3].any()
    # Of the surfaces of one grid, the one nearer to the single depth is the likelier.
    away = (new.mixture.space.depth(new.mixture.locs).log() - old.mixture.locs.log()).abs()
    likelier = new.mixture.log_weights[..., 0] > new.mixture.log_weights[..., 1]
    apart = (away[..., 0] - away[..., 1]).abs() > 1e-4
    assert apart.any()
    assert torch.equal(likelier[apart], (away[..., 0] < away[..., 1])[apart])
    torch.testing.assert_close(new.sky_log_odds, old.sky_log_odds, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(new.pose_encoding, old.pose_encoding)


@torch.no_grad()
def test_a_network_with_cells_holds_a_single_one():
    whole, single = MiniNetwork(CELLS).eval(), MiniNetwork(SINGLE).eval()
    whole.head.weight[-8:].normal_(std=0.05)  # own depth and sky
    images = torch.randn(1, 2, 3, 32, 48)
    mixture_from_single(single, whole.state_dict())
    again = MiniNetwork(CELLS).eval()
    mixture_from_single(again, single.state_dict())
    torch.testing.assert_close(again.head.weight, whole.head.weight)
    old, new = whole(images), single(images)
    torch.testing.assert_close(new.sky_log_odds, old.sky_log_odds, atol=1e-4, rtol=1e-4)
    state = {name: tensor for name, tensor in whole.state_dict().items() if name != "norm.bias"}
    with pytest.raises(CheckpointError, match=r"norm\.bias is missing"):
        mixture_from_single(again, state)
