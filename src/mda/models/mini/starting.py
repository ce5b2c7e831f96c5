"""Start of a network from one with another number of components, as the published recipe starts from a plain one."""

from collections.abc import Mapping

import torch

from mda.errors import CheckpointError
from mda.models.mini.network import MiniNetwork
from mda.shapes import Tensor

# Noise of each component, relative to the mean absolute weight, and its seed (published recipe).
_NOISE, _SEED = 0.1, 0
# Log factors by which the first and the last component start nearer and farther than the single depth: noise alone
# leaves them together for long.
_SPREAD = 0.3
# Rows: (depth, weight, confidence) of each component, then sky; each once per pixel of a 2x2 cell.
_HEAD = ("head.weight", "head.bias")


@torch.no_grad()
def mixture_from_single(network: MiniNetwork, single: Mapping[str, Tensor]) -> None:
    """Give a network the weights of the single-depth network of the same sizes.

    Every component of the head begins as the single depth plus noise, spread over depth; all begin with equal weight,
    so that the probability of sky is that of the single-depth network.

    Args:
        network: changed in place.
        single: state dict of a `MINI_SINGLE` network, or of a mixture, whose components are averaged first.

    Raises:
        CheckpointError: it is not that of a network of these sizes.
    """
    own = network.state_dict()
    count, sky = network.config.components, int(network.config.sky)
    single = _averaged(single, sky)
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    for name in _HEAD:
        shapes[name] = (4 * (3 + sky), *shapes[name][1:])
    found = {name: tuple(tensor.shape) for name, tensor in single.items()}
    if wrong := sorted(name for name in shapes.keys() | found.keys() if shapes.get(name) != found.get(name)):
        message = (
            f"These are not the weights of the single-depth network of the same sizes: {wrong[0]} is "
            f"{found.get(wrong[0], 'missing')}, expected {shapes.get(wrong[0], 'nothing of that name')}."
        )
        raise CheckpointError(message)
    generator = torch.Generator().manual_seed(_SEED)
    # One component has nothing to be told apart from.
    spread, amount = (torch.linspace(-_SPREAD, _SPREAD, count), _NOISE) if count > 1 else (torch.zeros(1), 0.0)
    start = dict(single)
    for name in _HEAD:
        rows = single[name].float().unflatten(0, (3 + sky, 4))
        noise = torch.randn((count, *rows[:3].shape[:1], 1, *rows.shape[2:]), generator=generator)
        # The four pixels of a cell share their noise; different noise would show as a checkerboard.
        components = rows[:3] + amount * rows[:3].abs().mean(dim=tuple(range(1, rows.ndim)), keepdim=True) * noise
        components[:, 1] = rows[1]
        if name == "head.bias":
            components[:, 0] += spread[:, None]
            components[:, 1] -= torch.tensor(float(count)).log()
        start[name] = torch.cat([components.flatten(0, 1), rows[3:]]).flatten(0, 1)
    network.load_state_dict(start)


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
