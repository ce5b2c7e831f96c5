"""Pictures that show at once what came out: image, depth and depth edges side by side."""

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from mda.geometry import depth_discontinuities
from mda.io.images import write_png
from mda.io.run import Run
from mda.shapes import Bool, Float, UInt8, ndarray

SKY_COLOUR = (176, 224, 255)
"""Pale blue, which no depth has."""
UNKNOWN_COLOUR = (0, 0, 0)
_EDGE_COLOUR = (255, 140, 0)
_BACKGROUND, _INK = (24, 24, 28), (232, 232, 232)
_MAX_ROWS = 6
_LONGEST_PANEL_SIDE = 504
_GAP, _HEADER, _FOOTER = 8, 30, 46
# Depth beyond these percentiles of the clip is drawn like the nearest or the farthest: single outliers must not
# use up the colours.
_RANGE_PERCENTILES = (2.0, 98.0)
_SAMPLES_PER_VIEW = 20_000
_EDGE_RATIO = 0.05


@functools.cache
def depth_colours() -> UInt8[ndarray, "256 3"]:
    """256 colours from near (pale yellow) through red and purple to far (dark blue).

    A path in OKLCh, cut into steps of equal length, so that equal ratios of depth look equally different; lightness
    falls all the way, so the order is seen in grey as well. OKLab to linear sRGB: B. Ottosson, "A perceptual color
    space for image processing", 2020.
    """
    t = np.linspace(0, 1, 4001)
    lightness = 0.96 - 0.71 * t
    chroma = 0.10 + 0.09 * np.sin(np.pi * t**0.9)
    hue = np.deg2rad(110 - 195 * t)
    path = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])
    length = np.concatenate([[0.0], np.linalg.norm(np.diff(path), axis=0).cumsum()])
    even = np.linspace(0, length[-1], 256)
    lightness, a, b = (np.interp(even, length, axis) for axis in path)
    lms = np.stack(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((to_rgb @ lms**3).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * encoded).astype(np.uint8)


def depth_range(
    depths: Iterable[Float[ndarray, "_ _"]], skies: Iterable[Bool[ndarray, "_ _"] | None]
) -> tuple[float, float]:
    """Nearest and farthest depth to tell apart by colour in a clip: 2nd and 98th percentile, without sky.

    Each view gives a regular sample of its pixels, so that a long clip costs little. (1, 2) where no depth is known.
    """
    samples = []
    for depth, sky in zip(depths, skies, strict=True):
        step = max(1, int((depth.size / _SAMPLES_PER_VIEW) ** 0.5))
        sample = np.asarray(depth[::step, ::step])
        known = np.isfinite(sample) & (sample > 0)
        samples.append(sample[known if sky is None else known & ~sky[::step, ::step]])
    values = np.concatenate(samples) if samples else np.empty(0)
    if values.size == 0:
        return 1.0, 2.0
    near, far = np.percentile(values, _RANGE_PERCENTILES)
    return float(near), float(max(far, near * 1.001))


def colour_depth(
    depth: Float[ndarray, "h w"],
    *,
    sky: Bool[ndarray, "h w"] | None = None,
    limits: tuple[float, float] | None = None,
) -> UInt8[ndarray, "h w 3"]:
    """Depth as colours, evenly in log depth: near pale yellow, far dark blue, sky pale blue, unknown black.

    Args:
        depth: [h, w]; what is not finite or not above 0 is unknown.
        sky: [h, w] pixels to draw as sky.
        limits: nearest and farthest depth to tell apart; those of this one view if None.
    """
    near, far = depth_range([depth], [sky]) if limits is None else limits
    known = np.isfinite(depth) & (depth > 0)
    log_depth = np.log(np.where(known, depth, near))
    share = (log_depth - np.log(near)) / (np.log(far) - np.log(near))
    coloured = depth_colours()[np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)]
    coloured[~known] = UNKNOWN_COLOUR
    if sky is not None:
        coloured[sky] = SKY_COLOUR
    return coloured


