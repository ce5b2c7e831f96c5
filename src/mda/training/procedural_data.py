"""Batches of procedural scenes, a function of the seed and the step: a resumed run sees what it would have seen."""

import math
from collections.abc import Iterator
from typing import Any

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from mda.data.batches import Batch, collate
from mda.data.degrade import adjust_colour, degrade
from mda.data.workers import leave_signals_to_the_main_process
from mda.synthetic import RenderOptions, render_clip
from mda.training.data_config import ProceduralDataConfig

# Validation scenes come from the seeds below this, training scenes from those of the configuration, above it.
VALIDATION_SEED = 1_000_000


class TrainingBatches(IterableDataset[Batch]):
    """Endless batches from a first step on; workers and ranks take turns."""

    def __init__(self, config: ProceduralDataConfig, *, first_step: int, rank: int = 0, world_size: int = 1) -> None:
        self.config = config
        self.first_step = first_step
        self.rank, self.world_size = rank, world_size

    def __iter__(self) -> Iterator[Batch]:
        """Batches of this worker, in order."""
        worker = torch.utils.data.get_worker_info()
        index, count = (0, 1) if worker is None else (worker.id, worker.num_workers)
        step = self.first_step + index
        while True:
            yield training_batch(self.config, step * self.world_size + self.rank)
            step += count


def training_batch(config: ProceduralDataConfig, index: int) -> Batch:
    """The batch of the given number: size, number of views, scenes and image effects all follow from (seed, number)."""
    rng = np.random.default_rng([config.seed, index])
    height, width = config.sizes[rng.integers(len(config.sizes))]
    views = int(rng.integers(config.min_views, config.num_views + 1))
    count = max(1, config.views_per_batch // views)
    first = index * config.views_per_batch
    options = RenderOptions(photographs=config.photographs, glass=config.glass)
    seeds = [first + i if config.scenes == 0 else (first + i) % config.scenes for i in range(count)]
    clips = [render_clip(config.seed + seed, views=views, image_hw=(height, width), options=options) for seed in seeds]
    batch = collate(clips)
    for images in batch.images:
        if rng.random() < config.blur:
            images.copy_(degrade(images, int(rng.choice([2, 4, 8]))))
        images.copy_(adjust_colour(images, rng, strength=config.colour))
    return batch


class ValidationClips(Dataset[Batch]):
    """Held-out clips, one per batch; each is rendered once and kept.

    With several processes each has every `world_size`-th; the last ones begin again at the first, so that all have
    equally many (a clip that two have seen counts once, see `ClipTallies`).
    """

    def __init__(self, config: ProceduralDataConfig, *, rank: int = 0, world_size: int = 1) -> None:
        self.config = config
        self.rank, self.world_size = rank, world_size
        self._kept: dict[int, Batch] = {}

    def __len__(self) -> int:
        """Number of clips of this process."""
        return math.ceil(self.config.validation_clips / self.world_size)

    def __getitem__(self, index: int) -> Batch:
        """The clip of the given number, alone in its batch."""
        if index >= len(self):
            raise IndexError(index)
        config = self.config
        number = (index * self.world_size + self.rank) % config.validation_clips
        if number not in self._kept:
            height, width = config.validation_size
            seed = VALIDATION_SEED + number
            self._kept[number] = collate(
                [
                    render_clip(
                        seed,
                        views=config.validation_views,
                        image_hw=(height, width),
                        options=RenderOptions(glass=config.glass),
                    )
                ]
            )
        return self._kept[number]


class ProceduralData(lightning.LightningDataModule):
    """Procedural scenes as Lightning asks for them."""

    def __init__(self, config: ProceduralDataConfig) -> None:
        super().__init__()
        self.config = config

    def train_dataloader(self) -> DataLoader:
        """Endless batches, beginning at the step that the trainer has reached."""
        trainer = self.trainer
        first, rank, world = (0, 0, 1)
        if trainer is not None:
            first = trainer.global_step * trainer.accumulate_grad_batches
            rank, world = trainer.global_rank, trainer.world_size
        batches = TrainingBatches(self.config, first_step=first, rank=rank, world_size=world)
        return DataLoader(
            batches,
            batch_size=None,
            num_workers=self.config.workers,
            worker_init_fn=leave_signals_to_the_main_process,
        )

    def val_dataloader(self) -> DataLoader:
        """Held-out clips."""
        rank, world = (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(ValidationClips(self.config, rank=rank, world_size=world), batch_size=None)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Any:  # noqa: ANN401, ARG002 - Lightning's signature
        """Move a batch, a frozen record that Lightning cannot take apart."""
        return batch.to(device)
