# ruff: noqa: ANN001, ANN201, PLR0913, PLR0917 - compiled code: types are inferred, inputs are arrays
"""Depths of single surfaces at points of the image, and whether two neighbouring surfaces are torn apart."""

import math
from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.kernels.rays import MISS, meet, meet_unbounded
from mda.synthetic.layout import FACES

_NEAREST = 1e-4


@kernel
@no_type_check
def depth_of(prims, local, camera, surface, px, py, bounded, bank):
    """Depth at which the ray through (px, py) meets one surface, whether or not others hide it; MISS if it does not."""
    i = surface // FACES
    row = local[i]
    x, y = (px - camera.cx) / camera.fx, (py - camera.cy) / camera.fy
    dx, dy, dz = (
        row[0] * x + row[1] * y + row[2],
        row[3] * x + row[4] * y + row[5],
        row[6] * x + row[7] * y + row[8],
    )
    if bounded:
        t, _ = meet(prims[i], row[9], row[10], row[11], dx, dy, dz, _NEAREST, bank)
        return t
    return meet_unbounded(prims[i], surface % FACES, row[9], row[10], row[11], dx, dy, dz)


@kernel
@no_type_check
def torn(prims, local, camera, one, one_x, one_y, one_depth, two, two_x, two_y, two_depth, gap, bank):
    """Whether two visible surfaces at two near image points are separated in depth.

    They are if their depths differ by more than `gap` in log and the surfaces do not meet between the two points. They
    meet where the difference of their depths, each continued endlessly, changes sign from one point to the other: a
    crease (floor and wall, two faces of a box), however slanted. A convex solid and a flat card are never torn from
    themselves.
    """
    if one // FACES == two // FACES:
        return False
    if abs(math.log(one_depth / two_depth)) <= gap:
        return False
    two_at_one = depth_of(prims, local, camera, two, one_x, one_y, False, bank)
    one_at_two = depth_of(prims, local, camera, one, two_x, two_y, False, bank)
    if two_at_one >= MISS or one_at_two >= MISS:
        return True
    return (one_depth - two_at_one) * (one_at_two - two_depth) > 0
