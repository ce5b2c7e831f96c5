"""Scores of held-out clips."""

from dataclasses import replace

import pytest
import torch

from mda.mixtures import Decoder, DepthMixture
from mda.structures import NetworkOutput
from mda.training.data_config import ProceduralDataConfig
from mda.training.procedural_data import training_batch
from mda.training.validation import clip_tallies

GLAZED = ProceduralDataConfig(
    sizes=[[48, 64]], min_views=1, num_views=1, views_per_batch=1, blur=0.0, colour=0.0, glass=1, seed=20_000_005
)


@pytest.fixture(scope="module")
def batch():
    return training_batch(GLAZED, 0)


def oracle(batch, *, factor: float = 1.0, glass_too: bool = True) -> NetworkOutput:
    """A network that knows both surfaces, at another scale, and the last one wrong by a factor."""
    first = torch.where(batch.targets.valid, batch.targets.depth, 1.0)
    last = torch.where(batch.layers.glass & batch.layers.last_valid, batch.layers.last_depth * factor, first)
    depths = 3 * torch.stack([first, last], -1)
    active = torch.stack([torch.ones_like(batch.layers.glass), batch.layers.glass & glass_too], -1)
    activity = torch.where(active, 9.0, -9.0)
    mixture = DepthMixture.from_confidence(
        depths=depths,
        confidence=torch.full_like(depths, 100.0),
        log_weights=activity.sigmoid().log().log_softmax(-1),
        activity=activity,
    )
    return NetworkOutput(mixture=mixture, activity=activity)


def means(output, batch) -> dict[str, float]:
    return {name: tally.mean for name, tally in clip_tallies(output, batch, Decoder.LAYERS).items()}


def test_both_surfaces_and_the_mask_of_glass_are_scored(batch):
    found = means(oracle(batch), batch)
    assert found["glass_iou"] == 1
    assert found["glass_first_abs_rel_scale_aligned"] < 1e-5
    assert found["glass_last_abs_rel_scale_aligned"] < 1e-5
    off = means(oracle(batch, factor=1.5), batch)
    assert off["glass_last_abs_rel_scale_aligned"] == pytest.approx(0.5, abs=1e-4)
    assert off["glass_first_abs_rel_scale_aligned"] < 1e-5
    assert means(oracle(batch, glass_too=False), batch)["glass_iou"] == 0


def test_the_default_decoder_is_scored_with_and_without_its_name(batch):
    found = means(oracle(batch), batch)
    assert found["abs_rel_scale_aligned"] == found["layers/abs_rel_scale_aligned"] < 1e-5
    assert "mean/abs_rel_scale_aligned" in found


def test_what_is_not_known_of_glass_is_not_scored(batch):
    shares = oracle(batch)
    opaque = replace(shares, mixture=replace(shares.mixture, transparent=None))
    assert not any("glass" in name for name in means(opaque, batch))
    assert not any("glass" in name for name in means(shares, replace(batch, layers=None)))
