"""What may be handed to `Predictor.predict`: files, folders, videos, arrays and Pillow images."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from mda.errors import InputError
from mda.inference.windows import Order, Plan, plan_for
from mda.io.clips import Clip, ClipView, list_inputs, read_clip, spread_out
from mda.io.images import LoadedImage, to_rgb
from mda.io.resize import ClipResizer
from mda.io.video import DEFAULT_FPS
from mda.shapes import UInt8, ndarray

_LOGGER = logging.getLogger(__name__)

SMALLEST_SIDE = 16
"""Images with a shorter side than this show nothing that depth could be told from."""

Picture = Image.Image | np.ndarray
Inputs = str | Path | Picture | Sequence[str | Path | Picture]


def views_of_inputs(
    inputs: Inputs,
    *,
    size: int,
    patch: int,
    fps: float | None = DEFAULT_FPS,
    stride: int = 1,
    spread: int = 0,
    problems: list[str],
) -> Iterator[ClipView]:
    """Views of one clip, one at a time.

    Args:
        inputs: a folder, a video, one image, or a list of images; images as paths, arrays or Pillow images.
        size: longer side of the views in pixels.
        patch: both sides become multiples of it.
        fps: views per second of a video.
        stride: every stride-th image is taken.
        spread: so many images, spread evenly over the clip, come before the others.
        problems: receives a message for each file that was left out.

    Raises:
        InputError: there is nothing to look at, paths and pictures are mixed, or the paths make more than one clip.
    """
    items = [inputs] if isinstance(inputs, str | Path | Image.Image | np.ndarray) else list(inputs)
    pictures = [item for item in items if not isinstance(item, str | Path)]
    if not pictures:
        yield from _views_of_paths(
            [item for item in items if isinstance(item, str | Path)],
            {"size": size, "patch": patch, "fps": fps, "stride": stride, "spread": spread, "problems": problems},
        )
        return
    if len(pictures) < len(items):
        message = "Give either paths or pictures, not both in one list."
        raise InputError(message)
    resizer = ClipResizer(size=size, patch=patch)
    taken = range(0, len(pictures), stride)
    for place in spread_out(len(taken), spread):
        picture, name = pictures[taken[place]], f"image_{taken[place]}"
        pixels = rgb_of(picture, name)
        if min(pixels.shape[:2]) < SMALLEST_SIDE:
            message = (
                f"{name} is of shape {pixels.shape}; at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels are needed."
            )
            raise InputError(message)
        image = LoadedImage(pixels=pixels, source_hw=(pixels.shape[0], pixels.shape[1]), path=Path(name))
        yield ClipView(name=name, view=resizer(image), number=place)


def plan_of_inputs(inputs: Inputs, *, stride: int, max_views: int, order: Order | str | None) -> Plan:
    """How the clip is divided into windows (see `plan_for`); pictures that are handed over are a sequence.

    Raises:
        InputError: none of the inputs can be used.
        ConfigError: the numbers or the order cannot be.
    """
    items = [inputs] if isinstance(inputs, str | Path | Image.Image | np.ndarray) else list(inputs)
    paths = [item for item in items if isinstance(item, str | Path)]
    if len(paths) < len(items):
        return plan_for(None, max_views=max_views, order=order)
    clip = list_inputs(paths).clips[0]
    images = None if clip.is_video else clip.images[::stride]
    return plan_for(images, max_views=max_views, order=order)


def _views_of_paths(paths: Sequence[str | Path], options: dict[str, Any]) -> Iterator[ClipView]:
    """Views of the one clip that the paths make."""
    found = list_inputs(paths)
    options["problems"].extend(found.problems)
    clip, *others = found.clips
    if others:
        names = ", ".join(str(clip.source) for clip in found.clips[:4])
        message = (
            f"These inputs are {len(found.clips)} clips ({names}); views of one clip are looked at together, "
            "so call predict once for each."
        )
        raise InputError(message)
    return views_of_clip(clip, **options)


def views_of_clip(
    clip: Clip, *, size: int, patch: int, fps: float | None, stride: int, spread: int, problems: list[str]
) -> Iterator[ClipView]:
    """Views of a clip, one at a time; an image that is damaged or tiny is left out, logged and noted in `problems`.

    Raises:
        InputError: not one view can be read.
    """
    taken = []
    for path in clip.images[::stride]:
        problem = _too_small(path)
        if problem is None:
            taken.append(path)
        else:
            _LOGGER.warning("%s Left out.", problem)
            problems.append(problem)
    if not clip.is_video:
        clip, stride = replace(clip, images=tuple(taken)), 1
    return read_clip(clip, size=size, patch=patch, fps=fps, stride=stride, problems=problems, spread=spread)


def _too_small(path: Path) -> str | None:
    """Message about an image that is too small to look at, told from its header; None for any other file."""
    try:
        with Image.open(path) as file:
            width, height = file.size
    except Exception:  # noqa: BLE001 - damaged and foreign files raise anything; who reads them knows what to say
        return None
    if min(width, height) >= SMALLEST_SIDE:
        return None
    needed = f"at least {SMALLEST_SIDE} x {SMALLEST_SIDE} are needed"
    return f"{path} is {width} x {height} pixels; {needed}. Give a larger image."


def rgb_of(picture: Picture, name: str) -> UInt8[ndarray, "h w 3"]:
    """An array or Pillow image as RGB of 8 bits.

    Args:
        picture: Pillow image (turned upright), or array of shape [h, w], [h, w, 3] or [h, w, 4] and type uint8.
        name: what to call it in messages.

    Raises:
        InputError: shape or type is another one.
    """
    if isinstance(picture, np.ndarray):
        if (
            picture.dtype != np.uint8
            or picture.ndim not in {2, 3}
            or (picture.ndim == 3 and picture.shape[2] not in {3, 4})
        ):
            message = (
                f"{name} is an array of {picture.dtype} and shape {picture.shape}; "
                "expected uint8 of shape (h, w, 3), (h, w, 4) or (h, w)."
            )
            raise InputError(message)
        picture = Image.fromarray(picture)
    return np.array(to_rgb(ImageOps.exif_transpose(picture), Path(name)))
