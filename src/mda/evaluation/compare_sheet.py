"""The sheet of `mda compare`: depth, edge crops and side views of the clouds of two runs, as one PNG and as HTML."""

import base64
import html
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional

from mda.errors import ConfigError, OutputError
from mda.evaluation.compare import Comparison, Pair, statistics
from mda.evaluation.side_views import INK, PAPER, Frame, draw_points, seen_from_beside
from mda.geometry import depth_discontinuities
from mda.io.atomic import make_folder, write_bytes
from mda.io.preview import colour_depth, depth_range
from mda.metrics import EDGE_RATIO, hanging_points
from mda.shapes import Float, Tensor

PNG_FILE, HTML_FILE, JSON_FILE = "compare.png", "compare.html", "compare.json"
# Widths in pixels of the panels of whole views, and height of those of crops.
_VIEW_WIDTH, _CROP_HEIGHT, _GAP, _TITLE = 360, 260, 10, 22
# A crop is this share of the view's sides, and at least so many pixels.
_CROP_SHARE, _LEAST_CROP = 1 / 7, (24, 32)
# Windows with more edge pixels than this are too crowded to look at.
_CROWDED = 0.3

Row = list[tuple[str, Image.Image]]


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """What the sheet shows.

    Attributes:
        views: how many views, evenly chosen.
        crops: how many edge crops of each.
    """

    views: int = 3
    crops: int = 2


def write_comparison(
    comparison: Comparison, folder: Path, settings: CompareSettings, *, overwrite: bool = False
) -> list[str]:
    """Write `compare.png`, `compare.html` and `compare.json`; returns lines of the table for the terminal.

    Raises:
        ConfigError: nothing is to be shown.
        OutputError: the files are there already and `overwrite` is off, or cannot be written.
        InputError: a run is damaged.
    """
    if settings.views < 1 or settings.crops < 0:
        message = f"A sheet needs at least one view and no less than 0 crops, found {settings.views}, {settings.crops}."
        raise ConfigError(message)
    existing = [name for name in (PNG_FILE, HTML_FILE, JSON_FILE) if (folder / name).exists()]
    if existing and not overwrite:
        message = f"{folder} holds {', '.join(existing)} already; choose another --out, or allow --overwrite."
        raise OutputError(message)
    each, together = statistics(comparison)
    lines = _table_lines(each, together)
    sections = [
        (comparison.pair(index).name, _view_rows(comparison.pair(index), settings.crops))
        for index in _evenly(len(comparison), settings.views)
    ]
    legend = [f"A  {comparison.runs[0].path}", f"B  {comparison.runs[1].path}"]
    rows = [row for _, found in sections for row in found]
    make_folder(folder)
    write_bytes(folder / PNG_FILE, _png(_sheet([*legend, "", *lines], rows)))
    write_bytes(folder / HTML_FILE, _page(legend, each, together, sections).encode())
    content = {"a": str(comparison.runs[0].path), "b": str(comparison.runs[1].path), "runs": each, "both": together}
    write_bytes(folder / JSON_FILE, (json.dumps(_without_nan(content), indent=1) + "\n").encode())
    return lines


def _evenly(count: int, wanted: int) -> list[int]:
    rows = min(count, wanted)
    return [round(i * (count - 1) / max(1, rows - 1)) for i in range(rows)]


