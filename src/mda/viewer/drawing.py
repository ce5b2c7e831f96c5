"""From samples to clouds: decoder, layers, colours and the flying points of the mean, without any GUI."""

from dataclasses import dataclass, field

import numpy as np

from mda.mixtures import Decoder
from mda.shapes import Float32, Shaped, UInt8, ndarray
from mda.viewer.colouring import FLYING_RED, Colouring, colour
from mda.viewer.densities import Densities
from mda.viewer.display import Display, Shown, shown
from mda.viewer.samples import Samples

# Share of orange in the colours of the back layer, so that it is told from the front.
_TINT, _TINT_SHARE = np.array([255, 140, 0], np.float32), 0.5


@dataclass(frozen=True, kw_only=True)
class Look:
    """What to draw of the samples.

    Attributes:
        display: filters.
        decoder: how depth is decided; None: as saved.
        layers: nearest and farthest surface together, instead of one depth.
        colouring: what colours mean.
        flying: draw what the mean makes of pixels with two surfaces, in red.
    """

    display: Display = field(default_factory=Display)
    decoder: Decoder | None = None
    layers: bool = False
    colouring: Colouring = Colouring.IMAGE
    flying: bool = False

    @property
    def needs_densities(self) -> bool:
        """Whether densities have to be there."""
        return self.decoder is not None or self.layers or self.flying or self.colouring.needs_densities


@dataclass(frozen=True, kw_only=True)
class Clouds:
    """What is drawn.

    Attributes:
        main: the cloud, or the front layer.
        back: the back layer, where it is another surface.
        flying: flying points of the mean, red.
        legend: what colours mean.
    """

    main: Shown
    back: Shown
    flying: Shown
    legend: str = ""

    def __len__(self) -> int:
        return len(self.main) + len(self.back)

    @property
    def _parts(self) -> tuple[Shown, Shown, Shown]:
        """All clouds; red points first, because of points at one place the first is drawn."""
        return self.flying, self.main, self.back

    @property
    def positions(self) -> Float32[ndarray, "n 3"]:
        """Points of all clouds."""
        return np.concatenate([part.positions for part in self._parts])

    @property
    def colors(self) -> UInt8[ndarray, "n 3"]:
        """Colours of all clouds."""
        return np.concatenate([part.colors for part in self._parts])

    @property
    def samples(self) -> Shaped[ndarray, " n"]:
        """Number of the sample behind each point of all clouds."""
        return np.concatenate([part.samples for part in self._parts])


NOTHING = Shown(
    samples=np.zeros(0, np.int64), positions=np.zeros((0, 3), np.float32), colors=np.zeros((0, 3), np.uint8)
)


def draw(samples: Samples, look: Look, *, densities: Densities | None, sky_depth: float, views: int) -> Clouds:
    """The clouds to draw.

    Args:
        samples: what there is.
        look: what to draw of it.
        densities: of the samples, None where the run has none: then depth is as saved and there is one layer.
        sky_depth: depth at which sky is drawn.
        views: number of views of the run.
    """
    depth, decoder = samples.depth, look.decoder
    if densities is not None and look.layers:
        depth, decoder = densities.surfaces().front, Decoder.FRONT
    elif densities is not None and decoder is not None:
        depth, _ = densities.decoded(decoder)
    coloured = colour(samples, depth, look.colouring, densities=densities, decoder=decoder, views=views)
    main = shown(samples, depth, coloured.colors, look.display, sky_depth=sky_depth)
    back = flying = NOTHING
    if densities is not None and look.layers:
        surfaces = densities.surfaces()
        tinted = (1 - _TINT_SHARE) * coloured.colors + _TINT_SHARE * _TINT
        second = np.where((surfaces.count > 1) & ~samples.sky, surfaces.back, np.float32(np.nan))
        back = shown(samples, second, tinted.astype(np.uint8), _without_sky(look.display), sky_depth=np.nan)
    if densities is not None and look.flying:
        is_flying, mean = densities.flying()
        red = np.broadcast_to(np.array(FLYING_RED, np.uint8), (len(samples), 3))
        red_depth = np.where(is_flying & ~samples.sky, mean, np.float32(np.nan))
        flying = shown(samples, red_depth, red, _without_sky(look.display), sky_depth=np.nan)
    return Clouds(main=main, back=back, flying=flying, legend=coloured.legend)


def _without_sky(display: Display) -> Display:
    """The same filters, sky left out: its depth is no surface."""
    return display if not display.show_sky else Display(**{**vars(display), "show_sky": False})
