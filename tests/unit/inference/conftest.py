"""Predictors of small networks of every family."""

from dataclasses import replace

import pytest
import torch

from mda.inference import Predictor
from mda.mixtures import Decoder
from mda.models.backbones import AggregatorConfig, ReferenceView
from mda.models.da3 import MixtureConfig
from mda.models.mini import MiniConfig
from mda.models.presets import PRESETS
from mda.models.vggt import VggtConfig
from tests.unit.models.networks import CONFIG, lively

AGGREGATOR = AggregatorConfig(dim=32, heads=2, encoder_depth=1, depth=4, out_layers=(0, 1, 2, 3), grid=5)
NETWORKS = {
    "mda_mini": MiniConfig(width=32, heads=2, blocks=2, channels=(8, 8, 8, 8), head_channels=8, cells=(4, 8)),
    "da3-small": replace(CONFIG, reference_view=ReferenceView.SADDLE_BALANCED),
    "mda_mog_sky_l2": replace(CONFIG, mixture=MixtureConfig(), reference_view=ReferenceView.FIRST),
    "vggt_mog_l2": VggtConfig(
        aggregator=AGGREGATOR, features=16, channels=(8, 12, 16, 20), components=4, points=False, camera_heads=4
    ),
}


@pytest.fixture(params=NETWORKS)
def any_predictor(request) -> Predictor:
    torch.manual_seed(0)
    network = lively(NETWORKS[request.param].build().eval())
    preset = replace(PRESETS[request.param], long_side=3 * network.patch, decoder=Decoder.COMPONENT)
    return Predictor(network=network, preset=preset, device=torch.device("cpu"))
