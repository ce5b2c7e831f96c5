"""How the views of a clip are drawn from the frames of a scene (rules and values of the published pipeline)."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

# A scene that ends soon after the start gives frames more than once: in a cycle, at random, or at random and sorted.
_CYCLE, _RANDOM = 0.5, 0.4


class Walk(Enum):
    """Which frames follow each other in a clip."""

    RANDOM_STEPS = "random_steps"
    """From a start on with random steps, in order of time or shuffled (the rule of most sources)."""
    EVEN_STEPS = "even_steps"
    """In order of time with one step for the whole clip, drawn from those that fit into the scene."""
    UNRELATED = "unrelated"
    """Pictures that have nothing to do with each other."""


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

    def starts(self, frames: int, views: int) -> int:
        """From how many of the frames of a scene a clip of up to `views` views may start: the first so many.

        A clip needs a third of its views, at least three, as different frames (or all, if it has fewer).
        """
        if self.walk is Walk.UNRELATED:
            return frames
        return max(0, frames - min(views, max(views // 3, 3)) + 1)

    def draw(self, views: int, *, start: int, frames: int, rng: np.random.Generator) -> list[int]:
        """Positions of the views of a clip among the frames of a scene; a frame comes twice only if there are too few.

        Args:
            views: how many.
            start: where to start, 0..frames - 1.
            frames: of the scene.
            rng: decides.
        """
        if self.walk is Walk.UNRELATED:
            others = rng.permutation(np.delete(np.arange(frames), start))
            return [start, *others.tolist(), *rng.integers(frames, size=max(0, views - frames)).tolist()][:views]
        if views == 1:
            return [start]
        if self.walk is Walk.EVEN_STEPS:
            return self._even(views, start=start, frames=frames, rng=rng)
        left = frames - 1 - start
        if left < views - 1:
            return self._short(views, start=start, left=left, frames=frames, rng=rng)
        return self._walk(views, start=start, left=left, frames=frames, rng=rng)

    def _even(self, views: int, *, start: int, frames: int, rng: np.random.Generator) -> list[int]:
        """One step for all; the start moves back as far as the clip needs, and the step shrinks if that does not do."""
        longest = (frames - 1) // (views - 1)
        if longest < 1:
            return [i % frames for i in range(views)]
        low = min(self.steps[0], longest)
        step = int(rng.integers(low, min(self.steps[1], longest) + 1))
        first = min(start, frames - 1 - step * (views - 1))
        return [first + step * i for i in range(views)]

    def _walk(self, views: int, *, start: int, left: int, frames: int, rng: np.random.Generator) -> list[int]:
        """Steps drawn one by one, or one for all; what falls off the end is replaced by frames not yet taken."""
        if left == views - 1:
            return list(range(start, start + views))
        longest = min(self.steps[1], 2 * left // (views - 1))
        steps = rng.integers(min(self.steps[0], longest), longest + 1, size=views - 1)
        video = rng.random() < self.video
        if video and rng.random() < self.even:
            steps[:] = rng.integers(1, min(left // (views - 1), longest) + 1)
        positions = start + np.concatenate([[0], np.cumsum(steps)])
        kept = positions[positions < frames].tolist()
        if lacking := views - len(kept):
            unused = np.setdiff1d(np.arange(start, frames), kept)
            kept += rng.choice(unused, size=lacking, replace=False).tolist()
        return sorted(kept) if video else self._shuffled(kept, rng)

    def _shuffled(self, positions: list[int], rng: np.random.Generator) -> list[int]:
        block = self.block or len(positions)
        parts = [positions[i : i + block] for i in range(0, len(positions), block)]
        return [position for part in parts for position in rng.permutation(part).tolist()]

    def _short(self, views: int, *, start: int, left: int, frames: int, rng: np.random.Generator) -> list[int]:
        """Fewer frames than views are left: the few there are, some more than once."""
        count = max(1, min(left, views - 1))
        first = int(rng.integers(0, start + 1))
        room = frames - 1 - first
        count = min(count, room + 1)
        longest = max(1, min(self.steps[1], room // max(1, count - 1)))
        steps = rng.integers(1, longest + 1, size=count - 1)
        video = rng.random() < self.video
        if video and rng.random() < self.even:
            steps[:] = rng.integers(1, longest + 1)
        few = first + np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
        how = rng.random()
        if how < _CYCLE or self.video == 1.0:
            order = few if video else rng.permutation(few)
            return np.resize(order, views).tolist()
        drawn = rng.choice(few, size=views)
        return (drawn if how < _CYCLE + _RANDOM else np.sort(drawn)).tolist()
