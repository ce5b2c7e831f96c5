"""Groups of parameters by name: what is trained, and how fast."""

import re
from collections.abc import Callable, Iterable, Sequence

from torch import nn

from mda.errors import ConfigError
from mda.models import DepthNetwork
from mda.models.da3 import AnyViewNetwork
from mda.models.mini import MiniNetwork
from mda.models.vggt import VggtNetwork
from mda.training.config import OptimiserConfig

# Beginnings of names of the parameters of each group; `backbone.global` and `backbone.local` are told apart below.
_GROUPS: dict[type[DepthNetwork], dict[str, tuple[str, ...]]] = {
    AnyViewNetwork: {
        "head": ("mixture_head.",),
        "last_layer": ("mixture_head.components.", "mixture_head.sky."),
        "plain_head": ("head.",),
        "camera_decoder": ("camera_decoder.",),
        "camera_encoder": ("camera_encoder.",),
        "backbone": ("backbone.",),
    },
    VggtNetwork: {
        "head": ("mixture_head.",),
        "last_layer": ("mixture_head.components.", "mixture_head.sky."),
        "plain_head": ("depth_head.", "point_head."),
        "camera_decoder": ("camera_head.",),
        "backbone": ("aggregator.",),
        "backbone.global": ("aggregator.global_blocks.",),
        "backbone.local": ("aggregator.frame_blocks.",),
    },
    MiniNetwork: {
        "head": ("lift.", "refine.", "climb", "head_norm.", "head_hidden.", "head.", "cells."),
        "last_layer": ("head.", "cells."),
        "camera_decoder": ("camera_decoder.",),
        "backbone": ("trunk.", "embed", "camera_token", "blocks.", "norm."),
        "trunk": ("trunk.",),
    },
}
_BLOCK = re.compile(r"(?:^|\.)(?:blocks|frame_blocks|global_blocks)\.(\d+)\.")


def members(network: DepthNetwork, group: str) -> list[str]:
    """Names of the parameters of a group, or of those whose names begin with it.

    Raises:
        ConfigError: there are none; the message lists the groups of this network.
    """
    names = [name for name, _ in network.named_parameters()]
    belongs = _rule(network, group)
    found = [name for name in names if belongs(name)]
    if not found:
        message = (
            f"{group!r} is neither a group of parameters of this network nor the beginning of a parameter's name. "
            f"Groups: {', '.join(group_names(network))}."
        )
        raise ConfigError(message)
    return found


def group_names(network: DepthNetwork) -> list[str]:
    """Groups that the network has."""
    named = dict(_table(network))
    if isinstance(network, AnyViewNetwork | MiniNetwork):
        named |= {"backbone.global": (), "backbone.local": ()}
    present = [name for name, _ in network.named_parameters()]
    return sorted(group for group in named if any(map(_rule(network, group), present)))


def choose_trained(network: DepthNetwork, train: Sequence[str], freeze: Sequence[str]) -> int:
    """Let only the parameters of these groups learn (all, if none is named) but those to be frozen; how many learn.

    Parameters that the network itself never trains stay as they are.

    Raises:
        ConfigError: a group is not known, or nothing is left to be trained.
    """
    wanted = {name for group in train for name in members(network, group)}
    frozen = {name for group in freeze for name in members(network, group)}
    count = 0
    for name, parameter in network.named_parameters():
        if (train and name not in wanted) or name in frozen:
            parameter.requires_grad_(False)
        count += parameter.numel() * parameter.requires_grad
    if count == 0:
        message = f"Nothing is left to be trained: train {list(train)}, freeze {list(freeze)}."
        raise ConfigError(message)
    return count


def parameter_groups(network: DepthNetwork, config: OptimiserConfig) -> list[dict]:
    """Groups of the trainable parameters for AdamW: by learning rate, and by whether they decay.

    The rate of a parameter is `rate` times `trunk_factor` in the trunk, times the factor of the most special group of
    `factors` it is in, times `layer_decay` once for each block of the backbone that comes after its own.
    """
    factors = _factors(network, config)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1 or config.decay_vectors
            groups.setdefault((factors(name), decays), []).append(parameter)
    return [
        {"params": found, "lr": config.rate * factor, "weight_decay": config.weight_decay if decays else 0.0}
        for (factor, decays), found in sorted(groups.items(), key=lambda item: item[0])
    ]


def _factors(network: DepthNetwork, config: OptimiserConfig) -> Callable[[str], float]:
    """Relative learning rate of a parameter by its name."""
    special = sorted(
        ((set(members(network, group)), factor) for group, factor in config.factors.items()),
        key=lambda item: len(item[0]),
    )
    backbone = set(_matching(network, _table(network)["backbone"]))
    depth = 1 + max((_block_of(name) for name in backbone), default=0)

    def factor(name: str) -> float:
        own = next((value for names, value in special if name in names), 1.0)
        if name.startswith("trunk."):
            own *= config.trunk_factor
        if name in backbone and config.layer_decay != 1.0:
            own *= config.layer_decay ** (depth - 1 - _block_of(name))
        return own

    return factor


def _block_of(name: str) -> int:
    """Number of the block that a parameter is in; what comes before the blocks counts with the first."""
    found = _BLOCK.search(name)
    return int(found[1]) if found else 0


def _table(network: DepthNetwork) -> dict[str, tuple[str, ...]]:
    for kind, table in _GROUPS.items():
        if isinstance(network, kind):
            return table
    message = f"There are no groups of parameters for a {type(network).__name__}."
    raise ConfigError(message)


def _matching(network: DepthNetwork, prefixes: tuple[str, ...]) -> Iterable[str]:
    return (name for name, _ in network.named_parameters() if name.startswith(prefixes))


def _rule(network: DepthNetwork, group: str) -> Callable[[str], bool]:
    """Whether a parameter belongs to a group, by its name."""
    prefixes = _table(network).get(group)
    if prefixes is not None:
        return lambda name: name.startswith(prefixes)
    if group in ("backbone.global", "backbone.local"):
        prefix, start = "blocks.", 0
        if isinstance(network, AnyViewNetwork):
            prefix, start = "backbone.blocks.", network.config.backbone.special_start or 0
        # Odd blocks look across views; those before the first of them are of plain DINOv2.
        parity = 1 if group == "backbone.global" else 0
        return lambda name: name.startswith(prefix) and _block_of(name) >= start and _block_of(name) % 2 == parity
    return lambda name: name.startswith(group)
