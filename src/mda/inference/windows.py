"""Clips longer than memory allows: overlapping windows of views, joined in one world.

Every window but the first holds some views again that were seen before, its anchors. A network chooses world and scale
of each window as it likes; the similarity transform between the new window's points of the anchors and the ones that
were written for them brings the window into the world of the first (`mda.inference.joints`). Two plans do that:

* `Order.SEQUENCE` (videos, numbered images): the anchors are the last views of the window before.
* `Order.UNORDERED` (photos in any order): the anchors are the first views of the first window, which were chosen spread
  over the whole clip (`mda.io.clips.spread_out`), so that nothing drifts.

Pictures of different things (`Order.INDEPENDENT`) have no anchors; a window is then just a batch.

Only one window and its anchors are held at a time.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice, pairwise
from pathlib import Path
from typing import Generic, TypeVar

import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, Similarity
from mda.io.clips import ClipView
from mda.mixtures import LOG_OFFSET, DepthMixture, Space
from mda.shapes import Float, Tensor

DEFAULT_MAX_VIEWS = 16
"""Views that are looked at together unless asked otherwise."""
# Share of a window that is seen again in the next.
_OVERLAP = 4

_View = TypeVar("_View")


class Order(StrEnum):
    """What the order of the views of a clip says."""

    SEQUENCE = "sequence"
    """Neighbours in the clip are neighbours in space."""
    UNORDERED = "unordered"
    """Nothing."""
    INDEPENDENT = "independent"
    """They are pictures of different things, each of which is looked at alone."""


@dataclass(frozen=True, kw_only=True)
class Window(Generic[_View]):
    """Views that are looked at together.

    Attributes:
        start: number of the first new view; the new ones are numbered from there in the order they come.
        anchors: views that were seen before, with their numbers.
        new: the others.
    """

    start: int
    anchors: tuple[tuple[int, _View], ...]
    new: tuple[_View, ...]

    @property
    def numbered(self) -> tuple[tuple[int, _View], ...]:
        """All of them with their numbers, anchors first."""
        return (*self.anchors, *enumerate(self.new, self.start))

    @property
    def views(self) -> tuple[_View, ...]:
        """All of them, anchors first."""
        return tuple(view for _, view in self.numbered)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a network says about some views of a clip.

    Attributes:
        mixture: batch shape [v, h, w].
        sky_log_odds: [v, h, w], or None.
        cameras: batch shape [v].
    """

    mixture: DepthMixture
    sky_log_odds: Float[Tensor, "v h w"] | None
    cameras: Cameras

    def __getitem__(self, index: slice) -> "Look":
        """Some of the views."""
        sky = None if self.sky_log_odds is None else self.sky_log_odds[index]
        return Look(mixture=self.mixture[index], sky_log_odds=sky, cameras=self.cameras[index])

    @classmethod
    def joined(cls, looks: Sequence["Look"]) -> "Look":
        """Of some views and of others, as one."""
        skies = [look.sky_log_odds for look in looks if look.sky_log_odds is not None]
        return cls(
            mixture=DepthMixture.joined([look.mixture for look in looks]),
            sky_log_odds=torch.cat(skies) if skies else None,
            cameras=Cameras.joined([look.cameras for look in looks]),
        )

    def moved(self, similarity: Similarity) -> "Look":
        """The same in another world."""
        mixture = scaled_mixture(self.mixture, similarity.scale)
        return replace(self, mixture=mixture, cameras=similarity.apply_to(self.cameras))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a clip is divided into windows.

    Attributes:
        max_views: views of a window.
        overlap: how many of them were seen before; a quarter of the window by default.
        order: which of those seen before.

    Raises:
        ConfigError: no room is left for new views, or for anchors.
    """

    max_views: int = DEFAULT_MAX_VIEWS
    overlap: int | None = None
    order: Order = Order.SEQUENCE

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.max_views < 2:
            message = f"At least 2 views must be looked at together, found {self.max_views} (--max-views)."
            raise ConfigError(message)
        if self.order is not Order.INDEPENDENT and not 1 <= self.anchors < self.max_views:
            message = (
                f"Windows of {self.max_views} views can share 1 to {self.max_views - 1} of them, "
                f"found {self.anchors} (--overlap)."
            )
            raise ConfigError(message)

    @property
    def anchors(self) -> int:
        """Number of anchors of a window."""
        if self.order is Order.INDEPENDENT:
            return 0
        return max(1, self.max_views // _OVERLAP) if self.overlap is None else self.overlap

    @property
    def spread(self) -> int:
        """How many views, spread over the clip, have to be read before the others."""
        return self.anchors if self.order is Order.UNORDERED else 0

    def split(self, views: Iterable[_View]) -> Iterator[Window[_View]]:
        """Windows over the views, which come in the order they are to be looked at; only one window is held."""
        remaining = iter(views)
        start, anchors = 0, ()
        while new := tuple(islice(remaining, self.max_views - len(anchors))):
            window = Window(start=start, anchors=anchors, new=new)
            yield window
            start, anchors = start + len(new), window.numbered[self.kept]

    def numbers(self, views: Iterable[tuple[int, ClipView]]) -> tuple[int, ...]:
        """Numbers of views in the clip, from the numbers by which they were looked at.

        Views of a sequence are counted as they come; those that are looked at out of order keep their places.
        """
        return tuple(view.number if self.order is Order.UNORDERED else number for number, view in views)

    @property
    def kept(self) -> slice:
        """Which of the views of a window, anchors first, are the anchors of the next."""
        return slice(-self.anchors, None) if self.order is Order.SEQUENCE else slice(self.anchors)


def plan_for(
    images: Sequence[Path] | None, *, max_views: int, overlap: int | None = None, order: Order | str | None = None
) -> Plan:
    """The plan for a clip.

    Args:
        images: of the clip; None for a video.
        max_views: views of a window.
        overlap: anchors of a window; a quarter of it where None.
        order: what the order of the images says. By default that of a video or of a clip that fits one window is a
            sequence, that of images is told from their names (`order_of_images`).

    Raises:
        ConfigError: there is no such order, or the numbers leave no room.
    """
    if order is None:
        sequence = images is None or len(images) <= max_views
        order = Order.SEQUENCE if sequence else order_of_images(images or ())
    try:
        chosen = Order(order)
    except ValueError as error:
        message = f"There is no order {str(order)!r}; choose one of {', '.join(Order)}."
        raise ConfigError(message) from error
    return Plan(max_views=max_views, overlap=overlap, order=chosen)


def order_of_images(images: Sequence[Path]) -> Order:
    """Whether images are the frames of a sequence: all names alike but for one number, which never leaves gaps."""
    parts = [re.fullmatch(r"(.*?)(\d+)(\D*)", path.name) for path in images]
    frames = [(part[1], part[3], int(part[2])) for part in parts if part is not None]
    if len(frames) < len(images) or len({frame[:2] for frame in frames}) > 1:
        return Order.UNORDERED
    numbers = sorted(frame[2] for frame in frames)
    steps = {after - before for before, after in pairwise(numbers)}
    return Order.SEQUENCE if len(steps) <= 1 else Order.UNORDERED


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
