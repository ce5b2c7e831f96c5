"""Start of a network from one with another number of components, as the published recipe starts from a plain one."""

from collections.abc import Mapping

import torch

from mda.errors import CheckpointError
from mda.models.mini.network import MiniNetwork
from mda.shapes import Float, Tensor

# Noise of each component, relative to the mean absolute weight, and its seed (published recipe).
_NOISE, _SEED = 0.1, 0
# Log factors by which the first and the last component start nearer and farther than the single depth: noise alone
# leaves them together for long.
_SPREAD = 0.3
# Rows: (depth, weight, confidence) of each component, then sky; each once per pixel of a 2x2 cell.
_HEAD = ("head.weight", "head.bias")
_CELLS = "cells."


@torch.no_grad()
def mixture_from_single(network: MiniNetwork, single: Mapping[str, Tensor]) -> None:
    """Give a network the weights of the single-depth network of the same sizes.

    Every free component of the head begins as the single depth plus noise, spread over depth. In a network with cells,
    the single depth becomes the pixels' own, and the cells begin as its mean over their pixels. The weights say nothing
    more yet, and the probability of sky is that of the single-depth network.

    Args:
        network: changed in place.
        single: state dict of a `MINI_SINGLE` network; or of a mixture, whose components are averaged first; or of a
            network with cells, of which the pixels' own depth is taken.

    Raises:
        CheckpointError: it is not that of a network of these sizes.
    """
    own, config = network.state_dict(), network.config
    sky = int(config.sky)
    single = _averaged(_own_depth(single, sky), sky)
    head = {name: torch.empty(4 * (3 + sky), *own[name].shape[1:], device="meta") for name in _HEAD}
    _check({name: tensor for name, tensor in own.items() if not name.startswith(_CELLS)} | head, single)
    weight, bias = (single[name].float().unflatten(0, (3 + sky, 4)) for name in _HEAD)
    if config.cells:
        network.load_state_dict({**own, **{name: single[name] for name in single if name not in _HEAD}})
        _start_cells(network, weight, bias)
    else:
        count = config.components
        network.load_state_dict({**single, **_spread_over_depth({"head.weight": weight, "head.bias": bias}, count)})


def _check(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse weights with other names or shapes."""
    wanted, there = ({name: tuple(t.shape) for name, t in state.items()} for state in (expected, found))
    if wrong := sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)):
        message = (
            f"These are not the weights of the single-depth network of the same sizes: {wrong[0]} is "
            f"{there.get(wrong[0], 'missing')}, expected {wanted.get(wrong[0], 'nothing of that name')}."
        )
        raise CheckpointError(message)


def _spread_over_depth(single: Mapping[str, Float[Tensor, "r 4 *b"]], count: int) -> dict[str, Tensor]:
    """Head of so many free components from the rows of the single depth."""
    generator = torch.Generator().manual_seed(_SEED)
    # One component has nothing to be told apart from.
    spread, amount = (torch.linspace(-_SPREAD, _SPREAD, count), _NOISE) if count > 1 else (torch.zeros(1), 0.0)
    head = {}
    for name, rows in single.items():
        noise = torch.randn((count, 3, 1, *rows.shape[2:]), generator=generator)
        # The four pixels of a cell share their noise; different noise would show as a checkerboard.
        components = rows[:3] + amount * rows[:3].abs().mean(dim=tuple(range(1, rows.ndim)), keepdim=True) * noise
        components[:, 1] = rows[1]
        if name == "head.bias":
            components[:, 0] += spread[:, None]
            components[:, 1] -= torch.tensor(float(count)).log()
        head[name] = torch.cat([components.flatten(0, 1), rows[3:]]).flatten(0, 1)
    return head


def _start_cells(network: MiniNetwork, weight: Float[Tensor, "r 4 c 3 3"], bias: Float[Tensor, "r 4"]) -> None:
    """Cells as the mean of the depth (first row) and confidence (third) that the single head gives their pixels."""
    for layer, side in zip(network.cells, network.config.cells, strict=True):
        layer_weight, layer_bias = layer.parameters()
        layer_weight.zero_()
        layer_bias.zero_()
        # Along each axis side / 2 positions of the features, with the head's kernel of three around each.
        steps, first = side // 2, side // 4 - 1
        for own, row in ((0, 0), (3, 2)):
            layer_bias[own] = bias[row].mean()
            for down in range(first, first + steps):
                for right in range(first, first + steps):
                    layer_weight[own, :, down : down + 3, right : right + 3] += weight[row].mean(0) / steps**2
    network.start_undecided()
    own = 4 * (network.config.components + 1)
    for parameter, rows in zip(network.head.parameters(), (weight, bias), strict=True):
        parameter[own : own + 4] = rows[0]
        # The log odds of sky are over the sum of the weights, which is one here and was the only weight there.
        parameter[own + 4 :] = (rows[3:] - rows[1]).flatten(0, 1)


def _own_depth(state: Mapping[str, Tensor], sky: int) -> Mapping[str, Tensor]:
    """Of a network with cells, the single-depth network that it holds: the pixels' own depth, one confidence, sky."""
    if not any(name.startswith(_CELLS) for name in state):
        return state
    single = {name: tensor for name, tensor in state.items() if not name.startswith(_CELLS)}
    for name in _HEAD:
        rows = state[name].float().unflatten(0, (-1, 4))
        own, last = rows[rows.shape[0] - sky - 1], rows[rows.shape[0] - sky :]
        confidence = torch.zeros_like(own)
        if name == "head.bias":
            confidence += state[f"{_CELLS}0.bias"][3]
        single[name] = torch.cat([torch.stack([own, torch.zeros_like(own), confidence]), last]).flatten(0, 1)
    return single


def _averaged(state: Mapping[str, Tensor], sky: int) -> dict[str, Tensor]:
    """The state dict with one component that is the mean of all; the probability of sky stays about what it was."""
    averaged = dict(state)
    for name in _HEAD:
        if name not in state or state[name].shape[0] % 4 or (count := (state[name].shape[0] // 4 - sky) // 3) <= 1:
            continue
        rows = state[name].float().unflatten(0, (-1, 4))
        component = rows[: 3 * count].unflatten(0, (count, 3)).mean(0)
        # Only the difference to the weight logits counts, of which there were `count`, and which the mean takes out.
        beside = rows[3 * count :] - component[1]
        if name == "head.bias":
            beside = beside - torch.tensor(float(count)).log()
        component[1] = 0
        averaged[name] = torch.cat([component, beside]).flatten(0, 1)
    return averaged
