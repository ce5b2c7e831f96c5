"""The bank of patterns: grey tiles that repeat without a seam, made once per process from fixed seeds.

A pattern only says where one colour gives way to another; colours, size and direction are the material's, so a few
dozen of them make any number of surfaces.
"""

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mda.errors import ConfigError
from mda.shapes import Float, Int, UInt8, ndarray
from mda.synthetic.kernels.tiles import LEVELS, SIZE

_Rng = np.random.Generator
_Tile = Float[ndarray, "256 256"]
_VARIANTS = 4
_Y, _X = np.mgrid[0:SIZE, 0:SIZE]


@dataclass(frozen=True, kw_only=True)
class PatternBank:
    """Patterns and their smaller copies.

    Attributes:
        texels: [pattern, texel]; the levels of a pattern follow each other, each half the side of the one before.
        kinds: numbers of the patterns of each kind.
    """

    texels: UInt8[ndarray, "n t"]
    kinds: dict[str, Int[ndarray, " m"]]


def value_noise(rng: _Rng, cells: int, octaves: int = 5, gain: float = 0.55, stretch: int = 1) -> _Tile:
    """Sum of smooth noise at `cells`, 2 `cells`, 4 `cells` ... per tile, stretched to fill 0..1."""
    total = np.zeros((SIZE, SIZE))
    weight = 1.0
    for octave in range(octaves):
        columns = min(SIZE, cells << octave)
        rows = max(1, columns // stretch)
        total += weight * _smooth(rng.random((rows, columns)))
        weight *= gain
    return _full_range(total)


def _smooth(grid: Float[ndarray, "r c"]) -> _Tile:
    """Periodic interpolation of a small grid by smooth steps."""

    def axis(count: int) -> tuple[ndarray, ndarray, ndarray]:
        place = np.arange(SIZE) * (count / SIZE)
        low = place.astype(int)
        share = place - low
        return low % count, (low + 1) % count, share * share * (3 - 2 * share)

    r0, r1, wr = axis(grid.shape[0])
    c0, c1, wc = axis(grid.shape[1])
    rows = grid[r0] * (1 - wr)[:, None] + grid[r1] * wr[:, None]
    return rows[:, c0] * (1 - wc) + rows[:, c1] * wc


def _full_range(tile: ndarray) -> _Tile:
    low, high = np.quantile(tile, [0.01, 0.99])
    return np.clip((tile - low) / max(high - low, 1e-9), 0, 1)


def _flat(rng: _Rng) -> _Tile:
    return 0.15 * value_noise(rng, 2, 2)


def _noise(rng: _Rng) -> _Tile:
    return value_noise(rng, int(rng.choice([2, 4, 8])), 6, rng.uniform(0.4, 0.7))


def _grain(rng: _Rng) -> _Tile:
    return value_noise(rng, 32, 4, 0.8)


def _blotches(rng: _Rng) -> _Tile:
    tile = value_noise(rng, int(rng.choice([4, 6, 10])), 4, 0.5)
    return np.clip((tile - 0.5) * rng.uniform(4, 12) + 0.5, 0, 1)


def _marble(rng: _Rng) -> _Tile:
    bend = value_noise(rng, 3, 5, 0.55)
    return 1 - np.abs(np.sin(np.pi * (int(rng.integers(1, 4)) * (_X + _Y) / SIZE + 2.5 * bend))) ** 0.5


def _wood(rng: _Rng) -> _Tile:
    fibres = value_noise(rng, 64, 3, 0.6, stretch=32)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (4 * _X / SIZE + 1.2 * value_noise(rng, 4, 3, stretch=2)))
    return _full_range(0.6 * rings + 0.6 * fibres)


