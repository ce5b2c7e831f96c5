"""Start of the mixture network from its single-depth twin, as the published recipe starts from a plain network."""

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


@torch.no_grad()
def mixture_from_single(network: MiniNetwork, single: Mapping[str, Tensor]) -> None:
    """Give a mixture network the weights of the single-depth network of the same sizes.

    Every component of the head begins as the single depth plus noise, spread over depth; all begin with equal weight,
    so that the probability of sky is that of the single-depth network.

    Args:
        network: changed in place.
        single: state dict of a `MINI_SINGLE` network.

    Raises:
        CheckpointError: it is not that of a single-depth network of these sizes.
    """
    own = network.state_dict()
    names = ("head.weight", "head.bias")
    count, sky = network.config.components, int(network.config.sky)
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    for name in names:
        # Rows: (depth, weight, confidence) of each component, then sky; each once per pixel of a 2x2 cell.
        shapes[name] = (4 * (3 + sky), *shapes[name][1:])
    found = {name: tuple(tensor.shape) for name, tensor in single.items()}
    if wrong := sorted(name for name in shapes.keys() | found.keys() if shapes.get(name) != found.get(name)):
        message = (
            f"These are not the weights of the single-depth network of the same sizes: {wrong[0]} is "
            f"{found.get(wrong[0], 'missing')}, expected {shapes.get(wrong[0], 'nothing of that name')}."
        )
        raise CheckpointError(message)
    generator = torch.Generator().manual_seed(_SEED)
    spread = torch.linspace(-_SPREAD, _SPREAD, count) if count > 1 else torch.zeros(1)
    start = dict(single)
    for name in names:
        rows = single[name].float().unflatten(0, (3 + sky, 4))
        noise = torch.randn((count, *rows[:3].shape[:1], 1, *rows.shape[2:]), generator=generator)
        # The four pixels of a cell share their noise; different noise would show as a checkerboard.
        components = rows[:3] + _NOISE * rows[:3].abs().mean(dim=tuple(range(1, rows.ndim)), keepdim=True) * noise
        components[:, 1] = rows[1]
        if name == "head.bias":
            components[:, 0] += spread[:, None]
            components[:, 1] -= torch.tensor(float(count)).log()
        start[name] = torch.cat([components.flatten(0, 1), rows[3:]]).flatten(0, 1)
    network.load_state_dict(start)
