"""Colours of the cloud: the image, or what the density says."""

import colorsys
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mda.io.preview import depth_colours
from mda.mixtures import Decoder
from mda.shapes import Float32, Int, UInt8, ndarray
from mda.viewer.densities import Densities
from mda.viewer.samples import Samples

_UNKNOWN = (110, 110, 110)
_PERCENTILES = (2.0, 98.0)
HYPOTHESIS_COLOURS: UInt8[ndarray, "8 3"] = np.array(
    [
        *((90, 160, 255), (255, 170, 60), (90, 210, 120), (240, 90, 120)),
        *((190, 130, 255), (80, 220, 220), (230, 220, 90), (200, 150, 120)),
    ],
    dtype=np.uint8,
)
"""Colours of the components, by their number; those beyond begin anew."""
FLYING_RED = (255, 30, 30)


class Colouring(StrEnum):
    """What colours mean; the values are what people read."""

    IMAGE = "image"
    VIEW = "view"
    DEPTH = "depth"
    CONFIDENCE = "confidence"
    ENTROPY = "entropy"
    SECOND = "mass of the second surface"
    WEIGHT = "weight of the hypothesis"
    HYPOTHESIS = "number of the hypothesis"

    @property
    def needs_densities(self) -> bool:
        """Whether densities have to be there."""
        return self in {Colouring.ENTROPY, Colouring.SECOND, Colouring.WEIGHT, Colouring.HYPOTHESIS}


@dataclass(frozen=True, kw_only=True)
class Coloured:
    """Colours, and what they mean.

    Attributes:
        colors: [n, 3] RGB.
        legend: for people; empty where colours are those of the image.
    """

    colors: UInt8[ndarray, "n 3"]
    legend: str = ""


def colour(
    samples: Samples,
    depth: Float32[ndarray, " n"],
    kind: Colouring,
    *,
    densities: Densities | None = None,
    decoder: Decoder | None = None,
    views: int = 1,
) -> Coloured:
    """Colours of samples.

    Args:
        samples: the samples.
        depth: [n] the depth at which they are shown.
        kind: what the colours say; without densities those that need them give grey.
        densities: of the samples.
        decoder: that made the depth; None: that of the run, for which the most heavy component stands in.
        views: number of views of the run.
    """
    if kind.needs_densities:
        return _of_densities(len(samples), kind, densities, Decoder.HEAVIEST if decoder is None else decoder)
    match kind:
        case Colouring.VIEW:
            return Coloured(colors=_view_colours(views)[samples.views], legend="red: first view, violet: last")
        case Colouring.DEPTH:
            solid = np.where(samples.sky | ~(depth > 0), np.float32(np.nan), depth)
            return _scalar(np.log(solid), "depth", exponential=True, near_is_pale=True)
        case Colouring.CONFIDENCE:
            return _scalar(np.log(np.maximum(samples.confidence, 1e-6)), "confidence", exponential=True)
        case _:
            return Coloured(colors=samples.colors)


def _of_densities(count: int, kind: Colouring, densities: Densities | None, decoder: Decoder) -> Coloured:
    """Colours that say something about densities."""
    if densities is None:
        return Coloured(colors=np.full((count, 3), _UNKNOWN, np.uint8), legend="the run has no densities")
    match kind:
        case Colouring.ENTROPY:
            return _scalar(densities.entropy(), "entropy (nat)")
        case Colouring.SECOND:
            return _scalar(densities.surfaces().second_mass, "mass of the second surface", limits=(0.0, 0.5))
        case Colouring.WEIGHT:
            return _scalar(densities.weight(decoder), "weight", limits=(0.0, 1.0))
        case _:
            return _numbered(densities.decoded(decoder)[1])


def _numbered(numbers: Int[ndarray, " n"]) -> Coloured:
    colors = HYPOTHESIS_COLOURS[np.maximum(numbers, 0) % len(HYPOTHESIS_COLOURS)]
    colors[numbers < 0] = _UNKNOWN
    return Coloured(colors=colors, legend="0 blue, 1 orange, 2 green, 3 pink, 4 violet, 5 cyan; grey: no density")


def _scalar(
    values: Float32[ndarray, " n"],
    name: str,
    *,
    limits: tuple[float, float] | None = None,
    exponential: bool = False,
    near_is_pale: bool = False,
) -> Coloured:
    """Small values dark blue, large ones pale yellow (depth the other way round); what is not known is grey."""
    known = np.isfinite(values)
    if limits is None:
        low, high = map(float, np.percentile(values[known], _PERCENTILES)) if known.any() else (0.0, 1.0)
    else:
        low, high = limits
    share = np.clip((np.where(known, values, low) - low) / max(high - low, 1e-9), 0, 1)
    table = depth_colours() if near_is_pale else depth_colours()[::-1]
    colors = table[np.round(255 * share).astype(np.uint8)]
    colors[~known] = _UNKNOWN
    ends = (np.exp(low), np.exp(high)) if exponential else (low, high)
    dark, pale = reversed(ends) if near_is_pale else ends
    return Coloured(colors=colors, legend=f"{name}: dark {dark:.3g}, pale {pale:.3g}")


def view_colour(position: int, count: int) -> tuple[int, int, int]:
    """The colour of a view: from red at the first through the rainbow to violet at the last."""
    red, green, blue = colorsys.hsv_to_rgb(0.85 * position / max(1, count), 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _view_colours(views: int) -> UInt8[ndarray, "v 3"]:
    return np.array([view_colour(position, views) for position in range(views)], np.uint8).reshape(-1, 3)
