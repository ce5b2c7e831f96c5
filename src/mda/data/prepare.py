"""From a frame of any size to a view of the size that a batch has; the same for all sources.

The window is centred on the principal point, has the shape of the target, is as large as the picture allows, and is cut
and resized in one step, so that the camera of the result is exact. Depth and masks take the nearest pixel: a mean of
two depths is a flying point.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from mda.data.views import GlassLayers, RawView
from mda.errors import InputError
from mda.geometry import Cameras
from mda.io.resize import resize_pixels
from mda.shapes import Int, ndarray

# A principal point nearer to a border than this share of the side leaves too little of the picture (published).
_MIN_MARGIN = 0.2
# So that rounding down the resized size never loses a pixel (published).
_EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a picture in its pixels, not necessarily whole ones."""

    top: float
    left: float
    height: float
    width: float


def prepare_view(view: RawView, image_hw: tuple[int, int], *, zoom: int = 0, whole_pixels: bool = False) -> RawView:
    """The frame cut and resized to `image_hw`, with its camera.

    Args:
        view: the frame.
        image_hw: height and width wanted.
        zoom: the window shrinks as if the target had this many more rows and columns (published augmentation: 0..15).
        whole_pixels: see `window_of`.

    Raises:
        InputError: the principal point is so near to a border that hardly a window is left.
    """
    window = window_of(view.camera, image_hw, name=view.name, zoom=zoom, whole_pixels=whole_pixels)
    height, width = view.depth.shape
    rows = _nearest(window.top, window.height, image_hw[0], height)
    columns = _nearest(window.left, window.width, image_hw[1], width)

    def sampled(values: ndarray) -> ndarray:
        return values.take(rows, axis=0).take(columns, axis=1)

    box = (
        max(0.0, window.left),
        max(0.0, window.top),
        min(float(width), window.left + window.width),
        min(float(height), window.top + window.height),
    )
    layers = view.layers
    return replace(
        view,
        image=resize_pixels(view.image, image_hw, box),
        depth=sampled(view.depth),
        valid=sampled(view.valid),
        sky=sampled(view.sky),
        sky_labelled=sampled(view.sky_labelled),
        camera=view.camera.window(window.top, window.left, window.height, window.width, image_hw),
        layers=None
        if layers is None
        else GlassLayers(
            glass=sampled(layers.glass), last_depth=sampled(layers.last_depth), last_valid=sampled(layers.last_valid)
        ),
    )


def window_of(
    camera: Cameras, image_hw: tuple[int, int], *, name: str = "", zoom: int = 0, whole_pixels: bool = False
) -> Window:
    """The window of a picture that becomes a view of `image_hw`.

    Args:
        camera: of the picture, batch shape ().
        image_hw: height and width wanted.
        name: of the frame, for messages.
        zoom: see `prepare_view`.
        whole_pixels: round as the published pipeline does, first to whole pixels of the picture, then to whole pixels
            of the view; the principal point is then up to a pixel off the middle of the view.

    Raises:
        InputError: the principal point is too near to a border.
    """
    (height, width), (out_height, out_width) = camera.image_hw, image_hw
    x, y = camera.intrinsics[..., 0, 2].item(), camera.intrinsics[..., 1, 2].item()
    if whole_pixels:  # the published pipeline counts pixel centres at whole numbers and rounds those
        x, y = float(round(x - 0.5)), float(round(y - 0.5))
    half_width, half_height = min(x, width - x), min(y, height - y)
    if half_width <= _MIN_MARGIN * width or half_height <= _MIN_MARGIN * height:
        message = (
            f"{name}: the principal point ({x:.0f}, {y:.0f}) is near the border of its {width} x {height} pixels; "
            "leave the frame out."
        )
        raise InputError(message)
    scale = max((out_width + zoom) / (2 * half_width), (out_height + zoom) / (2 * half_height)) + _EPSILON

    def start(centre: float, half: float, out: int) -> float:
        if not whole_pixels:
            return centre - out / scale / 2
        resized = math.floor(2 * half * scale)
        margin = (2 * half * scale - resized) / 2
        return centre - half + (margin + round(0.5 * (resized - out))) / scale

    return Window(
        top=start(y, half_height, out_height),
        left=start(x, half_width, out_width),
        height=out_height / scale,
        width=out_width / scale,
    )


def _nearest(start: float, length: float, count: int, available: int) -> Int[ndarray, "count"]:
    """Numbers of the pixels in which the centres of `count` equal parts of the window lie."""
    positions = start + (np.arange(count) + 0.5) * (length / count)
    return np.clip(np.floor(positions).astype(np.int64), 0, available - 1)
