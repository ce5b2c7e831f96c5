"""One pixel under the magnifying glass: the patch around it, its density, its hypotheses, what decoders make of it."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from mda.io.run import Run
from mda.mixtures import DepthMixture, Space
from mda.shapes import Float, UInt8, ndarray
from mda.viewer.colouring import FLYING_RED, HYPOTHESIS_COLOURS
from mda.viewer.densities import mixture_at

_REACH = 12  # pixels on each side of the one in the middle
_PATCH, _WIDTH, _HEIGHT, _GAP = 200, 400, 420, 12
_BACKGROUND, _INK, _FAINT, _CURVE = (24, 24, 28), (232, 232, 232), (120, 120, 128), (150, 200, 255)
# Places about a centre, in scales: dense near it, and far enough out for the tails of laplace.
_PER_COMPONENT = 30 * np.sinh(np.linspace(-5, 5, 81)) / np.sinh(5)


@dataclass(frozen=True, kw_only=True)
class PixelReport:
    """What is known of a pixel.

    Attributes:
        view: position of the view in the run.
        name: its name.
        row, column: the pixel.
        depth: as saved.
        confidence: raw, or None.
        is_sky: whether the run says sky.
        mixture: density of batch shape [], or None where it was not kept.
        patch: [s, s, 3] the image around the pixel, black beyond the border.
    """

    view: int
    name: str
    row: int
    column: int
    depth: float
    confidence: float | None
    is_sky: bool
    mixture: DepthMixture | None
    patch: UInt8[ndarray, "s s 3"]

    @property
    def decoded(self) -> dict[str, float]:
        """Depth by each decoder."""
        if self.mixture is None:
            return {}
        return {str(decoder): float(self.mixture.decode(decoder)) for decoder in self.mixture.decoders}


def inspect_pixel(run: Run, position: int, row: int, column: int) -> PixelReport:
    """Look at a pixel of a view.

    Raises:
        InputError: a file is missing or damaged.
        ConfigError: the parts of the view differ in size.
    """
    view = run.view(position, mixture=False)
    height, width = view.depth.shape
    row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
    found = mixture_at(run, position, np.array([row * width + column]))
    confidence = None if view.confidence is None else float(view.confidence[row, column])
    padded = np.pad(view.color, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)))
    return PixelReport(
        view=position,
        name=view.name,
        row=row,
        column=column,
        depth=float(view.depth[row, column]),
        confidence=confidence,
        is_sky=bool(view.sky is not None and view.sky[row, column]),
        mixture=None if found is None else found[0],
        patch=padded[row : row + 2 * _REACH + 1, column : column + 2 * _REACH + 1],
    )


def density_curve(mixture: DepthMixture) -> tuple[Float[ndarray, " m"], Float[ndarray, " m"]]:
    """Depths in rising order and the density there, in the coordinate of the mixture; fine where it is narrow."""
    locs, scales = mixture.locs.double(), mixture.scales.double()
    near = locs[:, None] + scales[:, None] * torch.from_numpy(_PER_COMPONENT)
    reach = float((locs.max() - locs.min()).clamp_min(4 * float(scales.min()))) * 0.25
    low, high = float(locs.min()) - reach, float(locs.max()) + reach
    even = torch.linspace(low, high, 240, dtype=torch.float64)
    x = torch.cat([near.flatten().clamp(low, high), even]).unique()
    space = Space(mixture.space)
    depth = space.depth(x)
    density = mixture.to(torch.float64).log_prob(depth).exp()
    return depth.numpy(), density.numpy()


def draw_report(report: PixelReport) -> UInt8[ndarray, "h w 3"]:
    """The patch, and the density below; hypotheses as coloured bars, the saved depth white, the mean red."""
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    patch = Image.fromarray(np.ascontiguousarray(report.patch)).resize((_PATCH, _PATCH), Image.Resampling.NEAREST)
    sheet.paste(patch, (_GAP, _GAP))
    cell = _PATCH / report.patch.shape[0]
    corner = _GAP + _REACH * cell
    draw.rectangle((corner - 1, corner - 1, corner + cell, corner + cell), outline=FLYING_RED, width=2)
    words = [(f"view {report.view}", _INK), (f"row {report.row}", _INK), (f"column {report.column}", _INK)]
    words += [(f"saved {report.depth:.4g}", _INK)]
    if report.mixture is None:
        words += [("no density kept", _FAINT)]
    else:
        words += [(f"mean {report.decoded['mean']:.4g}", FLYING_RED), ("bars: hypotheses", _FAINT)]
        box = (_GAP, _PATCH + 2 * _GAP, _WIDTH - _GAP, _HEIGHT - _GAP - 22)
        _draw_density(draw, box, report, report.mixture)
    for number, (text, ink) in enumerate(words):
        draw.text((_PATCH + 2 * _GAP, _GAP + 22 * number), text, fill=ink, font=_font())
    return np.array(sheet)


def _draw_density(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], report: PixelReport, mixture: DepthMixture
) -> None:
    """The curve, on a square-root scale so that a small second peak is seen beside a large one."""
    left, top, right, bottom = box
    depth, density = density_curve(mixture)
    space = Space(mixture.space)
    x = space.coordinate(torch.from_numpy(depth)).numpy()
    low, high = float(x[0]), float(x[-1])
    peak = float(density.max()) or 1.0

    def across(value: float) -> float:
        coordinate = float(space.coordinate(torch.tensor(value, dtype=torch.float64)))
        return left + (right - left) * min(max((coordinate - low) / max(high - low, 1e-12), 0.0), 1.0)

    draw.line((left, bottom, right, bottom), fill=_FAINT)
    for number, (hypothesis, weight) in enumerate(
        zip(mixture.hypotheses.tolist(), mixture.log_weights.exp().tolist(), strict=True)
    ):
        colour = tuple(HYPOTHESIS_COLOURS[number % len(HYPOTHESIS_COLOURS)].tolist())
        at = across(hypothesis)
        draw.line((at, bottom, at, bottom - (bottom - top) * weight), fill=colour, width=4)
    scaled = np.sqrt(np.maximum(density, 0) / peak)
    curve = [
        (left + (right - left) * float(a - low) / max(high - low, 1e-12), bottom - (bottom - top) * 0.95 * float(b))
        for a, b in zip(x, scaled, strict=True)
    ]
    draw.line(curve, fill=_CURVE, width=2)
    _mark(draw, across(report.decoded["mean"]), top, bottom, FLYING_RED)
    _mark(draw, across(report.depth), top, bottom, _INK)
    draw.text((left, bottom + 4), f"{depth[0]:.3g}", fill=_FAINT, font=_font())
    end = f"{depth[-1]:.3g}"
    draw.text((right - draw.textlength(end, font=_font()), bottom + 4), end, fill=_FAINT, font=_font())


def _mark(draw: ImageDraw.ImageDraw, at: float, top: int, bottom: int, colour: tuple[int, int, int]) -> None:
    """A dotted vertical line with a wedge at its foot."""
    for y in range(top, bottom, 6):
        draw.line((at, y, at, y + 2), fill=colour)
    draw.polygon([(at - 6, bottom + 10), (at + 6, bottom + 10), (at, bottom + 1)], fill=colour)


def describe(report: PixelReport) -> str:
    """The report in words, Markdown."""
    lines = [f"depth as saved **{report.depth:.4g}**" + (", sky" if report.is_sky else "")]
    if report.confidence is not None:
        lines.append(f"confidence {report.confidence:.3g}")
    if report.mixture is not None:
        lines.append(", ".join(f"{name} {value:.4g}" for name, value in report.decoded.items()))
        hypotheses = zip(report.mixture.hypotheses.tolist(), report.mixture.log_weights.exp().tolist(), strict=True)
        lines.append("hypotheses: " + ", ".join(f"{depth:.4g} ({weight:.0%})" for depth, weight in hypotheses))
        lines.append(f"entropy {float(report.mixture.entropy()):.3g} nat")
    return "\n\n".join(lines)


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=16)
