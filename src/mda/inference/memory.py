"""How many views fit into a given memory: measured on a few views, not guessed."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from weakref import WeakSet, finalize

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from mda.errors import ConfigError
from mda.shapes import Tensor

# Kernels have working memory of their own, and allocators keep some back: on a CPU a third of what was counted.
_MARGIN = 1.5
# More views are not measured: allocators would keep what that took.
_ENOUGH = 8


class TensorMemory(TorchDispatchMode):
    """Counts the bytes of all tensors that operations make on a device while it is entered.

    Attributes:
        peak: largest sum of bytes alive at one time.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.peak = 0
        self._alive = 0
        self._device = device
        self._known: WeakSet[torch.UntypedStorage] = WeakSet()

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:  # noqa: ANN401 - torch's signature
        """Run an operation and take note of what it made."""
        # What goes in and was not made here was there before.
        self._known.update(self._storages((args, kwargs)))
        result = func(*args, **(kwargs or {}))
        for storage in self._storages(result):
            if storage not in self._known:
                self._note(storage)
        return result

    def _storages(self, content: object) -> list[torch.UntypedStorage]:
        """Of the tensors on the device."""
        leaves = pytree.tree_leaves(content)
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.device.type == self._device.type]
        return [tensor.untyped_storage() for tensor in tensors]

    def _note(self, storage: torch.UntypedStorage) -> None:
        self._known.add(storage)
        size = storage.nbytes()
        self._alive += size
        self.peak = max(self.peak, self._alive)
        finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self._alive -= size


def peak_bytes(function: Callable[[], object], device: torch.device) -> int:
    """Largest memory on the device that tensors take while the function runs, beyond those that were there before."""
    with ExitStack() as stack:
        counter = stack.enter_context(TensorMemory(device))
        function()
    return counter.peak


def views_within(budget: int, fixed: int, peak: Callable[[int], int]) -> int:
    """A number of views whose processing stays within a budget, and not far from the largest one.

    Different steps need most memory for few and for many views, so what few need does not tell how fast it grows. But
    each step needs something for every view and something besides, so twice as many views never need more than twice as
    much. So the number is doubled while that is sure to fit, and in the end the memory that is left is shared out.

    Args:
        budget: bytes.
        fixed: bytes that are there anyway, the weights.
        peak: bytes that so many views need; asked for 2, 4, 8, ...

    Raises:
        ConfigError: not even two views fit.
    """
    room = (budget - fixed) / _MARGIN
    views, needed = 2, peak(2)
    if needed > room:
        smallest = (fixed + _MARGIN * needed) / 2**30
        message = (
            f"A budget of {budget / 2**30:.2g} GiB is too small: two views together need {smallest:.2g} GiB. "
            "Raise --memory, or look at smaller views (--size)."
        )
        raise ConfigError(message)
    while views < _ENOUGH and 2 * needed <= room:
        views *= 2
        needed = peak(views)
    return int(views * room / needed)
