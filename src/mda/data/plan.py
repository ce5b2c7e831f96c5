"""Which clips make which batch: a function of seed, epoch and number of processes, so that a run can resume anywhere.

An epoch is cut into rounds. In a round every process (rank) gets one batch of the same size of image and number of
views, so that none waits for the others. Ranks share one permutation: their clips are disjoint, and together they are
all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mda.errors import ConfigError
from mda.shapes import Int, ndarray

# So that the order of clips and what is drawn within a clip come from different streams.
_ORDER_STREAM = 11


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """What a loader process needs to know to make a batch.

    Attributes:
        epoch: which one.
        clips: numbers of the clips, 0..draws per epoch - 1.
        views: of each clip.
        image_hw: their size.
    """

    epoch: int
    clips: tuple[int, ...]
    views: int
    image_hw: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class BatchRule:
    """How batches are made up.

    Attributes:
        clips: clips of an epoch.
        views: fewest and most views of a clip; the number is drawn evenly for each round.
        sizes: (height, width); one is drawn for each round, those of the first half twice as often (published).
        max_images: views of a batch in all.
        clips_per_batch: clips of a batch; 0 for as many as `max_images` allows, at least one.
        seed: of the order.
    """

    clips: int
    views: tuple[int, int]
    sizes: tuple[tuple[int, int], ...]
    max_images: int
    clips_per_batch: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no batches.

        Raises:
            ConfigError: no clips, no sizes, or impossible numbers of views.
        """
        low, high = self.views
        if self.clips < 1 or not self.sizes or not 1 <= low <= high or self.max_images < 1 or self.clips_per_batch < 0:
            message = (
                "Batches need at least one clip, one size, 1 <= min_views <= num_views and max_images >= 1; found "
                f"{self.clips} clips, {len(self.sizes)} sizes, views {low} to {high}, max_images {self.max_images}."
            )
            raise ConfigError(message)

    def batch_size(self, views: Int[ndarray, "n"]) -> Int[ndarray, "n"]:
        """Clips of a batch of clips with so many views."""
        if self.clips_per_batch:
            return np.full_like(views, self.clips_per_batch)
        return np.maximum(1, self.max_images // views)


class EpochPlan:
    """All batches of an epoch.

    Every clip is used exactly once, with one exception: if every batch holds a single clip (because `max_images` is
    below twice `min_views`) and the number of clips is no multiple of the ranks, or there are fewer clips than ranks,
    the last round repeats clips of the beginning, because a rank without a batch would stop the others.
    """

    def __init__(self, rule: BatchRule, epoch: int, *, world_size: int = 1) -> None:
        self.rule, self.epoch, self.world_size = rule, epoch, world_size
        rng = np.random.default_rng([rule.seed, epoch, _ORDER_STREAM])
        self._order = rng.permutation(rule.clips)
        count = rule.clips // world_size + 2  # at least one clip in each batch
        views = rng.integers(rule.views[0], rule.views[1] + 1, size=count)
        weights = np.where(np.arange(len(rule.sizes)) < len(rule.sizes) // 2, 2.0, 1.0)
        sizes = rng.choice(len(rule.sizes), size=count, p=weights / weights.sum())
        self._lay_out(views, sizes)

    def _lay_out(self, views: Int[ndarray, "n"], sizes: Int[ndarray, "n"]) -> None:
        """Cut the permutation into rounds; the last ones are made to fit."""
        world, total = self.world_size, self.rule.clips
        lengths = self.rule.batch_size(views) * world
        full = int(np.searchsorted(np.cumsum(lengths), total, side="right"))  # rounds that fit whole
        lengths = lengths[:full].tolist()
        rest = total - sum(lengths)
        if rest:
            lengths.append(rest)
        views, sizes = views[: len(lengths)].copy(), sizes[: len(lengths)]
        if 0 < rest < world:
            # Too few for one clip each: the round before gives some of its own, if batches of two are possible.
            smallest = np.array([self.rule.views[0]])
            if len(lengths) > 1 and self.rule.batch_size(smallest)[0] > 1:
                before = lengths[-2]
                kept = before - world if before >= 2 * world else 0
                lengths[-2:] = [kept, before + rest - kept] if kept else [before + rest]
                views, sizes = views[: len(lengths)], sizes[: len(lengths)]
                if self.rule.batch_size(views[-1:])[0] < -(-lengths[-1] // world):
                    views[-1] = self.rule.views[0]
            else:
                lengths[-1] = world
                self._order = np.concatenate([self._order, np.resize(self._order, world - rest)])
        self._views, self._sizes = views, sizes
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def __len__(self) -> int:
        """Rounds, that is batches of each rank."""
        return len(self._starts) - 1

    def request(self, position: int, rank: int = 0) -> BatchRequest:
        """The batch of a rank in a round."""
        if not 0 <= position < len(self):
            raise IndexError(position)
        clips = self._order[self._starts[position] : self._starts[position + 1]][rank :: self.world_size]
        return BatchRequest(
            epoch=self.epoch,
            clips=tuple(clips.tolist()),
            views=int(self._views[position]),
            image_hw=self.rule.sizes[int(self._sizes[position])],
        )


class EndlessPlan:
    """Batches of one rank over all epochs, from any batch on; nothing but the number of that batch need be kept.

    Attributes:
        rule: how batches are made up.
        first_batch: how many batches of this rank have been used up before.
        rank, world_size: which process of how many.
    """

    def __init__(self, rule: BatchRule, *, first_batch: int = 0, rank: int = 0, world_size: int = 1) -> None:
        if not 0 <= rank < world_size or first_batch < 0:
            message = (
                f"Expected 0 <= rank < world_size and first_batch >= 0; found {rank}, {world_size}, {first_batch}."
            )
            raise ConfigError(message)
        self.rule, self.first_batch, self.rank, self.world_size = rule, first_batch, rank, world_size

    def __iter__(self) -> Iterator[BatchRequest]:
        """Requests from the first batch on, without end."""
        epoch, position = 0, self.first_batch
        while True:
            plan = EpochPlan(self.rule, epoch, world_size=self.world_size)
            if position < len(plan):
                for following in range(position, len(plan)):
                    yield plan.request(following, self.rank)
                position = 0
            else:
                position -= len(plan)
            epoch += 1
