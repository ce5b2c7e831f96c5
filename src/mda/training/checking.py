"""Which values settings may have, and which of them go together: wrong ones are told before anything is computed."""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import torch

from mda.errors import ConfigError
from mda.losses import LossWeights
from mda.training.config import LoraSettings, LossSettings, NetworkConfig, OptimiserConfig, TrainConfig, TrainerConfig
from mda.training.data_config import DataConfig, ProceduralDataConfig, SourcesConfig
from mda.training.procedural_data import VALIDATION_SEED
from mda.training.validation import HIGH_IS_GOOD, metric_names

_ACCELERATORS = ("auto", "cpu", "gpu", "mps")
_STRATEGIES = ("auto", "ddp", "fsdp")
_LOGGERS = ("csv", "tensorboard", "wandb")


@dataclass(frozen=True, kw_only=True)
class _Range:
    """Finite numbers from `low` to `high`, without the ends themselves where these are `open`."""

    low: int | float = 0
    high: int | float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: int | float) -> bool:  # noqa: PYI041 - the type checker of the tests tells them apart
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return math.isfinite(value) and above and below

    def __str__(self) -> str:
        low = f"{'more than' if self.open_low else 'at least'} {self.low}"
        if math.isinf(self.high):
            return f"a number of {low}"
        return f"a number of {low} and {'less than' if self.open_high else 'at most'} {self.high}"


_NOT_NEGATIVE, _COUNT, _POSITIVE = _Range(), _Range(low=1), _Range(open_low=True)
_SHARE, _BELOW_ONE = _Range(high=1), _Range(high=1, open_high=True)
# What numpy, torch and Lightning all take.
_SEED = _Range(high=2**32 - 1)

# By record; a record has the ranges of the kinds it is derived from, too. Lists and dictionaries: of each number.
_RANGES: dict[type, dict[str, _Range]] = {
    TrainConfig: {
        "steps": _COUNT,
        "accumulate": _COUNT,
        "ema_decay": _BELOW_ONE,
        "validate_every": _NOT_NEGATIVE,
        "checkpoint_every": _COUNT,
        "log_every": _COUNT,
        "seed": _SEED,
    },
    NetworkConfig: {"tell_cameras": _SHARE, "scaled_cameras": _SHARE},
    LoraSettings: {"rank": _NOT_NEGATIVE, "alpha": _NOT_NEGATIVE, "dropout": _BELOW_ONE},
    OptimiserConfig: {
        "rate": _POSITIVE,
        "final_rate": _NOT_NEGATIVE,
        "warmup_rate": _NOT_NEGATIVE,
        "warmup_steps": _NOT_NEGATIVE,
        "decay_steps": _NOT_NEGATIVE,
        "betas": _BELOW_ONE,
        "weight_decay": _NOT_NEGATIVE,
        "clip": _NOT_NEGATIVE,
        "trunk_factor": _NOT_NEGATIVE,
        "factors": _NOT_NEGATIVE,
        "layer_decay": _Range(open_low=True, high=1),
    },
    LossSettings: {term.name: _NOT_NEGATIVE for term in fields(LossWeights)},
    TrainerConfig: {"devices": _COUNT, "nodes": _COUNT, "threads": _NOT_NEGATIVE, "timeout_minutes": _POSITIVE},
    DataConfig: {
        "num_views": _COUNT,
        "min_views": _COUNT,
        "workers": _NOT_NEGATIVE,
        "validation_clips": _NOT_NEGATIVE,
        "validation_views": _COUNT,
        "validation_size": _COUNT,
    },
    ProceduralDataConfig: {
        "sizes": _COUNT,
        "views_per_batch": _COUNT,
        "seed": _NOT_NEGATIVE,
        "blur": _SHARE,
        # Contrast may change by twice as much, and must not turn round.
        "colour": _Range(high=0.5),
        "glass": _NOT_NEGATIVE,
        "scenes": _NOT_NEGATIVE,
    },
    SourcesConfig: {
        "sources": _NOT_NEGATIVE,
        "sizes": _COUNT,
        "max_images": _COUNT,
        "clips_per_batch": _NOT_NEGATIVE,
        "zoom": _NOT_NEGATIVE,
        "shuffle": _SHARE,
        "colour": _Range(high=0.5),
        "blur": _SHARE,
        "held_out": _BELOW_ONE,
        "seed": _SEED,
    },
}


