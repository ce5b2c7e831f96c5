"""How the views of a clip are drawn from the frames of a scene."""

from dataclasses import dataclass
from enum import Enum


class Walk(Enum):
    """Which frames follow each other in a clip."""

    RANDOM_STEPS = "random_steps"
    """From a start on with random steps, in order of time or shuffled (the rule of most sources)."""
    EVEN_STEPS = "even_steps"
    """In order of time with one step for the whole clip."""
    UNRELATED = "unrelated"
    """Pictures that have nothing to do with each other; each is a scene of its own."""


@dataclass(frozen=True, kw_only=True)
class ViewSampling:
    """The rule of a source; the values of the sources are those of the published training pipeline.

    Attributes:
        walk: which frames follow each other.
        steps: smallest and largest step between neighbours.
        video: share of clips in order of time; the others are shuffled.
        even: share of those with one step for the whole clip.
        block: clips out of order are shuffled within blocks of this many views; 0 shuffles all.
    """

    walk: Walk = Walk.RANDOM_STEPS
    steps: tuple[int, int] = (1, 16)
    video: float = 1.0
    even: float = 1.0
    block: int = 0
