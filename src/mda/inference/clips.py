"""Whole clips that have been read, to be looked at together with others."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from mda.errors import InputError
from mda.inference.inputs import Inputs, views_of_inputs
from mda.io.clips import ClipView

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ReadClip:
    """A clip whose views have been read.

    Attributes:
        views: of one size.
        skipped: a message for each file that was left out.
    """

    views: tuple[ClipView, ...]
    skipped: tuple[str, ...]

    def fits(self, others: Sequence["ReadClip"], max_views: int) -> bool:
        """Whether it can go through a network with others: of the same size, and not too many with the padding."""
        sizes = {clip.views[0].view.pixels.shape for clip in (self, *others)}
        return len(sizes) == 1 and max(len(clip.views) for clip in (self, *others)) * (len(others) + 1) <= max_views


def read_whole(inputs: Inputs, *, size: int, patch: int, fps: float | None, stride: int, most: int) -> ReadClip | None:
    """The views of a clip, no more than one beyond `most`; None, logged, where nothing can be read."""
    problems: list[str] = []
    views = views_of_inputs(inputs, size=size, patch=patch, fps=fps, stride=stride, problems=problems)
    try:
        return ReadClip(views=tuple(islice(views, most + 1)), skipped=tuple(problems))
    except InputError as error:
        _LOGGER.error("%s This clip is left out.", error)  # noqa: TRY400 - a message for people, not a traceback
        return None
