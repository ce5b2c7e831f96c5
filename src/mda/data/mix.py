"""A weighted mix of data sets as batches for training, without any framework: settings, and loaders made of them."""

import functools
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from mda.data.batches import Batch, collate
from mda.data.clips import Augmentation, ClipSource, ViewClip, held_out_scenes
from mda.data.contract import open_source
from mda.data.packed import PackedLayout
from mda.data.places import as_place, joined
from mda.data.plan import BatchRequest, BatchRule, EndlessPlan
from mda.data.sources import find_source
from mda.data.workers import leave_signals_to_the_main_process
from mda.errors import ConfigError
from mda.shapes import Int, ndarray

_LOGGER = logging.getLogger(__name__)

# Streams of random numbers: which start a draw is, what is drawn within a clip, and validation.
_START_STREAM, _CLIP_STREAM, _VALIDATION_STREAM = 12, 13, 14
# Orders that are kept: those of all data sets, in the epoch that ends and the one that begins.
_ORDERS = 32


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """Which data sets to train on, and how.

    Attributes:
        root: folder that holds the data sets, or the URL of one on another machine.
        sources: clips per epoch, by name of the data set (`mda data list`); zero leaves one out.
        folders: where a data set lies, below `root`, absolute or a URL, by name; the published folder where not said.
            It may be a folder of the data set's files or of tar archives of them.
        splits: part of a data set to use, by name; all parts where not said.
        min_views, num_views: fewest and most views of a clip.
        sizes: (height, width); one is drawn per batch, those of the first half twice as often (published).
        max_images: views of a batch in all, on each device.
        clips_per_batch: clips of a batch; 0 for as many as `max_images` allows.
        augmentation: what is changed at random.
        seed: of the order and of all draws.
        workers: processes that read ahead.
        held_out: share of the places of each data set, or of its pictures where they are unrelated, that are kept for
            validation (at least one where a data set has several).
        validation_clips, validation_views, validation_size: held-out clips, evenly from all data sets.
    """

    root: Path | str
    sources: Mapping[str, int]
    folders: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    min_views: int = 4
    num_views: int = 16
    sizes: tuple[tuple[int, int], ...] = ((378, 504),)
    max_images: int = 72
    clips_per_batch: int = 0
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(zoom=16, shuffle=0.25))
    seed: int = 420
    workers: int = 4
    held_out: float = 0.02
    validation_clips: int = 16
    validation_views: int = 4
    validation_size: tuple[int, int] = (378, 504)


class Mix:
    """Opened data sets: clips by number for training, and held-out clips. Picklable, without open files.

    Raises:
        ConfigError: no data set is asked for, or one that does not exist.
        InputError: a data set is not where it should be, or its scenes are too short.
    """

    def __init__(self, config: MixConfig) -> None:
        draws = {name: count for name, count in config.sources.items() if count > 0}
        if not draws:
            message = "The mix holds no data set; name at least one with the number of clips per epoch."
            raise ConfigError(message)
        self.config = config
        self.training: dict[str, ClipSource] = {}
        self.held_out: dict[str, ClipSource] = {}
        for name in draws:
            info = find_source(name)
            folder = joined(as_place(config.root), config.folders.get(name, info.folder))
            part = config.splits.get(name)
            if part is None and info.splits:
                parts = ", ".join(info.splits)
                _LOGGER.warning("%s: no part is chosen, so all are trained on: those there are of %s", name, parts)
            source = open_source(info, folder, split=part, more=(PackedLayout(),))
            train, validation = held_out_scenes(source, config.held_out)
            self.training[name] = ClipSource(
                source, most_views=config.num_views, augmentation=config.augmentation, scenes=train
            )
            if any(info.sampling.starts(len(scene.frames), config.validation_views) for scene in validation):
                self.held_out[name] = ClipSource(source, most_views=config.validation_views, scenes=validation)
            _LOGGER.info(
                "%s: %d scenes to train on, %d held out, %d frames left out for missing files",
                name, len(train), len(validation), len(source.missing),
            )  # fmt: skip
        self._ends = np.cumsum(list(draws.values()))
        self.rule = BatchRule(
            clips=int(self._ends[-1]),
            views=(config.min_views, config.num_views),
            sizes=tuple((height, width) for height, width in config.sizes),
            max_images=config.max_images,
            clips_per_batch=config.clips_per_batch,
            seed=config.seed,
        )

    def clip(self, number: int, *, epoch: int, views: int, image_hw: tuple[int, int]) -> ViewClip:
        """The clip of that number in an epoch, 0..`rule.clips` - 1; it does not depend on anything else.

        A data set with fewer starts than draws gives all of them once before it gives one again.

        Raises:
            InputError: the data set is too broken.
            RemoteError: another machine does not give its files.
        """
        which = int(np.searchsorted(self._ends, number, side="right"))
        name = list(self.training)[which]
        source = self.training[name]
        draw = number - int(self._ends[which - 1] if which else 0)
        draws = int(self._ends[which] - (self._ends[which - 1] if which else 0))
        order = _order((self.config.seed, epoch, _START_STREAM, which), len(source), draws)
        rng = np.random.default_rng([self.config.seed, epoch, _CLIP_STREAM, number])
        return source.clip(int(order[draw % len(order)]), views=views, image_hw=image_hw, rng=rng)

    def batch(self, request: BatchRequest) -> Batch:
        """The batch of a request.

        Raises:
            InputError: a data set is too broken.
            RemoteError: another machine does not give its files.
        """
        made = [
            self.clip(number, epoch=request.epoch, views=request.views, image_hw=request.image_hw)
            for number in request.clips
        ]
        return collate(made)

    def validation_clip(self, number: int) -> ViewClip:
        """A held-out clip, always the same.

        Raises:
            ConfigError: no data set has scenes to hold out.
            InputError: the data set is too broken.
            RemoteError: another machine does not give its files.
        """
        if not self.held_out:
            message = "No data set of the mix has a second place to hold out; set validation_clips to 0."
            raise ConfigError(message)
        source = list(self.held_out.values())[number % len(self.held_out)]
        rng = np.random.default_rng([self.config.seed, _VALIDATION_STREAM, number])
        start = int(rng.integers(len(source)))
        return source.clip(start, views=self.config.validation_views, image_hw=self.config.validation_size, rng=rng)


