"""From images of any size to views of one size that a network can take.

The published rule: the longer side becomes `size`, then each side goes to the nearest multiple of `patch`. All views of
a clip get the size of the first; a view of another shape keeps the middle of its picture. What was cut away is
recorded, so that a camera of the view can be mapped back to the file (`cameras_in_source`).
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.io.images import REDUCING_GAP, LoadedImage
from mda.shapes import UInt8, ndarray

_LOGGER = logging.getLogger(__name__)

# A pixel stretched by more than this in one direction is worth a word; rounding to patches alone stays below it.
_STRETCH_WORTH_A_WORD = 1.5
# Share of a picture that may be cut away before it is worth a word.
_LOSS_WORTH_A_WORD = 0.25


@dataclass(frozen=True, kw_only=True)
class CropBox:
    """A window of an image, in its pixels: rows `top` to `top + height`, columns `left` to `left + width`."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class ResizedView:
    """A view as the network sees it, and where it came from.

    Attributes:
        pixels: [h, w, 3] RGB.
        source_hw: size of the image in the file, upright.
        crop: the part of it that `pixels` shows.
    """

    pixels: UInt8[ndarray, "h w 3"]
    source_hw: tuple[int, int]
    crop: CropBox


def fit_to_patches(image_hw: tuple[int, int], *, size: int, patch: int) -> tuple[int, int]:
    """Height and width near the shape of `image_hw` with a longer side of about `size` and multiples of `patch`.

    Each side is scaled by size / longer side, rounded, and taken to the nearest multiple of `patch` (ties up, at least
    one patch), as the published network's own preprocessing does.

    Raises:
        ConfigError: `size` is smaller than one patch.
    """
    if patch < 1 or size < patch:
        message = f"The image size must be at least one patch ({patch} pixels), found {size}; use e.g. --size 504."
        raise ConfigError(message)
    height, width = (max(1, round(side * size / max(image_hw))) for side in image_hw)
    return _nearest_multiple(height, patch), _nearest_multiple(width, patch)


def crop_to_aspect(image_hw: tuple[int, int], aspect: float) -> CropBox:
    """The largest window in the middle of an image with width / height = `aspect` (to a pixel)."""
    height, width = image_hw
    cut_height, cut_width = height, width
    if width > height * aspect:
        cut_width = max(1, round(height * aspect))
    else:
        cut_height = max(1, min(height, round(width / aspect)))
    return CropBox(top=(height - cut_height) // 2, left=(width - cut_width) // 2, height=cut_height, width=cut_width)


def resize_pixels(
    pixels: UInt8[ndarray, "h w 3"], image_hw: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> UInt8[ndarray, "new_h new_w 3"]:
    """Resize to `image_hw`: Lanczos (antialiased) when shrinking, bicubic when growing.

    Args:
        pixels: the image.
        image_hw: height and width wanted.
        box: left, top, right, bottom of the part to use, in pixels of `pixels` and not necessarily whole.
    """
    height, width = image_hw
    left, top, right, bottom = box if box is not None else (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
    if (bottom - top, right - left) == (height, width) and left.is_integer() and top.is_integer():
        return pixels[int(top) : int(bottom), int(left) : int(right)].copy()
    shrinks = (bottom - top) > height or (right - left) > width
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    resized = Image.fromarray(pixels).resize(
        (width, height), method, box=(left, top, right, bottom), reducing_gap=REDUCING_GAP
    )
    return np.array(resized)


class ClipResizer:
    """Brings the images of one clip to one size, which the first image decides.

    Args:
        size: length of the longer side, in pixels.
        patch: both sides become multiples of it.
    """

    def __init__(self, *, size: int, patch: int) -> None:
        self._size = size
        self._patch = patch
        self._aspect: float | None = None
        self._image_hw: tuple[int, int] | None = None
        fit_to_patches((size, size), size=size, patch=patch)  # a bad size should fail here, not at the first image

    @property
    def image_hw(self) -> tuple[int, int] | None:
        """Size of the views, known from the first image on."""
        return self._image_hw

    @property
    def decode_short_side(self) -> int:
        """Short side to read image files with: enough for a sharp crop, and little memory for very large photos."""
        return 2 * self._size

    def __call__(self, image: LoadedImage) -> ResizedView:
        """Resize one image; the first call decides the size of all."""
        if self._image_hw is None or self._aspect is None:
            self._aspect = image.source_hw[1] / image.source_hw[0]
            self._image_hw = fit_to_patches(image.source_hw, size=self._size, patch=self._patch)
            _warn_of_stretch(image.path, image.source_hw, self._image_hw)
        crop = crop_to_aspect(image.source_hw, self._aspect)
        _warn_of_loss(image.path, image.source_hw, crop)
        pixels = resize_pixels(image.pixels, self._image_hw, _box_in_pixels(image, crop))
        return ResizedView(pixels=pixels, source_hw=image.source_hw, crop=crop)


def cameras_in_source(cameras: Cameras, crop: CropBox, source_hw: tuple[int, int]) -> Cameras:
    """Cameras of resized views, for the images in their files: undoes resize and crop."""
    return cameras.resized((crop.height, crop.width)).cropped(-crop.top, -crop.left, *source_hw)


def cameras_of_view(cameras: Cameras, crop: CropBox, image_hw: tuple[int, int]) -> Cameras:
    """Cameras of the images in their files, for the views cropped and resized to `image_hw`."""
    return cameras.cropped(crop.top, crop.left, crop.height, crop.width).resized(image_hw)


def _nearest_multiple(length: int, patch: int) -> int:
    return max(patch, (2 * length + patch) // (2 * patch) * patch)


def _box_in_pixels(image: LoadedImage, crop: CropBox) -> tuple[float, float, float, float]:
    """The crop, which is in pixels of the file, in pixels of the image as it was read (perhaps smaller)."""
    (height, width), (source_height, source_width) = image.pixels.shape[:2], image.source_hw
    down, across = height / source_height, width / source_width
    return (
        crop.left * across,
        crop.top * down,
        min(float(width), (crop.left + crop.width) * across),
        min(float(height), (crop.top + crop.height) * down),
    )


def _warn_of_stretch(path: Path, source_hw: tuple[int, int], image_hw: tuple[int, int]) -> None:
    down, across = image_hw[0] / source_hw[0], image_hw[1] / source_hw[1]
    if max(down, across) > _STRETCH_WORTH_A_WORD * min(down, across):
        _LOGGER.warning(
            "%s is %d x %d pixels, too long and thin: it is stretched to %d x %d, and its depth will be poor. Crop it.",
            path, source_hw[1], source_hw[0], image_hw[1], image_hw[0],
        )  # fmt: skip


def _warn_of_loss(path: Path, source_hw: tuple[int, int], crop: CropBox) -> None:
    lost = 1 - crop.height * crop.width / (source_hw[0] * source_hw[1])
    if lost > _LOSS_WORTH_A_WORD:
        _LOGGER.warning(
            "%s is %d x %d pixels, of another shape than the first view: %.0f %% of it is cut away. "
            "Give views of one shape, or run it by itself.",
            path, source_hw[1], source_hw[0], 100 * lost,
        )  # fmt: skip
