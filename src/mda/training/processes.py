"""Agreement between the processes of a run; alone, everything is as it is."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import distributed

T = TypeVar("T")


def together() -> bool:
    """Whether there are other processes."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def true_everywhere(condition: bool, device: torch.device) -> bool:  # noqa: FBT001 - the one thing it is about
    """Whether the condition holds in every process; all must ask."""
    if not together():
        return condition
    flag = torch.tensor(float(condition), device=device)
    distributed.all_reduce(flag, op=distributed.ReduceOp.MIN)
    return bool(flag)


def gathered(mine: T) -> list[T]:
    """What each process says, by rank."""
    if not together():
        return [mine]
    said: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(said, mine)
    return said


def summed(mine: Mapping[str, tuple[float, int]]) -> dict[str, tuple[float, int]]:
    """Sums and counts by name over all processes, each of which may know other names."""
    return pooled(gathered(dict(mine)))


def pooled(parts: Iterable[Mapping[str, tuple[float, int]]]) -> dict[str, tuple[float, int]]:
    """Sums and counts by name, added up."""
    total: dict[str, tuple[float, int]] = {}
    for part in parts:
        for name, (value, count) in part.items():
            old = total.get(name, (0.0, 0))
            total[name] = (old[0] + value, old[1] + count)
    return total