def _view_rows(pair: Pair, crops: int) -> list[Row]:
    """The whole view, and each crop in a row of its own."""
    height, width = pair.depths[0].shape
    limits = depth_range([depth.numpy() for depth in pair.depths], [_sky(sky) for sky in pair.skies])
    size = (_VIEW_WIDTH, max(1, round(_VIEW_WIDTH * height / width)))
    difference = _difference(pair).resize(size, Image.Resampling.BOX)
    image = _picture(pair.color)
    windows = _edge_windows(pair, crops)
    for number, (top, left, tall, wide) in enumerate(windows, start=1):
        pen = ImageDraw.Draw(image)
        pen.rectangle((left, top, left + wide, top + tall), outline=(255, 60, 60), width=max(1, width // 250))
        pen.text((left + 2, top + 1), str(number), fill=(255, 60, 60), font=_font(max(12, width // 30)))
    rows: list[Row] = [
        [
            (pair.name, image.resize(size, Image.Resampling.BOX)),
            *(
                (f"{letter}: depth", _depth_picture(depth, _sky(sky), limits).resize(size, Image.Resampling.BOX))
                for letter, depth, sky in zip("AB", pair.depths, pair.skies, strict=True)
            ),
            ("nearer in A: orange, in B: blue (full: 25 %)", difference),
        ]
    ]
    return rows + [_crop_row(pair, window, number) for number, window in enumerate(windows, start=1)]


def _crop_row(pair: Pair, window: tuple[int, int, int, int], number: int) -> Row:
    top, left, tall, wide = window
    part = (slice(top, top + tall), slice(left, left + wide))
    skies = [None if sky is None else sky[part].numpy() for sky in pair.skies]
    depths = [depth[part] for depth in pair.depths]
    limits = depth_range([depth.numpy() for depth in depths], skies)
    size = (max(1, round(_CROP_HEIGHT * wide / tall)), _CROP_HEIGHT)
    color = pair.color[part]
    row = [(f"crop {number}", _picture(color).resize(size, Image.Resampling.NEAREST))]
    row += [
        (f"{letter}: depth", _depth_picture(depth, sky, limits).resize(size, Image.Resampling.NEAREST))
        for letter, depth, sky in zip("AB", depths, skies, strict=True)
    ]
    # One direction and one frame for both clouds, told by the first.
    log_depth = torch.where(pair.solid[0][part], depths[0], torch.nan).log()
    solids = [solid[part] for solid in pair.solid]
    places = [
        torch.where(solid[..., None], seen_from_beside(points[part], log_depth), torch.nan).reshape(-1, 2)
        for points, solid in zip(pair.points, solids, strict=True)
    ]
    shown = torch.cat(places)
    shown = shown[shown.isfinite().all(-1)]
    if not len(shown):
        return row
    frame = Frame.around(shown)
    for letter, place, depth, solid in zip("AB", places, pair.depths, pair.solid, strict=True):
        marked = hanging_points(depth, solid)[part].flatten()
        panel = draw_points(place, color.reshape(-1, 3), marked, frame, (_CROP_HEIGHT, _CROP_HEIGHT))
        row.append((f"{letter}: side view, {int(marked.sum())} hanging", _framed(panel)))
    return row


def _edge_windows(pair: Pair, count: int) -> list[tuple[int, int, int, int]]:
    """Top, left, height, width of the windows with most edge pixels of either run, not crowded and not overlapping."""
    height, width = pair.depths[0].shape
    tall, wide = (
        min(size, max(least, round(size * _CROP_SHARE)))
        for size, least in zip((height, width), _LEAST_CROP, strict=True)
    )
    edges = [
        depth_discontinuities(depth, solid, ratio=EDGE_RATIO)
        for depth, solid in zip(pair.depths, pair.solid, strict=True)
    ]
    share = torch.stack([_window_means(edge.float(), tall, wide) for edge in edges])
    # Where both have edges there is most to compare.
    score = torch.where(share.amax(0) < _CROWDED, share.amin(0) + 0.1 * share.amax(0), 0.0)
    windows: list[tuple[int, int, int, int]] = []
    while len(windows) < count and float(score.max()) > 0:
        top, left = (int(i) for i in torch.unravel_index(score.argmax(), score.shape))
        windows.append((top, left, tall, wide))
        score[max(0, top - tall) : top + tall, max(0, left - wide) : left + wide] = 0
    return windows


def _window_means(values: Float[Tensor, "h w"], tall: int, wide: int) -> Float[Tensor, "rows columns"]:
    """Mean over each window, its middle half counted twice, so that edges come to lie in the middle."""
    whole = functional.avg_pool2d(values[None, None], (tall, wide), stride=1)[0, 0]
    half = functional.avg_pool2d(values[None, None], (max(1, tall // 2), max(1, wide // 2)), stride=1)[0, 0]
    middle = half[tall // 4 : tall // 4 + whole.shape[0], wide // 4 : wide // 4 + whole.shape[1]]
    return (whole + middle) / 2


def _difference(pair: Pair) -> Image.Image:
    """Difference of ln depth as colours on grey."""
    both = pair.solid[0] & pair.solid[1]
    ratio = torch.where(both, (pair.depths[0] / pair.depths[1]).log(), 0.0)
    share = (ratio / math.log(1.25)).clamp(-1, 1)[..., None]
    grey = pair.color.mean(-1, keepdim=True) * 0.5 + 0.25
    tint = torch.where(share > 0, torch.tensor([0.15, 0.45, 1.0]), torch.tensor([1.0, 0.5, 0.0]))
    return _picture(grey * (1 - share.abs()) + tint * share.abs())


def _picture(color: Float[Tensor, "h w 3"]) -> Image.Image:
    return Image.fromarray((color.clamp(0, 1) * 255).round().byte().numpy())


def _depth_picture(depth: Float[Tensor, "h w"], sky: "np.ndarray | None", limits: tuple[float, float]) -> Image.Image:
    return Image.fromarray(colour_depth(depth.numpy(), sky=sky, limits=limits))


def _sky(sky: Tensor | None) -> "np.ndarray | None":
    return None if sky is None else sky.numpy()


def _framed(panel: Image.Image) -> Image.Image:
    ImageDraw.Draw(panel).rectangle((0, 0, panel.width - 1, panel.height - 1), outline=INK)
    return panel


def _sheet(lines: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """Text above rows of titled panels."""
    line = 17
    head = 2 * _GAP + line * len(lines)
    width = max(sum(panel.width + _GAP for _, panel in row) for row in rows) + _GAP
    height = head + sum(max(panel.height for _, panel in row) + _TITLE + _GAP for row in rows) + _GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, text in enumerate(lines):
        _columns(pen, text, _GAP + line * number)
    top = head
    for row in rows:
        left = _GAP
        for title, panel in row:
            pen.text((left, top + 2), _short(title, panel.width), fill=INK, font=_font(13))
            sheet.paste(panel, (left, top + _TITLE))
            left += panel.width + _GAP
        top += max(panel.height for _, panel in row) + _TITLE + _GAP
    return sheet


def _columns(pen: ImageDraw.ImageDraw, text: str, top: int) -> None:
    """A line of text, its parts between tabs in columns."""
    for column, part in zip((0, 330, 560), text.split("\t"), strict=False):
        pen.text((_GAP + column, top), part, fill=INK, font=_font(13))


def _short(text: str, width: int) -> str:
    """The end of a text that fits."""
    font = _font(13)
    while len(text) > 4 and font.getlength(text) > width:
        text = "..." + text.removeprefix("...")[1:]
    return text


def _table_lines(each: Mapping[str, tuple[object, object]], together: Mapping[str, float]) -> list[str]:
    """The statistics as lines with tabs."""
    lines = ["\tA\tB"]
    lines += [f"{name}\t{_shown(name, first)}\t{_shown(name, second)}" for name, (first, second) in each.items()]
    return [*lines, "", *(f"{name}\t{_shown(name, value)}" for name, value in together.items())]


def _shown(name: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "-"
    is_share = name.endswith(("pixels", "points", "IoU", "%"))
    return f"{100 * value:.2f} %" if is_share else f"{round(value, 6):.4g}"


def _page(
    legend: Iterable[str],
    each: Mapping[str, tuple[object, object]],
    together: Mapping[str, float],
    sections: Iterable[tuple[str, list[Row]]],
) -> str:
    """One HTML file that needs no other: pictures are in it."""
    cells = [(name, _shown(name, first), _shown(name, second)) for name, (first, second) in each.items()]
    table = "".join(
        f"<tr><th>{html.escape(n)}</th><td>{html.escape(a)}</td><td>{html.escape(b)}</td></tr>" for n, a, b in cells
    )
    table += "".join(
        f'<tr><th>{html.escape(name)}</th><td colspan="2">{html.escape(_shown(name, value))}</td></tr>'
        for name, value in together.items()
    )
    body = "".join(
        f"<h2>{html.escape(name)}</h2>"
        + "".join(f'<div class="row">{"".join(map(_figure, row))}</div>' for row in rows)
        for name, rows in sections
    )
    heading = "<br>".join(map(html.escape, legend))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>mda compare</title><style>
body {{ font: 15px/1.4 sans-serif; margin: 2em; color: #222 }}
table {{ border-collapse: collapse }} th {{ text-align: left; font-weight: normal }}
th, td {{ padding: 2px 14px 2px 0; border-bottom: 1px solid #ddd }}
.row {{ display: flex; flex-wrap: wrap; gap: 10px; margin: 8px 0 }}
figure {{ margin: 0 }} figcaption {{ font-size: 13px }}
</style></head><body><h1>mda compare</h1><p>{heading}</p>
<table><tr><th></th><td>A</td><td>B</td></tr>{table}</table>
<p>Depth of B is brought to the scale of A. Hanging points, in red, have a nearer and a farther neighbour, both by more
than 5 %: look there first.</p>
{body}</body></html>
"""


def _figure(panel: tuple[str, Image.Image]) -> str:
    title, picture = panel
    data = base64.b64encode(_png(picture)).decode()
    text = html.escape(title)
    return f'<figure><figcaption>{text}</figcaption><img alt="{text}" src="data:image/png;base64,{data}"></figure>'


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        message = "Pillow was built without FreeType, so sheets have no text; install the wheel: pip install -U pillow"
        raise OutputError(message)
    return font


def _without_nan(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_nan(member) for key, member in value.items()}
    if isinstance(value, tuple):
        return [_without_nan(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
