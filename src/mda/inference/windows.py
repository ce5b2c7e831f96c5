"""Clips longer than memory allows: windows of views that share the first view, brought to one scale.

The first window holds the first `max_views` views. Every later one holds the first view of the clip again and the next
`max_views - 1` views. A network puts the world at the first view it is given, so all windows share that frame, and
what is left to align is one factor per window: the median, over the pixels of the shared view that are not sky, of the
ratio of its depth in the first window to its depth in this one.

That is simple and honest as long as every view can still be related to the first. On a long walk it cannot, and then
only depth within one window is to be trusted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.mixtures import LOG_OFFSET, DepthMixture, Space
from mda.shapes import Bool, Float, Tensor
from mda.structures import is_sky

DEFAULT_MAX_VIEWS = 16
"""Views that are looked at together unless asked otherwise."""

_View = TypeVar("_View")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a network says about some views of a clip.

    Attributes:
        mixture: batch shape [v, h, w].
        sky_log_odds: [v, h, w], or None.
        cameras: batch shape [v], in the world of the first view that the network was given.
    """

    mixture: DepthMixture
    sky_log_odds: Float[Tensor, "v h w"] | None
    cameras: Cameras

    def __getitem__(self, index: slice) -> "Look":
        """Some of the views."""
        sky = None if self.sky_log_odds is None else self.sky_log_odds[index]
        return Look(mixture=self.mixture[index], sky_log_odds=sky, cameras=self.cameras[index])

    def scaled(self, factor: float) -> "Look":
        """The same in a world enlarged by `factor`."""
        mixture = scaled_mixture(self.mixture, factor)
        return replace(self, mixture=mixture, cameras=self.cameras.scaled(factor))


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What later windows are aligned with: the first view as the first window saw it.

    Attributes:
        depth: [h, w] decoded depth.
        sky: [h, w], or None.
    """

    depth: Float[Tensor, "h w"]
    sky: Bool[Tensor, "h w"] | None

    @classmethod
    def of(cls, look: Look, decode: Callable[[DepthMixture], Tensor]) -> "Reference":
        """The first of the views."""
        mixture = look.mixture[0]
        sky = None if look.sky_log_odds is None else is_sky(look.sky_log_odds[0], mixture.log_weights)
        return cls(depth=decode(mixture), sky=sky)


def split(views: Iterable[_View], max_views: int) -> Iterator[tuple[int, tuple[_View, ...]]]:
    """Number of the first new view and the new views of each window; only one window is held at a time.

    Raises:
        ConfigError: `max_views` leaves no room for a new view beside the shared one.
    """
    if max_views < 2:
        message = f"At least 2 views must be looked at together, found {max_views} (--max-views)."
        raise ConfigError(message)
    remaining = iter(views)
    start, room = 0, max_views
    while window := tuple(islice(remaining, room)):
        yield start, window
        start, room = start + len(window), max_views - 1


def in_one_world(
    windows: Iterable[tuple[int, Sequence[_View]]],
    look: Callable[[Sequence[_View]], Look],
    decode: Callable[[DepthMixture], Tensor],
    *,
    reference: Reference | None = None,
    done: Callable[[range], bool] = lambda _: False,
) -> Iterator[tuple[int, Sequence[_View], Look | None]]:
    """Look at each window and bring it to the world and scale of the first.

    Args:
        windows: as `split` gives them.
        look: what the network says about some views, in the world of the first of them.
        decode: depth of a density, for the alignment.
        reference: the first view of an earlier, interrupted run, if there is one.
        done: whether the views of these numbers need no looking at; asked only where `reference` is known.

    Yields:
        Number of the first new view, the new views, and what the network says about them (None where `done`).
    """
    first: _View | None = None
    for start, views in windows:
        first = views[0] if first is None else first
        if reference is not None and done(range(start, start + len(views))):
            yield start, views, None
        elif start == 0 or reference is None:
            found = look(views)
            reference = reference or Reference.of(found, decode)
            yield start, views, found
        else:
            found = look([first, *views])
            factor = scale_between(reference, Reference.of(found, decode))
            yield start, views, found[1:].scaled(factor)


def scale_between(reference: Reference, other: Reference) -> float:
    """Factor that takes the depth of `other` to that of `reference`: exp of the median difference of log depth.

    Sky and pixels without positive finite depth do not count; 1 where nothing is left.
    """
    keep = (reference.depth > 0) & (other.depth > 0) & reference.depth.isfinite() & other.depth.isfinite()
    for sky in (reference.sky, other.sky):
        keep = keep if sky is None else keep & ~sky
    if not keep.any():
        return 1.0
    return float((reference.depth[keep].log() - other.depth[keep].log()).median().exp())


def scaled_mixture(mixture: DepthMixture, factor: float) -> DepthMixture:
    """Density of depth times `factor`.

    In linear space exact. In log space, x = log(depth + 0.1), the image of a component is not quite one of its family:
    its centre is mapped exactly and its scale to first order, by dx'/dx = f (d + 0.1) / (f d + 0.1) at the centre.
    """
    if mixture.space is Space.LINEAR:
        return replace(mixture, locs=mixture.locs * factor, scales=mixture.scales * factor)
    depth = mixture.hypotheses * factor
    slope = factor * mixture.locs.exp() / (depth + LOG_OFFSET)
    return replace(mixture, locs=Space.LOG.coordinate(depth), scales=mixture.scales * slope)
