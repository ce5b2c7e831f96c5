"""Small networks of each kind."""

from dataclasses import replace

from mda.models import DepthNetwork
from mda.models.backbones import AggregatorConfig
from mda.models.da3 import MixtureConfig
from mda.models.mini import MiniConfig
from mda.models.vggt import VggtConfig
from tests.unit.models.networks import CONFIG

SMALL = {"features": 16, "channels": (8, 12, 16, 20)}
AGGREGATOR = AggregatorConfig(dim=32, heads=2, encoder_depth=1, depth=4, out_layers=(0, 1, 2, 3), grid=5)


def mini() -> DepthNetwork:
    return MiniConfig(width=32, heads=2, blocks=2, channels=(16, 16, 16, 16), head_channels=16).build()


def da3() -> DepthNetwork:
    return replace(CONFIG, mixture=MixtureConfig()).build()


def vggt() -> DepthNetwork:
    return VggtConfig(
        aggregator=AGGREGATOR, **SMALL, camera_heads=4, camera_blocks=2, components=4, points=False
    ).build()


KINDS = {"mini": mini, "da3": da3, "vggt": vggt}
