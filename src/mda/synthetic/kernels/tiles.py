# ruff: noqa: ANN001, ANN201, ANN202 - compiled code: types are inferred, inputs are arrays
"""Reading of patterns: grey tiles of 256x256 texels with smaller copies for distant surfaces."""

import math
from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel

SIZE = 256
LEVELS = 8  # down to 2x2 texels
OFFSETS = tuple(sum((SIZE >> i) ** 2 for i in range(level)) for level in range(LEVELS + 1))
TEXELS = OFFSETS[LEVELS]


@kernel
@no_type_check
def _bilinear(bank, pattern, u, v, level):
    side = SIZE >> level
    # Offsets of the levels form a geometric sum: 4/3 SIZE^2 (1 - 4^-level).
    base = (SIZE * SIZE * 4 - side * side * 4) // 3
    u = u / (1 << level) - 0.5
    v = v / (1 << level) - 0.5
    fu, fv = math.floor(u), math.floor(v)
    wu, wv = u - fu, v - fv
    mask = side - 1
    x0, y0 = int(fu) & mask, int(fv) & mask
    x1, y1 = (x0 + 1) & mask, (y0 + 1) & mask
    tile = bank[pattern]
    top = tile[base + y0 * side + x0] * (1 - wu) + tile[base + y0 * side + x1] * wu
    low = tile[base + y1 * side + x0] * (1 - wu) + tile[base + y1 * side + x1] * wu
    return (top * (1 - wv) + low * wv) * (1 / 255)


@kernel
@no_type_check
def sample(bank, pattern, u, v, footprint):
    """Value in 0..1 of a pattern at texel (u, v), averaged over about `footprint` texels."""
    if footprint <= 1.0:
        return _bilinear(bank, pattern, u, v, 0)
    level = min(math.log2(footprint), LEVELS - 1.001)
    lower = int(level)
    share = level - lower
    value = _bilinear(bank, pattern, u, v, lower) * (1 - share)
    return value + _bilinear(bank, pattern, u, v, lower + 1) * share
