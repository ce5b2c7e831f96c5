"""Going on with a run: its last checkpoint must be whole, and its settings the same."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mda.errors import CheckpointError, ConfigError
from mda.io.atomic import output_error
from mda.models.checkpoints import read_checkpoint
from mda.shapes import Tensor
from mda.training.composing import CONFIG_FILE, OPEN_SETTINGS, plain_settings
from mda.training.config import TrainConfig

logger = logging.getLogger(__name__)

# Settings that may differ when a run goes on: what it is called, how long it is, where it runs and what is watched;
# what it once started from; and the number of loader processes, which the batches do not depend on.
_FREE = (
    "name", "folder", "steps", "resume", "progress", "logger", "log_every", "checkpoint_every",
    "validate_every", "validate_at_start", "best_by", "optimiser.decay_steps",
    "trainer.accelerator", "trainer.threads", "trainer.compile", "trainer.timeout_minutes",
    "network.weights", "network.plain", "network.single", "network.trunk", "network.recompute",
    "data.workers", "data.root", "data.folders",
    "data.validation_clips", "data.validation_views", "data.validation_size",
)  # fmt: skip

# Changed settings that a message names.
_SHOWN = 5
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """The state that a run goes on from.

    Attributes:
        path: of the checkpoint.
        step: optimiser steps made.
    """

    path: Path
    step: int


def earlier_state(config: TrainConfig, path: Path, folder: Path) -> Earlier | None:
    """The state to go on from, or None where there is none or none is wanted.

    Args:
        config: settings of the run that is about to begin.
        path: of the last checkpoint.
        folder: of the run.

    Raises:
        CheckpointError: the checkpoint is damaged.
        ConfigError: the run was begun with other settings.
    """
    if not config.resume or not path.exists():
        return None
    refuse_other_settings(config, folder)
    step, _ = _read(path)
    logger.info("Going on from step %d (%s).", step, path)
    return Earlier(path=path, step=step)


def network_of(path: Path) -> dict[str, Tensor]:
    """Tensors of the network in a checkpoint of ours by their names in it; the running average where one is kept.

    Raises:
        CheckpointError: the file is damaged, or no checkpoint of a training run.
    """
    _, state = _read(path)
    prefix = "network."
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _read(path: Path) -> tuple[int, Mapping[str, Tensor]]:
    """Steps made, and tensors of the module."""
    try:
        content = read_checkpoint(path)
        return int(content["global_step"]), content["state_dict"]
    except (CheckpointError, KeyError, TypeError, ValueError) as error:
        message = (
            f"A run cannot go on from {path} ({error}). Make it readable, put another checkpoint in its place "
            "(best.ckpt beside it will do, if there is one), or begin anew with resume=false."
        )
        raise CheckpointError(message) from error


@rank_zero_only
def set_aside(paths: Iterable[Path]) -> None:
    """Rename what an earlier run left, `last.ckpt` to `last.old.ckpt`, so that no later one takes it for its own.

    Raises:
        OutputError: a file cannot be renamed.
    """
    for path in paths:
        if path.exists():
            try:
                path.replace(path.with_name(f"{path.stem}.old{path.suffix}"))
            except OSError as error:
                raise output_error(path, error) from error


def refuse_other_settings(config: TrainConfig, folder: Path) -> None:
    """Compare the settings with those the run in the folder was begun with.

    Raises:
        ConfigError: some differ that must not.
    """
    try:
        begun: Any = OmegaConf.to_container(OmegaConf.load(folder / CONFIG_FILE))
    except (OSError, YAMLError, OmegaConfBaseException, UnicodeDecodeError):
        logger.warning("%s cannot be read; nothing is known of earlier settings.", folder / CONFIG_FILE)
        return
    before = dict(_leaves(begun)) if isinstance(begun, Mapping) else {}
    now = dict(_leaves(plain_settings(config)))
    # A setting that only one version of the program knows does not count, but another kind of data does.
    names = [name for name in now if name in before] + sorted(
        name for name in now.keys() ^ before.keys() if name.startswith("data.")
    )
    changed = [
        f"{name} was {before.get(name, 'not there')} and is {now.get(name, 'not there')}"
        for name in names
        if before.get(name, _ABSENT) != now.get(name, _ABSENT) and not _is_free(name)
    ]
    if changed:
        more = f"; and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        message = (
            f"The run in {folder} was begun with other settings: {'; '.join(changed[:_SHOWN])}{more}. Choose another "
            "name= or folder= for a new run, or begin this one anew with resume=false."
        )
        raise ConfigError(message)


def _is_free(name: str) -> bool:
    return any(name == free or name.startswith(f"{free}.") for free in _FREE)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings that are no groups, by their whole name; dictionaries of the user's are one setting each."""
    for name, value in tree.items():
        if isinstance(value, Mapping) and f"{prefix}{name}" not in OPEN_SETTINGS:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