def _planks(rng: _Rng) -> _Tile:
    count = int(rng.choice([4, 8]))
    width = SIZE // count
    board = _X // width
    shift = rng.integers(0, SIZE, count)[board]
    tone = rng.random((count, 2))[board, ((_Y + shift) % SIZE) * 2 // SIZE]
    gap = (_X % width < 2) | ((_Y + shift) % (SIZE // 2) < 2)
    tile = 0.55 * tone + 0.45 * np.take_along_axis(_wood(rng), (_Y + shift) % SIZE, 0)
    return np.where(gap, 0, tile)


def _bricks(rng: _Rng) -> _Tile:
    height, width = (16, 32) if rng.random() < 0.5 else (32, 64)
    row = _Y // height
    x = (_X + (row % 2) * width // 2) % SIZE
    tone = rng.random((SIZE // height, SIZE // width))[row, x // width]
    mortar = (_Y % height < 2) | (x % width < 2)
    return np.where(mortar, 0, 0.45 + 0.4 * tone + 0.15 * _grain(rng))


def _tiles(rng: _Rng) -> _Tile:
    side = int(rng.choice([32, 64, 128]))
    tone = rng.random((SIZE // side, SIZE // side))[_Y // side, _X // side]
    joint = (_Y % side < 2) | (_X % side < 2)
    return np.where(joint, 0, 0.6 + rng.uniform(0, 0.3) * (tone - 0.5) + 0.2 * value_noise(rng, 8))


def _stripes(rng: _Rng) -> _Tile:
    period = int(rng.choice([8, 16, 32, 64]))
    share = rng.uniform(0.25, 0.75)
    tile = ((_X % period) < share * period).astype(float)
    if rng.random() < 0.4:
        tile = 0.5 * tile + 0.5 * ((_Y % period) < share * period)
    return tile


def _checker(rng: _Rng) -> _Tile:
    side = int(rng.choice([16, 32, 64]))
    return ((_X // side + _Y // side) % 2).astype(float) * 0.9 + 0.1 * _grain(rng)


def _waves(rng: _Rng) -> _Tile:
    bend = value_noise(rng, 3, 2)
    return 0.5 + 0.5 * np.sin(2 * np.pi * (int(rng.integers(3, 12)) * _Y / SIZE + rng.uniform(0.5, 2) * bend))


def _dots(rng: _Rng) -> _Tile:
    side = int(rng.choice([16, 32, 64]))
    row = _Y // side
    x = (_X + (row % 2) * side // 2) % side - side / 2
    y = _Y % side - side / 2
    return (x * x + y * y < (rng.uniform(0.2, 0.42) * side) ** 2).astype(float)


def _cells(rng: _Rng) -> _Tile:
    """Cells around scattered points: stones, terrazzo, cracked earth."""
    count = int(rng.choice([40, 120, 300]))
    points, tones = rng.random((count, 2)) * SIZE, rng.random(count)
    nearest, second, tone = np.full((SIZE, SIZE), 1e9), np.full((SIZE, SIZE), 1e9), np.zeros((SIZE, SIZE))
    for (px, py), shade in zip(points, tones, strict=True):
        dx = np.abs(np.arange(SIZE) - px)
        dy = np.abs(np.arange(SIZE) - py)
        away = np.minimum(dx, SIZE - dx)[None] ** 2 + np.minimum(dy, SIZE - dy)[:, None] ** 2
        second = np.minimum(second, np.maximum(away, nearest))
        tone = np.where(away < nearest, shade, tone)
        nearest = np.minimum(away, nearest)
    border = np.sqrt(second) - np.sqrt(nearest)
    return np.clip(border / 4, 0, 1) * (0.35 + 0.65 * tone)


def _text(rng: _Rng) -> _Tile:
    """Lines of dark marks of the size of letters, with words and paragraphs."""
    tile = np.ones((SIZE, SIZE))
    height = int(rng.choice([10, 14, 20]))
    pitch = int(height * 1.6)
    for top in range(6, SIZE - height, pitch):
        x, end = int(rng.integers(6, 20)), int(SIZE * rng.uniform(0.5, 0.97))
        if rng.random() < 0.12:
            continue
        while x < end - height:
            for _ in range(int(rng.integers(2, 9))):
                wide = int(height * rng.uniform(0.4, 0.7))
                if x + wide >= end:
                    break
                glyph = np.kron(rng.random((5, 3)) < 0.5, np.ones((-(-height // 5), -(-wide // 3))))[:height, :wide]
                tile[top : top + height, x : x + wide] -= 0.95 * glyph
                x += wide + max(1, height // 6)
            x += height // 2
    return np.clip(tile, 0, 1)


def _poster(rng: _Rng) -> _Tile:
    """Rectangles, discs and lines over each other, as on posters, labels and magazine covers."""
    tile = np.full((SIZE, SIZE), rng.random())
    for _ in range(int(rng.integers(6, 18))):
        x, y = rng.integers(0, SIZE, 2)
        w, h = rng.integers(10, 120, 2)
        tone = rng.random()
        if rng.random() < 0.6:
            tile[y : y + h, x : x + w] = tone
        else:
            tile[(_X - x) ** 2 / w**2 + (_Y - y) ** 2 / h**2 < 0.25] = tone
    if rng.random() < 0.6:
        tile[150:] = np.where(_text(rng)[150:] < 0.5, rng.random(), tile[150:])
    return np.clip(tile + 0.08 * _noise(rng), 0, 1)


def _facade(rng: _Rng) -> _Tile:
    """Rows of windows with frames and sills."""
    rows, columns = int(rng.choice([4, 8])), int(rng.choice([4, 8]))
    height, width = SIZE // rows, SIZE // columns
    y, x = (_Y % height) / height, (_X % width) / width
    a, b = rng.uniform(0.15, 0.3), rng.uniform(0.15, 0.3)
    glass = (x > a) & (x < 1 - a) & (y > b) & (y < 1 - b * rng.uniform(0.5, 1))
    bar = (np.abs(x - 0.5) < 0.02) | (np.abs(y - 0.5) < 0.02)
    tone = rng.random((rows, columns))[_Y // height, _X // width]
    wall = 0.75 + 0.2 * value_noise(rng, 8)
    return np.where(glass & ~bar, 0.35 * tone * value_noise(rng, 4), wall)


def _leaves(rng: _Rng) -> _Tile:
    """Many small blades laid over each other at random: lawn, hedge, and masks of foliage."""
    tile = np.zeros((SIZE, SIZE))
    size = rng.uniform(7, 16)
    count = int(2.6 * SIZE * SIZE / (size * size))
    for x, y, turn, tone in zip(*rng.random((3, count)), np.linspace(0.25, 1, count), strict=True):
        reach = int(size) + 1
        rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        along = rows * np.cos(np.pi * turn) + columns * np.sin(np.pi * turn)
        across = columns * np.cos(np.pi * turn) - rows * np.sin(np.pi * turn)
        inside = np.abs(across) < 0.38 * size * (1 - (along / size) ** 2)
        r, c = (rows + int(y * SIZE))[inside] % SIZE, (columns + int(x * SIZE))[inside] % SIZE
        tile[r, c] = tone * (0.8 + 0.2 * np.abs(across[inside]) / size)
    return tile


def _foliage(rng: _Rng) -> _Tile:
    """Mask for cards of foliage: leaves where positive, gaps between them."""
    leaves = _leaves(rng)
    clumps = value_noise(rng, 6, 3)
    return np.where(leaves > 0.5, 0.2 + 0.8 * clumps, 0.0)


def _clouds(rng: _Rng) -> _Tile:
    return value_noise(rng, 3, 6, 0.5)


_MAKERS: dict[str, Callable[[_Rng], _Tile]] = {
    "flat": _flat,
    "noise": _noise,
    "grain": _grain,
    "blotches": _blotches,
    "marble": _marble,
    "wood": _wood,
    "planks": _planks,
    "bricks": _bricks,
    "tiles": _tiles,
    "stripes": _stripes,
    "checker": _checker,
    "waves": _waves,
    "dots": _dots,
    "cells": _cells,
    "text": _text,
    "poster": _poster,
    "facade": _facade,
    "leaves": _leaves,
    "foliage": _foliage,
    "clouds": _clouds,
}


# Photographs that lie inside the package scikit-image (others it would download).
_PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "cell.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "moon.png",
    "motorcycle_left.png",
    "page.png",
    "retina.jpg",
    "rocket.jpg",
    "text.png",
)


@functools.cache
def pattern_bank(*, photographs: bool = False) -> PatternBank:
    """The bank, made on first use (about half a second); with photographs it has the kind "photograph", too.

    Raises:
        ConfigError: photographs are wanted and scikit-image, which brings them, is not installed.
    """
    tiles, kinds = [], {}
    for number, (kind, make) in enumerate(_MAKERS.items()):
        count = 2 * _VARIANTS if kind in ("text", "poster", "noise") else _VARIANTS
        kinds[kind] = np.arange(len(tiles), len(tiles) + count)
        tiles += [make(np.random.default_rng([2606, number, variant])) for variant in range(count)]
    if photographs:
        found = _photographs()
        kinds["photograph"] = np.arange(len(tiles), len(tiles) + len(found))
        tiles += found
    return PatternBank(texels=np.stack([with_levels(tile) for tile in tiles]), kinds=kinds)


def _photographs() -> list[_Tile]:
    spec = importlib.util.find_spec("skimage")
    folder = Path(spec.origin).parent / "data" if spec is not None and spec.origin is not None else None
    missing = [name for name in _PHOTOGRAPHS if folder is None or not (folder / name).is_file()]
    if folder is None or missing:
        message = (
            f"Photographs come from scikit-image, where {', '.join(missing)} cannot be found: pip install scikit-image"
        )
        raise ConfigError(message)
    return [tile for name in _PHOTOGRAPHS for tile in _squares(folder / name)]


def _squares(path: Path) -> list[_Tile]:
    """A photograph's two end squares (or its only one) in grey, half of each of the wrapped borders faded over."""
    with Image.open(path) as image:
        grey = image.convert("L")
    side = min(grey.size)
    corners = {(0, 0), (grey.width - side, grey.height - side)}
    tiles = []
    for left, top in sorted(corners):
        square = grey.resize((SIZE, SIZE), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
        tile = _full_range(np.asarray(square, float))
        # Near the border each pixel fades into that on the other side, so that repeats have no seam.
        away = np.minimum(np.arange(SIZE), SIZE - 1 - np.arange(SIZE))
        share = 0.5 * np.clip(1 - away / (SIZE // 10), 0, 1)
        tile = tile * (1 - share) + tile[:, ::-1] * share
        tiles.append(tile * (1 - share[:, None]) + tile[::-1] * share[:, None])
    return tiles


def with_levels(tile: _Tile) -> UInt8[ndarray, " t"]:
    """A tile and its halved copies, one after the other, in 0..255."""
    levels = []
    for _ in range(LEVELS):
        levels.append(np.round(255 * np.clip(tile, 0, 1)).astype(np.uint8).ravel())
        tile = 0.25 * (tile[::2, ::2] + tile[1::2, ::2] + tile[::2, 1::2] + tile[1::2, 1::2])
    return np.concatenate(levels)