@functools.lru_cache(maxsize=_ORDERS)
def _order(seed: tuple[int, ...], starts: int, draws: int) -> Int[ndarray, "n"]:
    """Starts of a data set in the order of an epoch, no more than are drawn. Not to be written to."""
    return np.random.default_rng(seed).permutation(starts)[:draws].astype(np.int32)


class _Requested(Dataset[Batch]):
    """Batches by request: what a loader process works on."""

    def __init__(self, mix: Mix) -> None:
        self.mix = mix

    def __getitem__(self, request: BatchRequest) -> Batch:
        return self.mix.batch(request)


class _Order(Sampler[BatchRequest]):
    """Requests in order; the loader hands them out to its processes and gives their batches back in the same order."""

    def __init__(self, plan: EndlessPlan) -> None:
        self.plan = plan

    def __iter__(self) -> Iterator[BatchRequest]:
        return iter(self.plan)


class _HeldOut(IterableDataset[Batch]):
    """Held-out clips, one per batch; ranks and loader processes take turns."""

    def __init__(self, mix: Mix, *, rank: int, world_size: int) -> None:
        self.mix, self.rank, self.world_size = mix, rank, world_size

    def __len__(self) -> int:
        # Equally many for each rank, so that none waits for the others; the last ones begin again at the first.
        return math.ceil(self.mix.config.validation_clips / self.world_size)

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        for position in range(first, len(self), step):
            number = (position * self.world_size + self.rank) % self.mix.config.validation_clips
            yield collate([self.mix.validation_clip(number)])


def training_loader(mix: Mix, *, first_batch: int = 0, rank: int = 0, world_size: int = 1) -> DataLoader:
    """Endless batches of one rank, epoch after epoch.

    A batch follows from the seed and its number alone. So a run resumes exactly, in the middle of an epoch and with
    another number of loader processes, by giving the number of batches it has used up.

    Args:
        mix: the opened data sets.
        first_batch: micro-batches that this rank has used up before (steps x accumulated batches).
        rank: which process; each gets other clips, together they get all.
        world_size: how many processes.
    """
    plan = EndlessPlan(mix.rule, first_batch=first_batch, rank=rank, world_size=world_size)
    return DataLoader(
        _Requested(mix),
        sampler=_Order(plan),
        batch_size=None,
        num_workers=mix.config.workers,
        worker_init_fn=leave_signals_to_the_main_process,
    )


def validation_loader(mix: Mix, *, rank: int = 0, world_size: int = 1) -> DataLoader:
    """The held-out clips of one rank, one per batch, always the same."""
    return DataLoader(_HeldOut(mix, rank=rank, world_size=world_size), batch_size=None)
