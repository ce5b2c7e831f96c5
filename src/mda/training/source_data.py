"""Data sets as Lightning asks for them."""

from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader

from mda.data.batches import Batch
from mda.data.clips import Augmentation
from mda.data.mix import Mix, MixConfig, training_loader, validation_loader
from mda.data.places import as_place
from mda.training.data_config import SourcesConfig


def mix_config(config: SourcesConfig) -> MixConfig:
    """The settings as `mda.data` takes them."""
    height, width = config.validation_size
    return MixConfig(
        root=as_place(config.root),
        sources=config.sources,
        folders=config.folders,
        splits=config.splits,
        min_views=config.min_views,
        num_views=config.num_views,
        sizes=tuple((size[0], size[1]) for size in config.sizes),
        max_images=config.max_images,
        clips_per_batch=config.clips_per_batch,
        augmentation=Augmentation(zoom=config.zoom, shuffle=config.shuffle, colour=config.colour, blur=config.blur),
        seed=config.seed,
        workers=config.workers,
        held_out=config.held_out,
        validation_clips=config.validation_clips,
        validation_views=config.validation_views,
        validation_size=(height, width),
    )


class SourceData(lightning.LightningDataModule):
    """A weighted mix of data sets; a resumed run goes on with the batch after its last.

    Raises:
        ConfigError: no data set is asked for, or one that does not exist.
        InputError: a data set is not where it should be, or its scenes are too short.
    """

    def __init__(self, config: SourcesConfig) -> None:
        super().__init__()
        self.mix = Mix(mix_config(config))

    def train_dataloader(self) -> DataLoader:
        """Endless batches, beginning at the step that the trainer has reached."""
        trainer = self.trainer
        if trainer is None:
            return training_loader(self.mix)
        used = trainer.global_step * trainer.accumulate_grad_batches
        return training_loader(self.mix, first_batch=used, rank=trainer.global_rank, world_size=trainer.world_size)

    def val_dataloader(self) -> DataLoader:
        """Held-out clips."""
        rank, world = (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)
        return validation_loader(self.mix, rank=rank, world_size=world)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Any:  # noqa: ANN401, ARG002 - Lightning's signature
        """Move a batch, a frozen record that Lightning cannot take apart."""
        return batch.to(device)