def checked(config: TrainConfig) -> TrainConfig:
    """The settings as they are, if a run can have them.

    Raises:
        ConfigError: a number is out of its range, a name is not known, or settings contradict each other.
    """
    records = {
        "": config,
        "network.": config.network,
        "network.lora.": config.network.lora,
        "data.": config.data,
        "optimiser.": config.optimiser,
        "loss.": config.loss,
        "trainer.": config.trainer,
    }
    for prefix, record in records.items():
        for kind in type(record).__mro__:
            for name, allowed in _RANGES.get(kind, {}).items():
                _check_numbers(f"{prefix}{name}", getattr(record, name), allowed)
    _check_data(config)
    if len(config.optimiser.betas) != 2:
        message = f"optimiser.betas is {config.optimiser.betas}; expected two numbers, as in [0.9, 0.95]."
        raise ConfigError(message)
    _check_name("trainer.accelerator", config.trainer.accelerator, _ACCELERATORS)
    _check_name("trainer.strategy", config.trainer.strategy, _STRATEGIES)
    for kind in config.logger.kinds:
        _check_name("logger.kinds", kind, _LOGGERS)
    _check_metric(config.best_by)
    return config


def check_machine(trainer: TrainerConfig) -> None:
    """Whether this machine has what is asked for.

    Raises:
        ConfigError: it has no accelerator of that kind, or not so many.
    """
    cards, apple = torch.cuda.device_count(), torch.backends.mps.is_available()
    there = {"gpu": cards or int(apple), "mps": int(apple)}.get(trainer.accelerator)
    if there is not None and there < trainer.devices:
        message = (
            f"trainer.accelerator={trainer.accelerator} with trainer.devices={trainer.devices}: torch finds {there} of "
            "them on this machine. Ask for fewer, or set trainer.accelerator to auto or cpu."
        )
        raise ConfigError(message)


def _check_data(config: TrainConfig) -> None:
    """What the settings of data have in common beyond the ranges of each."""
    data = config.data
    if not isinstance(data, ProceduralDataConfig | SourcesConfig):
        message = f"data is {type(data).__name__}; choose data=procedural or data=sources."
        raise ConfigError(message)
    if not data.sizes:
        message = "data.sizes is empty; expected at least one [height, width]."
        raise ConfigError(message)
    for name, size in (*(("sizes", size) for size in data.sizes), ("validation_size", data.validation_size)):
        if len(size) != 2:
            message = f"data.{name}: {size} is no size; expected [height, width]."
            raise ConfigError(message)
    if data.min_views > data.num_views:
        message = f"data.min_views={data.min_views} is more than data.num_views={data.num_views}; make it smaller."
        raise ConfigError(message)
    if isinstance(data, SourcesConfig) and data.clips_per_batch * data.num_views > data.max_images:
        message = (
            f"data.clips_per_batch={data.clips_per_batch} of up to data.num_views={data.num_views} views are more than "
            f"data.max_images={data.max_images}. Ask for fewer clips, and for more micro-batches with accumulate."
        )
        raise ConfigError(message)
    if config.validate_every > 0 and data.validation_clips < 1:
        message = "data.validation_clips is 0, so there is nothing to validate on; raise it or set validate_every=0."
        raise ConfigError(message)
    lowest = VALIDATION_SEED + data.validation_clips
    if isinstance(data, ProceduralDataConfig) and data.seed < lowest:
        message = f"data.seed is {data.seed}; expected at least {lowest}: the seeds below are those of held-out clips."
        raise ConfigError(message)


def _check_numbers(name: str, value: object, allowed: _Range) -> None:
    """Each number within a value, which may be a list or a dictionary of them."""
    for where, number in _numbers(value):
        if number not in allowed:
            message = f"{name}{where} is {number}; expected {allowed}."
            raise ConfigError(message)


def _numbers(value: object) -> Iterator[tuple[str, int | float]]:
    """The numbers within a value, each with its place."""
    if isinstance(value, int | float):
        yield "", value
    elif isinstance(value, Mapping):
        yield from ((f".{key}{where}", number) for key, part in value.items() for where, number in _numbers(part))
    elif isinstance(value, Sequence):
        yield from ((f"[{i}]{where}", number) for i, part in enumerate(value) for where, number in _numbers(part))


def _check_metric(name: str) -> None:
    """The metric of `best_by`; there are too many to list all."""
    # The lowest value is the best.
    known = [f"val/{metric}" for metric in metric_names() if not metric.endswith(HIGH_IS_GOOD)]
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        message = (
            f"best_by: there is no metric {name!r} of validation. Expected val/loss, val/loss/TERM, val/METRIC or "
            f"val/DECODER/METRIC, such as {', '.join(close or ['val/loss', 'val/abs_rel_scale_aligned'])}."
        )
        raise ConfigError(message)


def _check_name(setting: str, name: str, known: Iterable[str]) -> None:
    if name not in (known := list(known)):
        message = f"{setting}: {name!r} is not known; expected one of {', '.join(known)}."
        raise ConfigError(message)
