"""How fast a run goes and how much memory it takes, for the logs."""

import resource
import sys
from time import perf_counter
from typing import Any

import lightning
import torch

from mda.data.batches import Batch


class Speed(lightning.Callback):
    """Logs views and steps per second, share of time spent waiting for data, and peak memory, every `log_every` steps.

    Views are those of one process; memory is in GiB, of the GPU where there is one.
    """

    def __init__(self, log_every: int) -> None:
        self.log_every = log_every
        self._views, self._waited = 0, 0.0
        self._begun = self._ended = perf_counter()
        self._first_step = 0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Start the clock."""
        self._restart(trainer.global_step)

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,  # noqa: ARG002
        batch: Batch,
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """A batch has come."""
        self._waited += perf_counter() - self._ended
        self._views += batch.images.shape[0] * batch.images.shape[1]

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: Any,  # noqa: ANN401, ARG002
        batch: Batch,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Log after every `log_every`-th step."""
        self._ended = perf_counter()
        steps = trainer.global_step - self._first_step
        if steps < self.log_every:
            return
        seconds = max(self._ended - self._begun, 1e-9)
        pl_module.log_dict(
            {
                "speed/views_per_second": self._views / seconds,
                "speed/steps_per_second": steps / seconds,
                "speed/share_waiting_for_data": self._waited / seconds,
                "speed/peak_memory_gib": peak_memory() / 2**30,
            },
            batch_size=1,
        )
        self._restart(trainer.global_step)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """The time of a validation does not count."""
        self._restart(trainer.global_step)

    def _restart(self, step: int) -> None:
        self._views, self._waited, self._first_step = 0, 0.0, step
        self._begun = self._ended = perf_counter()


def peak_memory() -> int:
    """Most bytes that this process has used: of the GPU where there is one, else of main memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
