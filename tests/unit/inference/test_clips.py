"""Several clips in one forward pass."""

import numpy as np
import pytest
import torch
from PIL import Image

import mda
from mda.errors import ConfigError
from mda.mixtures import Decoder
from tests.unit.inference.pretend import pictures, pretend_predictor, true_depth


def test_clips_of_different_lengths_go_together() -> None:
    predictor = pretend_predictor()
    clips = [pictures(count, seed=count) for count in (2, 1, 3)]
    predictions = list(predictor.predict_clips(clips, decoder="heaviest"))
    assert predictor.network.calls == [[2, 1, 3]]
    for images, prediction in zip(clips, predictions, strict=True):
        np.testing.assert_allclose(prediction.depth, true_depth(np.stack(images)), rtol=1e-5)
        alone = pretend_predictor().predict(images, decoder="heaviest")
        assert prediction.names == alone.names
        torch.testing.assert_close(prediction.cameras.world_from_cam, alone.cameras.world_from_cam)
        torch.testing.assert_close(prediction.mixture.locs, alone.mixture.locs)
        assert prediction.details["sources"] == alone.details["sources"]


def test_clips_of_one_length_need_no_padding() -> None:
    predictor = pretend_predictor()
    assert len(list(predictor.predict_clips([pictures(2)] * 3))) == 3
    assert predictor.network.calls == [(3, 2)]


def test_no_pass_has_more_views_than_asked_padding_counted() -> None:
    predictor = pretend_predictor()
    clips = [pictures(count) for count in (1, 1, 3, 2, 2)]
    assert [len(p.names) for p in predictor.predict_clips(clips, max_views=4)] == [1, 1, 3, 2, 2]
    assert predictor.network.calls == [(2, 1), 3, (2, 2)]


def test_another_size_begins_another_pass() -> None:
    predictor = pretend_predictor()
    clips = [pictures(1), pictures(1, hw=(32, 32)), pictures(1, hw=(32, 32))]
    assert [p.depth.shape[1:] for p in predictor.predict_clips(clips)] == [(24, 32), (32, 32), (32, 32)]
    assert predictor.network.calls == [1, (2, 1)]


def test_long_clips_go_in_windows_in_their_turn() -> None:
    predictor = pretend_predictor()
    clips = [pictures(1, seed=1), pictures(6, seed=2), pictures(1, seed=3)]
    predictions = list(predictor.predict_clips(clips, max_views=4, decoder="heaviest"))
    assert [len(prediction.names) for prediction in predictions] == [1, 6, 1]
    np.testing.assert_allclose(predictions[1].depth, true_depth(np.stack(clips[1])), rtol=2e-3)


def test_a_clip_that_cannot_be_read_costs_no_other(tmp_path, caplog) -> None:
    (tmp_path / "broken.png").write_text("hello")
    Image.fromarray(pictures(1)[0]).save(tmp_path / "fine.png")
    clips = [pictures(1), tmp_path / "broken.png", tmp_path / "missing.png", tmp_path / "fine.png"]
    found = [prediction is not None for prediction in pretend_predictor().predict_clips(clips)]
    assert found == [True, False, False, True]
    assert "broken.png" in caplog.text
    assert "missing.png" in caplog.text


def test_predictions_come_as_they_are_ready() -> None:
    taken = []

    def clips():
        for seed in range(4):
            taken.append(seed)
            yield pictures(2, seed=seed)

    next(pretend_predictor().predict_clips(clips(), max_views=4))
    assert taken == [0, 1, 2]


def test_settings_are_those_of_predict() -> None:
    found = next(
        pretend_predictor().predict_clips([pictures(4)], stride=2, size=48, decoder="back", keep_mixture=False)
    )
    assert found.names == ("image_0", "image_2")
    assert found.depth.shape[-1] == 48
    assert found.mixture is None
    assert found.decoder == Decoder.BACK.value
    with pytest.raises(ConfigError, match="best"):
        next(pretend_predictor().predict_clips([pictures(1)], decoder="best"))


def test_mda_mini_says_of_each_clip_what_it_says_alone() -> None:
    model = mda.load("mda_mini")
    clips = [pictures(count, hw=(48, 64), seed=count) for count in (1, 3, 2)]
    for images, together in zip(clips, model.predict_clips(clips, size=64), strict=True):
        alone = model.predict(images, size=64)
        torch.testing.assert_close(together.depth, alone.depth, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.mixture.locs, alone.mixture.locs, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(together.cameras.world_from_cam, alone.cameras.world_from_cam, rtol=1e-5, atol=1e-5)
