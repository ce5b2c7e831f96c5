"""Sinusoidal embedding of image coordinates, added to feature maps (VGGT, Depth Anything 3).

The image is a rectangle of aspect ratio a = width / height and half diagonal 1: x runs over +-a / sqrt(a^2 + 1), y over
+-1 / sqrt(a^2 + 1), at the centres of the n cells of an axis. The first half of the channels holds sin and cos of
x * 100^(-4 j / c), j = 0 .. c/4 - 1, the second half those of y; all times 0.1.
"""

import math

import torch

from mda.shapes import Float, Tensor

_BASE = 100.0
_GAIN = 0.1


def _axis(span: float, count: int, channels: int, like: Tensor) -> Float[Tensor, "c n"]:
    """Sines and cosines of one axis with `count` cells from -span to span."""
    limit = span * (count - 1) / count
    place = torch.linspace(-limit, limit, count, dtype=torch.float32, device=like.device)
    quarter = channels // 2
    frequency = _BASE ** -(torch.arange(quarter, dtype=torch.float32, device=like.device) / quarter)
    angle = frequency[:, None] * place
    return (torch.cat([angle.sin(), angle.cos()]) * _GAIN).to(like.dtype)


def _axes(channels: int, grid_hw: tuple[int, int], aspect: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Tables of the columns [c/2, w] and of the rows [c/2, h]."""
    diagonal = math.hypot(aspect, 1.0)
    rows, columns = grid_hw
    half = channels // 2
    return _axis(aspect / diagonal, columns, half, like), _axis(1.0 / diagonal, rows, half, like)


def uv_embedding(channels: int, grid_hw: tuple[int, int], aspect: float, *, like: Tensor) -> Float[Tensor, "c h w"]:
    """Embedding of a grid as a whole.

    Args:
        channels: c, a multiple of 4.
        grid_hw: rows and columns of the feature map.
        aspect: width / height of the image (not of the grid).
        like: a tensor of the wanted device and dtype.
    """
    x, y = _axes(channels, grid_hw, aspect, like)
    rows, columns = grid_hw
    return torch.cat([x[:, None, :].expand(-1, rows, -1), y[:, :, None].expand(-1, -1, columns)])


def add_uv_embedding(x: Float[Tensor, "n c h w"], aspect: float) -> Float[Tensor, "n c h w"]:
    """`x` plus the embedding of its grid; writes into `x` where autograd does not watch.

    The embedding of a whole full-resolution map would be as large as the map of one view, so its two axes are added
    without being spread out.
    """
    channels = x.shape[1]
    columns, rows = _axes(channels, (x.shape[-2], x.shape[-1]), aspect, x)
    if torch.is_grad_enabled() and x.requires_grad:
        first, second = x.chunk(2, dim=1)
        return torch.cat([first + columns[:, None, :], second + rows[:, :, None]], dim=1)
    x[:, : channels // 2] += columns[:, None, :]
    x[:, channels // 2 :] += rows[:, :, None]
    return x
