"""Decoders: from a density to one coordinate."""

from mda.mixtures.choices import Choice
from mda.mixtures.families import Family
from mda.mixtures.planes import Planes
from mda.mixtures.rows import map_rows, tile_rows
from mda.shapes import Float, Int, Tensor


class Decoder(Choice):
    """How one depth is decided.

    `mode`: where the density is highest, in the coordinate of the mixture (the published test-time decoder; exact).
    `component`: the centre at which the density is highest (published "noopt").
    `heaviest`: the centre of the component of largest weight (published "onlyp").
    `mean`: the mean of depth in metres; it makes flying points, and is here to show them.
    `median`: half of the mass on either side.
    `front`, `back`: the nearest or farthest surface of some mass (see `mda.mixtures.layers`).
    `layers`: at pixels that independent weights say are transparent, the first surface, which is the glass (see
    `mda.mixtures.transparent`); elsewhere as `heaviest`.
    """

    MODE = "mode"
    COMPONENT = "component"
    HEAVIEST = "heaviest"
    MEAN = "mean"
    MEDIAN = "median"
    FRONT = "front"
    BACK = "back"
    LAYERS = "layers"


GENERAL_DECODERS = tuple(kind for kind in Decoder if kind is not Decoder.LAYERS)
"""Those that every density has something to say to."""


def best_centers(
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
    chunk: int | None = None,
) -> Int[Tensor, "*b"]:
    """Index of the component at whose centre the density is highest; the first of equals.

    For laplace this is the mode: between neighbouring centres every term exp(-|x - m| / b) is convex, so the density
    has no maximum there.
    """
    components = locs.shape[-1]
    planes: dict[int, Planes] = {}

    def best(locs: Tensor, scales: Tensor, log_weights: Tensor) -> tuple[Tensor]:
        pixels = locs.shape[0]
        if pixels not in planes:
            planes[pixels] = Planes(family, components, pixels, like=locs)
        return (planes[pixels].load(locs, scales, log_weights).densities_at_centers().max(0).indices,)

    return map_rows(best, (locs, scales, log_weights), tile_rows(components**2, locs.device, chunk))[0]


def responsible_components(
    x: Float[Tensor, "*b"],
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
) -> Int[Tensor, "*b"]:
    """Index of the component with the largest share of the density at x."""
    return (log_weights + family.log_density((x[..., None] - locs) / scales) - scales.log()).argmax(-1)


def pick(values: Float[Tensor, "*b k"], index: Int[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """The entry of each pixel's component `index`."""
    return values.gather(-1, index[..., None])[..., 0]
