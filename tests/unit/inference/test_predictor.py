import math

import numpy as np
import pytest
import torch
from PIL import Image

from mda.errors import ConfigError, InputError
from mda.inference.looking import assumed_cameras
from tests.unit.inference.pretend import pictures, pretend_predictor, true_depth


def write(folder, images):
    for number, pixels in enumerate(images):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def test_views_of_a_clip_are_looked_at_together():
    predictor, images = pretend_predictor(), pictures(3)
    prediction = predictor.predict(images, decoder="heaviest")
    assert predictor.network.calls == [3]
    assert prediction.depth.shape == (3, 24, 32)
    assert prediction.names == ("image_0", "image_1", "image_2")
    np.testing.assert_array_equal(prediction.images.numpy(), np.stack(images))
    np.testing.assert_allclose(prediction.depth, true_depth(np.stack(images)), rtol=1e-5)
    torch.testing.assert_close(prediction.cameras.world_from_cam[0], torch.eye(4))
    assert prediction.cameras.image_hw == (24, 32)


def test_what_comes_out_belongs_to_the_user():
    prediction = pretend_predictor().predict(pictures(1))
    prediction.depth[0, 0, 0] = 1.0
    shift = torch.zeros(1, 24, 32, requires_grad=True)
    prediction.mixture.log_prob(prediction.depth + shift).sum().backward()
    assert shift.grad.abs().sum() > 0


def test_confidence_is_that_of_the_chosen_component():
    predictor = pretend_predictor()
    assert torch.allclose(predictor.predict(pictures(1), decoder="heaviest").confidence, torch.tensor(400.0))
    assert torch.allclose(predictor.predict(pictures(1), decoder="back").confidence, torch.tensor(300.0))


def test_inputs_of_every_kind_give_the_same(tmp_path):
    images = pictures(2)
    paths = write(tmp_path, images)
    expected = pretend_predictor().predict(images).depth
    for inputs in (tmp_path, str(tmp_path), paths, [str(path) for path in paths], [Image.open(path) for path in paths]):
        prediction = pretend_predictor().predict(inputs)
        torch.testing.assert_close(prediction.depth, expected)
    assert pretend_predictor().predict(tmp_path).names == ("0.png", "1.png")
    assert pretend_predictor().predict(images[0]).depth.shape == (1, 24, 32)


def test_long_clips_go_in_windows_and_come_out_as_one():
    images = pictures(7)
    predictor = pretend_predictor(scales=(1.0, 2.0, 0.5))
    prediction = predictor.predict(images, decoder="heaviest", max_views=3)
    assert predictor.network.calls == [3, 3, 3]
    np.testing.assert_allclose(prediction.depth, true_depth(np.stack(images)), rtol=2e-3)
    assert prediction.mixture.batch_shape == prediction.sky_log_odds.shape == (7, 24, 32)
    assert prediction.cameras.batch_shape == (7,)
    assert len(prediction.names) == len(prediction.details["sources"]) == 7


def test_the_mixture_may_be_dropped():
    assert pretend_predictor().predict(pictures(2), keep_mixture=False).mixture is None
    assert pretend_predictor(sky=False).predict(pictures(5), max_views=2).p_sky is None


def test_stride_takes_every_nth_view():
    assert pretend_predictor().predict(pictures(5), stride=2).names == ("image_0", "image_2", "image_4")


def test_size_is_that_of_the_model_or_the_asked_one():
    images = pictures(1, hw=(30, 40))
    assert pretend_predictor().predict(images).depth.shape == (1, 24, 32)
    assert pretend_predictor().predict(images, size=48).depth.shape[-1] == 48


def test_bad_images_are_left_out_and_listed(tmp_path, caplog):
    write(tmp_path, pictures(2, hw=(48, 64)))
    (tmp_path / "1b.png").write_text("hello")
    Image.new("RGB", (1, 1)).save(tmp_path / "0a.png")
    prediction = pretend_predictor().predict(tmp_path)
    assert prediction.names == ("0.png", "1.png")
    skipped = "\n".join(prediction.details["skipped"])
    assert "0a.png is 1 x 1 pixels" in skipped
    assert "1b.png" in skipped
    assert "0a.png" in caplog.text
    assert "1b.png" in caplog.text


def test_without_cameras_some_are_assumed_and_said(caplog):
    prediction = pretend_predictor(cameras=False).predict(pictures(2))
    assert "no cameras" in caplog.text
    torch.testing.assert_close(prediction.cameras.world_from_cam, torch.eye(4).repeat(2, 1, 1))


def test_assumed_cameras_have_square_pixels():
    cameras = assumed_cameras(2, (30, 40))
    assert float(cameras.fov[0, 1]) == pytest.approx(math.radians(60))
    torch.testing.assert_close(cameras.intrinsics[0, 0, 0], cameras.intrinsics[0, 1, 1])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([], "No input"),
        ("nowhere.jpg", "nowhere.jpg does not exist"),
        ([np.zeros((8, 8, 3), np.float32)], "expected uint8"),
        ([np.zeros((8, 8, 2), np.uint8)], "shape"),
        ([np.zeros((2, 8, 3), np.uint8)], "at least 16 x 16"),
        (["a.jpg", np.zeros((20, 20, 3), np.uint8)], "not both"),
    ],
)
def test_inputs_that_cannot_work_are_refused(inputs, words):
    with pytest.raises(InputError, match=words):
        pretend_predictor().predict(inputs)


def test_folders_that_are_several_clips_are_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, pictures(1))
    with pytest.raises(InputError, match="2 clips"):
        pretend_predictor().predict([tmp_path / "a", tmp_path / "b"])


def test_unknown_decoders_are_refused():
    with pytest.raises(ConfigError, match="heaviest"):
        pretend_predictor().predict(pictures(1), decoder="best")


def test_running_out_of_memory_tells_the_remedy(monkeypatch):
    predictor = pretend_predictor()

    def exhausted(*_):
        message = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"
        raise RuntimeError(message)

    monkeypatch.setattr(predictor.network, "forward", exhausted)
    with pytest.raises(ConfigError, match="--max-views"):
        predictor.predict(pictures(2))


def test_other_failures_of_the_network_stay_what_they_are(monkeypatch):
    predictor = pretend_predictor()

    def broken(*_):
        message = "shapes differ"
        raise RuntimeError(message)

    monkeypatch.setattr(predictor.network, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        predictor.predict(pictures(2))


def test_grey_and_transparent_pictures_are_taken():
    grey, clear = np.full((16, 16), 100, np.uint8), np.full((16, 16, 4), 255, np.uint8)
    clear[..., 3] = 0
    prediction = pretend_predictor().predict([grey, clear])
    assert (prediction.images[0] == 100).all()
    assert (prediction.images[1] == 255).all()


def test_a_prediction_can_be_saved(tmp_path):
    prediction = pretend_predictor().predict(pictures(2))
    prediction.save(tmp_path / "run", save_mixture=True)
    np.testing.assert_array_equal(np.load(tmp_path / "run" / "depth" / "000001.npy"), prediction.depth[1])
    assert (tmp_path / "run" / "mixture" / "000000.npz").exists()
