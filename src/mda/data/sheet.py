"""The contact sheet of a data set: image, depth and sky of some views, and the path of the camera from above."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mda.data.check import CheckReport
from mda.data.views import RawView
from mda.io.preview import SKY_COLOUR, colour_depth, depth_range
from mda.shapes import Float, UInt8, ndarray

_BACKGROUND, _INK, _DIM = (24, 24, 28), (232, 232, 232), (110, 110, 120)
_NOT_SKY_COLOUR, _GLASS_COLOUR, _PATH_COLOUR = (70, 50, 30), (255, 140, 0), (255, 200, 90)
_LOOK_COLOUR = (90, 150, 255)
# Pixels of the line along the optical axis of a camera, where it lies in the plane of the drawing.
_LOOK = 12
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_PANEL_WIDTH, _GAP, _HEADER, _LINE = 320, 8, 30, 16


def draw_sheet(report: CheckReport, *, title: str, unit: str) -> UInt8[ndarray, "sheet_h sheet_w 3"]:
    """Rows of image | depth | sky labels, and below the cameras of one scene seen from above and from the side.

    Sky is pale blue, known not to be sky brown, unknown black; glass is orange where the source labels it.
    """
    rows = [_row(view) for view in report.examples]
    height = _HEADER + sum(row[0].height + _LINE + _GAP for row in rows) + _PANEL_WIDTH // 2 + 2 * _LINE + _GAP
    sheet = Image.new("RGB", (3 * _PANEL_WIDTH + 4 * _GAP, height), _BACKGROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    glass = ", glass orange" if any(view.layers is not None for view in report.examples) else ""
    text = f"{title}: image, depth, sky (blue yes, brown no, black unknown{glass})"
    draw.text((_GAP, 7), text, fill=_INK, font=font)
    top = _HEADER
    for view, row in zip(report.examples, rows, strict=True):
        for column, panel in enumerate(row):
            sheet.paste(panel, (_GAP + column * (_PANEL_WIDTH + _GAP), top))
        top += row[0].height
        near, far = depth_range([view.depth], [view.sky])
        size = f"{view.depth.shape[1]} x {view.depth.shape[0]}"
        text = f"{view.name}   {size}   " + (f"{near:.3g} to {far:.3g} {unit}" if view.valid.any() else "no depth")
        draw.text((_GAP, top + 1), text, fill=_DIM, font=font)
        top += _LINE + _GAP
    _draw_path(draw, report.path, top, title=f"cameras of {report.example_scene}", font=font)
    return np.array(sheet)


def _row(view: RawView) -> list[Image.Image]:
    labels = np.zeros((*view.depth.shape, 3), np.uint8)
    labels[view.sky_labelled] = _NOT_SKY_COLOUR
    labels[view.sky] = SKY_COLOUR
    if view.layers is not None:
        labels[view.layers.glass] = _GLASS_COLOUR
    depth = colour_depth(view.depth, sky=view.sky)
    return [_panel(view.image), _panel(depth), _panel(labels)]


def _panel(pixels: UInt8[ndarray, "h w 3"]) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    height = max(1, round(image.height * _PANEL_WIDTH / image.width))
    return image.resize((_PANEL_WIDTH, height), Image.Resampling.BOX)


def _draw_path(draw: ImageDraw.ImageDraw, path: Float[ndarray, "n 2 3"], top: int, *, title: str, font: _Font) -> None:
    """Cameras in the plane in which their centres spread most and in one at right angles; lines say where they look."""
    if len(path) == 0:
        draw.text((_GAP, top), "no cameras", fill=_DIM, font=font)
        return
    draw.text((_GAP, top), title + ", along their main directions", fill=_INK, font=font)
    side = _PANEL_WIDTH // 2
    centres, directions = path.astype(np.float64).transpose(1, 0, 2)
    centred = centres - centres.mean(0)
    axes = np.linalg.svd(centred)[2]
    flat, looks = centred @ axes.T, directions @ axes.T
    reach = max(float(np.abs(flat).max()), 1e-9)
    for column, (across, up) in enumerate(((0, 1), (0, 2))):
        left = _GAP + column * (_PANEL_WIDTH + _GAP)
        centre = np.array([left + _PANEL_WIDTH / 2, top + _LINE + side / 2])
        places = centre + flat[:, [across, up]] / reach * [_PANEL_WIDTH / 2 - _LOOK - 4, -(side / 2 - _LOOK - 4)]
        draw.rectangle((left, top + _LINE, left + _PANEL_WIDTH, top + _LINE + side), outline=_DIM)
        if len(places) > 1:
            draw.line([tuple(place) for place in places], fill=_DIM)
        ends = places + _LOOK * looks[:, [across, up]] * [1, -1]
        for number, ((x, y), end) in enumerate(zip(places, ends, strict=True)):
            draw.line([(x, y), tuple(end)], fill=_LOOK_COLOUR)
            colour = _INK if number == 0 else _PATH_COLOUR
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
    text = f"{len(path)} cameras, reach {reach:.3g}; the first is white, blue lines say where they look"
    draw.text((_GAP, top + _LINE + side + 1), text, fill=_DIM, font=font)
