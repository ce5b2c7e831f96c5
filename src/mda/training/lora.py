"""Low-rank adapters (Hu et al. 2022) through the package `peft`."""

import re
from collections.abc import Mapping

import torch
from torch import nn

from mda.errors import ConfigError
from mda.models import DepthNetwork
from mda.optional import require
from mda.shapes import Tensor
from mda.training.config import LoraSettings
from mda.training.groups import members

_NAME = "mda"
# What peft puts into names of parameters, and what it adds.
_BASE, _ADDED = ".base_layer", re.compile(r"\.lora_[AB]\.")


def add_adapters(network: DepthNetwork, settings: LoraSettings) -> list[str]:
    """Put adapters beside the linear layers of the groups, changed in place; returns the layers' names.

    Of the layers only the adapters learn afterwards; what else learns stays as it is.

    Raises:
        ConfigError: there are no linear layers in these groups.
        MissingExtraError: `peft` is not installed.
    """
    peft = require("peft", "train")
    inside = {name.rpartition(".")[0] for group in settings.within for name in members(network, group)}
    layers = [name for name, module in network.named_modules() if isinstance(module, nn.Linear) and name in inside]
    if not layers:
        message = f"network.lora.within: there are no linear layers in {', '.join(settings.within)}."
        raise ConfigError(message)
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    config = peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha or 2 * settings.rank,
        lora_dropout=settings.dropout,
        target_modules=layers,
    )
    peft.inject_adapter_in_model(config, network, adapter_name=_NAME)
    adapted = tuple(f"{layer}." for layer in layers)
    for name, parameter in network.named_parameters():
        own = name in learning and not name.startswith(adapted)
        parameter.requires_grad_(own or _ADDED.search(name) is not None)
    return layers


def merged(state: Mapping[str, Tensor], settings: LoraSettings) -> dict[str, Tensor]:
    """State dict as if there had never been adapters: each weight with its adapter's product added."""
    scale = (settings.alpha or 2 * settings.rank) / max(settings.rank, 1)
    result = {name.replace(_BASE, ""): tensor for name, tensor in state.items() if not _ADDED.search(name)}
    for name, lower in state.items():
        if f".lora_A.{_NAME}." in name:
            upper = state[name.replace(".lora_A.", ".lora_B.")]
            weight = name.partition(".lora_A.")[0] + ".weight"
            product = scale * (upper.double() @ lower.double())
            result[weight] = (result[weight].double() + product).to(torch.promote_types(lower.dtype, torch.float32))
    return result
