"""Two-dimensional rotary position embedding (base 100), as used by VGGT and Depth Anything 3.

The first half of a head turns with the row, the second with the column. Within a half of width h, channels i and
i + h/2 form a plane that turns by position * 100^(-2 i / h), i = 0 .. h/2 - 1.
"""

import torch

from mda.shapes import Float, Int, Tensor

_BASE = 100.0


def patch_positions(
    grid_hw: tuple[int, int], *, specials: int = 1, device: torch.device | None = None
) -> tuple[Int[Tensor, "t 2"], Int[Tensor, "t 2"]]:
    """Positions (row, column) of the tokens of one view: the special tokens at (0, 0), patches counted from (1, 1).

    Returns:
        The real positions, and those that Depth Anything 3 uses where all views attend to each other: every patch at
        (1, 1), so that only the special tokens are told apart.
    """
    rows, columns = (torch.arange(1, size + 1, device=device) for size in grid_hw)
    patches = torch.cartesian_prod(rows, columns)
    zeros = patches.new_zeros(specials, 2)
    return torch.cat([zeros, patches]), torch.cat([zeros, torch.ones_like(patches)])


def rotate(x: Float[Tensor, "*b t d"], positions: Int[Tensor, "t 2"]) -> Float[Tensor, "*b t d"]:
    """Turn queries or keys by their positions; `d`, the width of a head, must be a multiple of 4."""
    planes = x.shape[-1] // 4
    steps = torch.arange(planes, device=x.device, dtype=torch.float32) / planes
    angles = positions[:, :, None] * _BASE**-steps
    cos, sin = angles.cos(), angles.sin()
    # [*b, t, row or column, first or second of a plane, plane]
    first, second = x.unflatten(-1, (2, 2, planes)).unbind(-2)
    return torch.stack([first * cos - second * sin, second * cos + first * sin], dim=-2).flatten(-3)
