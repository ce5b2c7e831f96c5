"""Clips of different lengths in one batch give the numbers that each gives alone."""

from dataclasses import replace

import pytest
import torch

from mda.geometry import Cameras
from mda.models.backbones import AggregatorConfig, AttentionMode, ReferenceView
from mda.models.da3 import MixtureConfig
from mda.models.layers import sight, token_sight
from mda.models.mini import MiniConfig
from mda.models.vggt import VggtConfig
from tests.unit.models.networks import CONFIG, lively, mono_network

COUNTS = (4, 1, 2, 3)
VIEWS = 5


def vggt(mode: AttentionMode):
    aggregator = AggregatorConfig(
        dim=32, heads=2, encoder_depth=1, depth=4, out_layers=(0, 1, 2, 3), grid=5, mode=mode, window=2
    )
    return VggtConfig(
        aggregator=aggregator, features=16, channels=(8, 12, 16, 20), components=4, points=False, camera_heads=4
    )


def any_view(strategy: ReferenceView):
    return replace(CONFIG, mixture=MixtureConfig(), reference_view=strategy)


MINI = MiniConfig(width=32, heads=2, blocks=2, channels=(8, 8, 8, 8), head_channels=8)
NETWORKS = {
    **{f"da3-{strategy}": any_view(strategy) for strategy in ReferenceView},
    **{f"vggt-{mode}": vggt(mode) for mode in AttentionMode},
    "mini": MINI,
    "mini-cells": replace(MINI, cells=(4, 8)),
}


def images_for(patch: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(len(COUNTS), VIEWS, 3, 2 * patch, 3 * patch, generator=generator)


def assert_alone_and_together_agree(network, cameras: Cameras | None = None) -> None:
    images = images_for(network.patch)
    with torch.no_grad():
        together = network(images, cameras, counts=torch.tensor(COUNTS))
        for clip, count in enumerate(COUNTS):
            alone = network(images[clip, None, :count], None if cameras is None else cameras[clip, None, :count])
            mixture = together.mixture[clip, :count]
            # Which surface is the nearest, and which the likelier, is decided sharply: that magnifies rounding.
            torch.testing.assert_close(mixture.locs, alone.mixture.locs[0], rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(mixture.log_weights, alone.mixture.log_weights[0], rtol=1e-4, atol=1e-4)
            if alone.pose_encoding is not None:
                pose = together.pose_encoding[clip, :count]
                torch.testing.assert_close(pose, alone.pose_encoding[0], rtol=1e-5, atol=1e-5)
    assert together.mixture.locs.isfinite().all()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_padded_batch_gives_what_each_clip_gives_alone(name) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name].build().eval()
    # Random weights of mda_mini's trunk need no shaking, and with it would not stay finite.
    assert_alone_and_together_agree(network if name == "mini" else lively(network))


def test_single_view_networks_need_no_masks() -> None:
    assert_alone_and_together_agree(mono_network())


def test_known_cameras_of_padded_clips() -> None:
    torch.manual_seed(0)
    network = lively(any_view(ReferenceView.FIRST).build().eval())
    poses = torch.eye(4).repeat(len(COUNTS), VIEWS, 1, 1)
    poses[..., :3, 3] = torch.randn(len(COUNTS), VIEWS, 3)
    cameras = Cameras.from_fov(poses, torch.full((len(COUNTS), VIEWS, 2), 1.0), (28, 42))
    assert_alone_and_together_agree(network, cameras)


@torch.no_grad()
def test_without_the_mask_the_padding_would_be_seen() -> None:
    torch.manual_seed(0)
    network = lively(any_view(ReferenceView.FIRST).build().eval())
    images = images_for(network.patch)
    blind, seeing = network(images, counts=torch.tensor(COUNTS)), network(images)
    assert (blind.mixture.locs[0, 0] - seeing.mixture.locs[0, 0]).abs().max() > 1e-3


class TestSight:
    def test_all_see_all_without_counts(self) -> None:
        assert sight(None, 3) is None
        assert token_sight(None, 7) is None

    def test_padding_is_not_seen_and_sees_the_clip(self) -> None:
        mask = sight(torch.tensor([2, 3]), 3)
        assert mask.expand(2, 1, 3, 3)[0, 0].tolist() == [[True, True, False]] * 3
        assert mask.all(-1).flatten().tolist() == [False, True]

    def test_order_and_padding_both_count(self) -> None:
        causal = AttentionMode.CAUSAL.mask(3, 1, torch.device("cpu"))
        assert sight(torch.tensor([2]), 3, causal)[0, 0].tolist() == [
            [True, False, False],
            [True, True, False],
            [True, True, False],
        ]

    def test_each_view_has_as_many_tokens(self) -> None:
        causal = AttentionMode.CAUSAL.mask(2, 1, torch.device("cpu"))
        assert token_sight(causal, 2).tolist() == [[True, True, False, False]] * 2 + [[True] * 4] * 2
        assert token_sight(sight(torch.tensor([1]), 2), 3).tolist() == [[[[True] * 3 + [False] * 3]]]
