"""Views of one size, and the way back to the pixels of the file."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.io.images import LoadedImage
from mda.io.resize import (
    ClipResizer,
    CropBox,
    cameras_in_source,
    cameras_of_view,
    crop_to_aspect,
    fit_to_patches,
    resize_pixels,
)


def loaded(height, width, *, source_hw=None):
    """An image whose red grows with x and green with y, so that a pixel tells where it came from."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([(x + 0.5) / width * 255, (y + 0.5) / height * 255, np.zeros_like(x)], axis=-1)
    return LoadedImage(pixels=pixels.astype(np.uint8), source_hw=source_hw or (height, width), path=Path("a.jpg"))


@pytest.mark.parametrize(
    ("image_hw", "size", "patch", "expected"),
    [
        ((1080, 1920), 504, 14, (280, 504)),  # 283.5 -> 284 -> nearest multiple
        ((480, 640), 504, 14, (378, 504)),
        ((640, 480), 504, 14, (504, 378)),
        ((480, 640), 518, 14, (392, 518)),  # 388.5 -> 388 -> 392
        ((100, 100), 512, 14, (518, 518)),  # nearest multiple of 512, upwards
        ((119, 168), 168, 14, (126, 168)),  # 119 = 8.5 patches: ties go up
        ((1, 1), 504, 14, (504, 504)),
        ((10, 10000), 504, 14, (14, 504)),
        ((10000, 10), 504, 14, (504, 14)),
        ((480, 640), 256, 16, (192, 256)),
    ],
)
def test_sizes_follow_the_published_rule(image_hw, size, patch, expected):
    assert fit_to_patches(image_hw, size=size, patch=patch) == expected


def test_a_size_below_a_patch_is_refused():
    with pytest.raises(ConfigError, match=r"at least one patch \(14 pixels\), found 7"):
        ClipResizer(size=7, patch=14)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0.01, 100))
def test_a_crop_lies_inside_has_the_aspect_and_touches_two_sides(height, width, aspect):
    crop = crop_to_aspect((height, width), aspect)
    assert crop.top >= 0
    assert crop.left >= 0
    assert crop.top + crop.height <= height
    assert crop.left + crop.width <= width
    assert crop.height == height or crop.width == width
    assert min(crop.height, crop.width) >= 1
    # The aspect is right to the rounding of one side to whole pixels.
    assert abs(crop.width - crop.height * aspect) <= 0.5 * max(1, aspect) + 1e-6 * width or 1 in {
        crop.width,
        crop.height,
    }
    assert abs(2 * crop.left + crop.width - width) <= 1
    assert abs(2 * crop.top + crop.height - height) <= 1


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_an_image_of_the_first_views_shape_is_not_cropped(height, width):
    crop = crop_to_aspect((height, width), width / height)
    assert (crop.height, crop.width) == (height, width)


def test_views_of_one_clip_get_the_size_of_the_first():
    resizer = ClipResizer(size=112, patch=14)
    shapes = [resizer(loaded(*hw)).pixels.shape for hw in [(300, 400), (400, 300), (1, 1), (75, 100)]]
    assert set(shapes) == {(84, 112, 3)}
    assert resizer.image_hw == (84, 112)


def test_what_is_cut_away_is_the_outside_and_is_told(caplog):
    resizer = ClipResizer(size=112, patch=14)
    resizer(loaded(300, 400))
    with caplog.at_level(logging.WARNING):
        view = resizer(loaded(400, 300))
    assert view.crop == CropBox(top=87, left=0, height=225, width=300)
    green = view.pixels[:, 50, 1].astype(float) / 255 * 400
    np.testing.assert_allclose(
        green[[2, 41, -3]], [87 + 2.5 / 84 * 225, 87 + 41.5 / 84 * 225, 312 - 2.5 / 84 * 225], atol=2
    )
    assert "44 % of it is cut away" in caplog.text


def test_an_image_read_at_a_smaller_size_gives_the_same_view():
    whole = loaded(900, 1200)
    small = LoadedImage(pixels=resize_pixels(whole.pixels, (300, 400)), source_hw=(900, 1200), path=Path("a.jpg"))
    views = []
    for image in (whole, small):
        resizer = ClipResizer(size=112, patch=14)
        resizer(loaded(100, 100))
        views.append(resizer(image))
    assert views[0].crop == views[1].crop == CropBox(top=0, left=150, height=900, width=900)
    np.testing.assert_allclose(views[0].pixels.astype(int), views[1].pixels.astype(int), atol=2)


def test_a_strip_is_stretched_to_one_patch_with_a_word(caplog):
    with caplog.at_level(logging.WARNING):
        assert ClipResizer(size=504, patch=14)(loaded(10, 10000)).pixels.shape == (14, 504, 3)
    assert "too long and thin" in caplog.text


def test_shrinking_averages_and_growing_keeps_flat_areas():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_allclose(resize_pixels(stripes, (8, 8))[:, 1:-1], 100, atol=3)
    assert (resize_pixels(np.full((1, 1, 3), 7, np.uint8), (14, 28)) == 7).all()


def test_resizing_to_the_same_size_changes_nothing_and_shares_nothing():
    image = loaded(28, 42).pixels
    same = resize_pixels(image, (28, 42))
    np.testing.assert_array_equal(same, image)
    assert not np.shares_memory(same, image)


def test_cameras_find_the_way_back_to_the_file():
    crop, source_hw, image_hw = CropBox(top=88, left=3, height=225, width=290), (400, 300), (84, 112)
    cameras = Cameras.from_fov(torch.eye(4)[None], torch.tensor([[0.7, 0.9]]), image_hw)
    in_file = cameras_in_source(cameras, crop, source_hw)
    assert in_file.image_hw == source_hw
    # The centre of the view is the centre of the crop in the file.
    assert in_file.intrinsics[0, 0, 2].item() == pytest.approx(3 + 145)
    assert in_file.intrinsics[0, 1, 2].item() == pytest.approx(88 + 112.5)
    again = cameras_of_view(in_file, crop, image_hw)
    torch.testing.assert_close(again.intrinsics, cameras.intrinsics)
    assert again.image_hw == image_hw
