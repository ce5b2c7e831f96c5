"""Work on many pixels in tiles that fit the cache."""

from collections.abc import Callable

import torch

from mda.shapes import Tensor

_ELEMENTS = {"cpu": 1 << 18}  # per working array: a few of them fit the cache of a CPU core
_ELEMENTS_ELSEWHERE = 1 << 24  # a GPU wants few large kernels


def tile_rows(elements_per_row: int, device: torch.device, chunk: int | None = None) -> int:
    """Number of pixels per tile, where one pixel needs `elements_per_row` in each working array."""
    most = max(1, _ELEMENTS.get(device.type, _ELEMENTS_ELSEWHERE) // elements_per_row)
    return most if chunk is None else max(1, min(chunk, most))


def map_rows(
    function: Callable[..., tuple[Tensor, ...]],
    arrays: tuple[Tensor, ...],
    rows: int,
) -> tuple[Tensor, ...]:
    """Apply a function of [r, k] arrays that returns [r] arrays to tiles of at most `rows` pixels of [*b, k] arrays."""
    batch_shape = arrays[0].shape[:-1]
    flat = [array.reshape(-1, array.shape[-1]) for array in arrays]
    count = flat[0].shape[0]
    outputs: list[Tensor] = []
    for start in range(0, max(count, 1), rows):
        stop = min(start + rows, count)
        results = function(*(array[start:stop] for array in flat))
        if not outputs:
            outputs = [result.new_empty(count) for result in results]
        for output, result in zip(outputs, results, strict=True):
            output[start:stop] = result
    return tuple(output.reshape(batch_shape) for output in outputs)
