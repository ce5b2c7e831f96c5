"""A result is a function of its clip: not of what else is computed, in which portions, or of how its files lie about.

A decision between two hypotheses of equal density may go either way, so depth is compared but for ties.
"""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mda.inference import Predictor
from mda.inference.assembling import picked
from mda.mixtures import Decoder
from mda.models.backbones import AggregatorConfig, ReferenceView
from mda.models.da3 import MixtureConfig
from mda.models.heads import chunks
from mda.models.mini import MiniConfig
from mda.models.presets import PRESETS
from mda.models.vggt import VggtConfig
from mda.structures import Prediction
from tests.unit.inference.pretend import pictures
from tests.unit.models.networks import CONFIG, lively

AGGREGATOR = AggregatorConfig(dim=32, heads=2, encoder_depth=1, depth=4, out_layers=(0, 1, 2, 3), grid=5)
NETWORKS = {
    "mda_mini": MiniConfig(width=32, heads=2, blocks=2, channels=(8, 8, 8, 8), head_channels=8),
    "da3-small": replace(CONFIG, reference_view=ReferenceView.SADDLE_BALANCED),
    "mda_mog_sky_l2": replace(CONFIG, mixture=MixtureConfig(), reference_view=ReferenceView.FIRST),
    "vggt_mog_l2": VggtConfig(
        aggregator=AGGREGATOR, features=16, channels=(8, 12, 16, 20), components=4, points=False, camera_heads=4
    ),
}
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(params=NETWORKS)
def predictor(request) -> Predictor:
    torch.manual_seed(0)
    network = lively(NETWORKS[request.param].build().eval())
    preset = replace(PRESETS[request.param], long_side=3 * network.patch, decoder=Decoder.COMPONENT)
    return Predictor(network=network, preset=preset, device=torch.device("cpu"))


def images_for(predictor: Predictor, count: int, *, seed: int = 0) -> list[np.ndarray]:
    patch = predictor.network.patch
    return pictures(count, hw=(2 * patch, 3 * patch), seed=seed)


def assert_same(one: Prediction, other: Prediction) -> None:
    for name in ("locs", "scales", "log_weights"):
        torch.testing.assert_close(getattr(one.mixture, name), getattr(other.mixture, name), **TOLERANCE)
    tie = (one.mixture.log_prob(one.depth) - one.mixture.log_prob(other.depth)).abs() < 1e-4
    agree = torch.isclose(one.depth, other.depth, **TOLERANCE)
    assert (agree | tie).all()
    assert agree.float().mean() > 0.999
    torch.testing.assert_close(one.cameras.world_from_cam, other.cameras.world_from_cam, **TOLERANCE)
    if one.sky_log_odds is not None:
        torch.testing.assert_close(one.p_sky, other.p_sky, **TOLERANCE)


def test_the_order_of_the_views_after_the_first_does_not_matter(predictor) -> None:
    images = images_for(predictor, 5)
    order = [0, 3, 1, 4, 2]
    turned, straight = predictor.predict([images[place] for place in order]), predictor.predict(images)
    assert_same(turned, picked(straight, order))


def test_the_rest_of_a_batch_does_not_matter(predictor) -> None:
    clips = [images_for(predictor, count, seed=seed) for seed, count in enumerate((2, 4, 1, 4, 3))]
    for chosen in ((0, 1, 2), (1, 3), (4, 3, 2, 1, 0)):
        together = predictor.predict_clips([clips[place] for place in chosen], max_views=20)
        for place, prediction in zip(chosen, together, strict=True):
            assert_same(prediction, predictor.predict(clips[place]))


@pytest.mark.parametrize("size", [2, 3, 10])
def test_portions_of_the_heads_do_not_matter(predictor, monkeypatch, size) -> None:
    images = images_for(predictor, 5)
    one_by_one = predictor.predict(images)
    monkeypatch.setattr(chunks, "_ON_CPU", size)
    assert_same(predictor.predict(images), one_by_one)


@pytest.mark.parametrize("decoder", list(Decoder))
def test_portions_of_the_decoder_do_not_matter(predictor, decoder) -> None:
    mixture = predictor.predict(images_for(predictor, 2)).mixture
    whole = mixture.decode(decoder)
    for chunk in (1, 7, 1000):
        assert torch.equal(mixture[:, :5, :9].decode(decoder, chunk), whole[:, :5, :9])


def test_the_way_files_came_into_a_folder_does_not_matter(predictor, tmp_path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    for number, pixels in enumerate(images_for(predictor, 4)):
        Image.fromarray(pixels).save(folders[0] / f"{number + 8}.png")
    for file in sorted(folders[0].iterdir(), reverse=True):
        shutil.copy(file, folders[1] / file.name)
    one, other = (predictor.predict(folder) for folder in folders)
    assert one.names == other.names == ("8.png", "9.png", "10.png", "11.png")
    assert_same(one, other)
