"""A result is a function of its clip: not of what else is computed, in which portions, or of how its files lie about.

A decision between two hypotheses of equal density may go either way, so depth is compared but for ties.
"""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mda.inference import Predictor
from mda.inference.assembling import picked
from mda.mixtures import GENERAL_DECODERS
from mda.models.heads import chunks
from mda.structures import Prediction
from tests.unit.inference.pretend import pictures

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
# Which surface is the nearest, and which the likelier, mda_mini decides sharply: that magnifies rounding.
OF_MIXTURES = {"rtol": 1e-4, "atol": 1e-4}


def images_for(any_predictor: Predictor, count: int, *, seed: int = 0) -> list[np.ndarray]:
    patch = any_predictor.network.patch
    return pictures(count, hw=(2 * patch, 3 * patch), seed=seed)


def assert_same(one: Prediction, other: Prediction) -> None:
    for name in ("locs", "scales", "log_weights"):
        torch.testing.assert_close(getattr(one.mixture, name), getattr(other.mixture, name), **OF_MIXTURES)
    tie = (one.mixture.log_prob(one.depth) - one.mixture.log_prob(other.depth)).abs() < 1e-4
    agree = torch.isclose(one.depth, other.depth, **TOLERANCE)
    assert (agree | tie).all()
    assert agree.float().mean() > 0.999
    torch.testing.assert_close(one.cameras.world_from_cam, other.cameras.world_from_cam, **TOLERANCE)
    if one.sky_log_odds is not None:
        torch.testing.assert_close(one.p_sky, other.p_sky, **TOLERANCE)


def test_the_order_of_the_views_after_the_first_does_not_matter(any_predictor) -> None:
    images = images_for(any_predictor, 5)
    order = [0, 3, 1, 4, 2]
    turned, straight = any_predictor.predict([images[place] for place in order]), any_predictor.predict(images)
    assert_same(turned, picked(straight, order))


def test_the_rest_of_a_batch_does_not_matter(any_predictor) -> None:
    clips = [images_for(any_predictor, count, seed=seed) for seed, count in enumerate((2, 4, 1, 4, 3))]
    for chosen in ((0, 1, 2), (1, 3), (4, 3, 2, 1, 0)):
        together = any_predictor.predict_clips([clips[place] for place in chosen], max_views=20)
        for place, prediction in zip(chosen, together, strict=True):
            assert_same(prediction, any_predictor.predict(clips[place]))


@pytest.mark.parametrize("size", [2, 3, 10])
def test_portions_of_the_heads_do_not_matter(any_predictor, monkeypatch, size) -> None:
    images = images_for(any_predictor, 5)
    one_by_one = any_predictor.predict(images)
    monkeypatch.setattr(chunks, "_ON_CPU", size)
    assert_same(any_predictor.predict(images), one_by_one)


@pytest.mark.parametrize("decoder", GENERAL_DECODERS)
def test_portions_of_the_decoder_do_not_matter(any_predictor, decoder) -> None:
    mixture = any_predictor.predict(images_for(any_predictor, 2)).mixture
    whole = mixture.decode(decoder)
    for chunk in (1, 7, 1000):
        assert torch.equal(mixture[:, :5, :9].decode(decoder, chunk), whole[:, :5, :9])


def test_the_way_files_came_into_a_folder_does_not_matter(any_predictor, tmp_path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    for number, pixels in enumerate(images_for(any_predictor, 4)):
        Image.fromarray(pixels).save(folders[0] / f"{number + 8}.png")
    for file in sorted(folders[0].iterdir(), reverse=True):
        shutil.copy(file, folders[1] / file.name)
    one, other = (any_predictor.predict(folder) for folder in folders)
    assert one.names == other.names == ("8.png", "9.png", "10.png", "11.png")
    assert_same(one, other)
