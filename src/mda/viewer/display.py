"""What is shown of a scene: filters and sky, as plain functions of samples."""

from dataclasses import dataclass

import numpy as np

from mda.shapes import Bool, Float32, Int, UInt8, ndarray
from mda.viewer.samples import Samples

SKY_FACTOR = 2.0
"""Sky is shown at this multiple of the far end of the scene (published release: twice the largest depth)."""


@dataclass(frozen=True, kw_only=True)
class Display:
    """What to show.

    Attributes:
        show_sky: show sky pixels, on a shell far behind the scene.
        drop_percent: leave out so many percent of the pixels of each view, those of least confidence.
        min_confidence: smallest raw confidence.
        max_jump: leave out pixels whose depth differs from a neighbour's by more than the factor 1 + `max_jump`;
            None keeps them.
        first, last: views, by their position; in either order, both are shown.
    """

    show_sky: bool = False
    drop_percent: float = 0.0
    min_confidence: float = 0.0
    max_jump: float | None = None
    first: int = 0
    last: int | None = None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Points on the screen.

    Attributes:
        samples: [n] number of the sample behind each point.
        positions: [n, 3] in the world.
        colors: [n, 3] RGB.
    """

    samples: Int[ndarray, " n"]
    positions: Float32[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"]

    def __len__(self) -> int:
        return len(self.samples)


def kept(samples: Samples, display: Display) -> Bool[ndarray, " n"]:
    """Samples that pass the filters, sky left out or in as told; their depth may be unknown."""
    last = np.inf if display.last is None else display.last
    low, high = min(display.first, last), max(display.first, last)
    keep = (samples.views >= low) & (samples.views <= high)
    good = samples.rank >= display.drop_percent / 100
    good &= ~(samples.confidence < display.min_confidence)
    if display.max_jump is not None:
        good &= samples.jump <= display.max_jump
    # Filters speak of surfaces; sky has neither a confidence in its depth nor edges of its own.
    return keep & (np.where(samples.sky, True, good) if display.show_sky else good & ~samples.sky)


def shown(
    samples: Samples,
    depth: Float32[ndarray, " n"],
    colors: UInt8[ndarray, "n 3"],
    display: Display,
    *,
    sky_depth: float,
) -> Shown:
    """The points to draw.

    Args:
        samples: what there is.
        depth: [n] decoded depth of each; what is not finite or not above 0 is not drawn.
        colors: [n, 3] colour of each.
        display: what to show.
        sky_depth: depth at which sky is drawn.
    """
    depth = np.where(samples.sky, np.float32(sky_depth), depth)
    index = np.flatnonzero(kept(samples, display) & np.isfinite(depth) & (depth > 0))
    positions = samples.centers[index] + depth[index, None] * samples.rays[index]
    finite = np.isfinite(positions).all(-1)
    return Shown(samples=index[finite], positions=positions[finite], colors=colors[index][finite])