def draw_edges(
    color: UInt8[ndarray, "h w 3"], depth: Float[ndarray, "h w"], *, sky: Bool[ndarray, "h w"] | None = None
) -> UInt8[ndarray, "h w 3"]:
    """Depth edges (jumps of more than 5 %) in orange, the outline of sky in its colour, over the darkened image."""
    known = np.isfinite(depth) & (depth > 0)
    solid = known if sky is None else known & ~sky
    edges = _edges(np.where(known, depth, 1.0), solid)
    drawn = np.repeat((np.asarray(color).mean(-1, keepdims=True) * 0.5).astype(np.uint8), 3, axis=-1)
    if sky is not None:
        # Sky as a depth of its own: its outline is where that jumps and the depth of solid pixels does not.
        outline = _edges(np.where(sky, 2.0, 1.0), np.ones_like(sky))
        drawn[outline & sky] = SKY_COLOUR
    drawn[edges] = _EDGE_COLOUR
    return drawn


def draw_preview(
    colors: list[UInt8[ndarray, "h w 3"]],
    depths: list[Float[ndarray, "h w"]],
    skies: list[Bool[ndarray, "h w"] | None],
    *,
    limits: tuple[float, float] | None = None,
) -> UInt8[ndarray, "sheet_h sheet_w 3"]:
    """Rows of image | depth | edges, with titles and a legend of the colours."""
    limits = depth_range(depths, skies) if limits is None else limits
    rows = []
    for color, depth, sky in zip(colors, depths, skies, strict=True):
        panels = [color, colour_depth(depth, sky=sky, limits=limits), draw_edges(color, depth, sky=sky)]
        rows.append([_panel(panel) for panel in panels])
    width = max(sum(panel.width + _GAP for panel in row) - _GAP for row in rows)
    height = sum(row[0].height + _GAP for row in rows) - _GAP
    sheet = Image.new("RGB", (width + 2 * _GAP, height + _HEADER + _FOOTER), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    top = _HEADER
    for number, row in enumerate(rows):
        left = _GAP
        for title, panel in zip(("image", "depth", "edges"), row, strict=True):
            if number == 0:
                draw.text((left + 2, 6), title, fill=_INK, font=_font())
            sheet.paste(panel, (left, top))
            left += panel.width + _GAP
        top += row[0].height + _GAP
    _draw_legend(sheet, draw, limits, with_sky=any(sky is not None and sky.any() for sky in skies))
    return np.array(sheet)


def write_preview(path: Path, run: Run) -> None:
    """Write the preview of a run: up to six views, evenly chosen, with the colours of the whole run.

    Raises:
        OutputError: the file cannot be written.
        InputError: the run is damaged.
    """
    positions = range(len(run))
    limits = depth_range((run.depth(i) for i in positions), (run.sky(i) for i in positions))
    rows = min(len(run), _MAX_ROWS)
    chosen = [round(i * (len(run) - 1) / max(1, rows - 1)) for i in range(rows)]
    sheet = draw_preview(
        [run.color(i) for i in chosen],
        [np.asarray(run.depth(i)) for i in chosen],
        [run.sky(i) for i in chosen],
        limits=limits,
    )
    write_png(path, sheet)


def _edges(depth: Float[ndarray, "h w"], valid: Bool[ndarray, "h w"]) -> Bool[ndarray, "h w"]:
    values = torch.from_numpy(np.ascontiguousarray(depth, dtype=np.float32))
    return depth_discontinuities(values, torch.from_numpy(np.ascontiguousarray(valid)), ratio=_EDGE_RATIO).numpy()


def _panel(pixels: UInt8[ndarray, "h w 3"]) -> Image.Image:
    """A panel of bearable size; thin edges survive the box filter as dimmer lines."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    factor = min(1.0, _LONGEST_PANEL_SIDE / max(image.size))
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image if size == image.size else image.resize(size, Image.Resampling.BOX)


def _draw_legend(sheet: Image.Image, draw: ImageDraw.ImageDraw, limits: tuple[float, float], *, with_sky: bool) -> None:
    """A bar of the colours with the depths of its ends."""
    width, top = max(1, min(256, sheet.width - 2 * _GAP)), sheet.height - _FOOTER + 8
    bar = Image.fromarray(np.ascontiguousarray(depth_colours()[None])).resize((width, 12), Image.Resampling.BILINEAR)
    sheet.paste(bar, (_GAP, top))
    text = f"near {limits[0]:.3g}   far {limits[1]:.3g}"
    draw.text((_GAP, top + 15), text, fill=_INK, font=_font())
    if with_sky and sheet.width > width + 80:
        left = _GAP + width + 16
        draw.rectangle((left, top, left + 24, top + 11), fill=SKY_COLOUR)
        draw.text((left + 30, top - 2), "sky", fill=_INK, font=_font())


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=14)
