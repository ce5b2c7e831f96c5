"""Running a head on a few views at a time, to bound its memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch.utils.checkpoint import checkpoint

from mda.shapes import Tensor

# Views per call where nothing is asked for: on a processor one view keeps the cores busy, an accelerator wants more.
_ON_CPU, _ELSEWHERE = 1, 4
_ASKED: ContextVar[int | None] = ContextVar("views per call of a head", default=None)


@contextmanager
def heads_in_chunks(chunk: int | None) -> Iterator[None]:
    """All heads compute `chunk` views at a time (None: by the device) where nothing else is asked for."""
    token = _ASKED.set(chunk)
    try:
        yield
    finally:
        _ASKED.reset(token)


def default_chunk(device: torch.device) -> int:
    """Views per call of a head on a device, where nothing is asked for."""
    return _ON_CPU if device.type == "cpu" else _ELSEWHERE


def in_chunks(
    function: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    chunk: int | None = None,
    *,
    recompute: bool = False,
) -> tuple[Tensor, ...]:
    """Outputs of `function` on all inputs, computed for `chunk` entries of the first axis at a time.

    Args:
        function: maps tensors with a common first axis to tensors with that axis, each entry on its own, so that the
            answer does not depend on `chunk`.
        inputs: its arguments.
        chunk: entries per call; None: what `heads_in_chunks` asks for, or else by the device.
        recompute: run each chunk again in the backward pass instead of keeping what it needs.
    """
    total = len(inputs[0])
    if chunk is None:
        chunk = _ASKED.get() or default_chunk(inputs[0].device)
    watched = torch.is_grad_enabled()
    parts: list[tuple[Tensor, ...]] = []
    results: tuple[Tensor, ...] = ()
    for start in range(0, total, chunk):
        arguments = [tensor[start : start + chunk] for tensor in inputs]
        if watched:
            part = checkpoint(function, *arguments, use_reentrant=False) if recompute else function(*arguments)
            parts.append(part)  # pyright: ignore[reportArgumentType] - checkpoint returns what the function does
            continue
        part = function(*arguments)
        if start == 0:
            if chunk >= total:
                return part
            results = tuple(piece.new_empty(total, *piece.shape[1:]) for piece in part)
        for result, piece in zip(results, part, strict=True):
            result[start : start + chunk] = piece
    if not watched:
        return results
    return parts[0] if len(parts) == 1 else tuple(torch.cat(pieces) for pieces in zip(*parts, strict=True))
