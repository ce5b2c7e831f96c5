"""Checkpoints of a run: whole files, kept at the right moments, the last one also when a run is told to stop."""

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn

from mda.errors import OutputError
from mda.io.atomic import atomic_file, make_folder
from mda.training.processes import true_everywhere

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# What of torch says that a file cannot be written.
_WRITER = "PytorchStreamWriter"


class Stopped(Exception):  # noqa: N818 - somebody asked for it
    """The run was told to stop and has kept all that it needs to go on."""


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it, so that a kill or a full disk never costs the one before.

    Lightning's own way goes through the system's folder for temporary files, often another disk or memory.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None) -> None:  # noqa: ARG002 - Lightning's signature
        """Write a checkpoint.

        Raises:
            OutputError: it cannot be written; what was there before is untouched.
        """
        path = Path(path)
        make_folder(path.parent)
        try:
            with atomic_file(path) as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
        except RuntimeError as error:
            # torch puts what the system says into a text of its own.
            if _WRITER not in str(error):
                raise
            reason = str(error).splitlines()[0]
            message = f"Cannot write {path}: {reason}. Free some space, then give the same command again."
            raise OutputError(message) from error


class LastCheckpoint(Checkpoint):
    """Keeps the state after every so many steps, at the end, and when the run is interrupted or terminated.

    Where a validation is due at the same step the state is kept after it, so that a resumed run neither misses one nor
    makes it twice. A first SIGINT (Ctrl-C) or SIGTERM ends the run after the step that is being made, with its state
    kept, by `Stopped`; a second one at once.

    Args:
        path: of the checkpoint, overwritten in place.
        every: steps between two.
        validate_every: steps between two validations; 0 for none.
    """

    def __init__(self, path: Path, *, every: int, validate_every: int) -> None:
        self.path = path
        self.every, self.validate_every = every, validate_every
        self._step = 0
        self._asked = False
        self._handlers: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Listen for signals; here, because Lightning puts up its own a little earlier."""
        self._step = trainer.global_step
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._ask) for number in _SIGNALS}

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: object,  # noqa: ARG002
        batch: object,  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """A step may have been made."""
        step = trainer.global_step
        if step == self._step:
            return
        self._step = step
        if not self.validate_every or step % self.validate_every:
            self._pause(trainer, pl_module)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """The validation after a step has been made."""
        if trainer.state.fn is TrainerFn.FITTING:
            self._pause(trainer, pl_module)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Listen no more."""
        self._listen_no_more()

    def on_exception(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002
        pl_module: lightning.LightningModule,  # noqa: ARG002
        exception: BaseException,  # noqa: ARG002
    ) -> None:
        """Listen no more."""
        self._listen_no_more()

    def _pause(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Between two steps: keep the state if it is due, and stop if any process was asked to."""
        step = trainer.global_step
        stop = not true_everywhere(not self._asked, module.device)
        if stop or step % self.every == 0 or step >= trainer.max_steps:
            trainer.save_checkpoint(self.path, weights_only=False)
        if stop:
            message = f"Stopped at step {step} of {trainer.max_steps}; the same command goes on from there."
            raise Stopped(message)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of handlers
        if self._asked:
            self._listen_no_more()
            raise KeyboardInterrupt
        self._asked = True
        logger.warning(
            "%s: stopping after this step, or the validation after it; once more stops at once.",
            signal.Signals(number).name,
        )

    def _listen_no_more(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
