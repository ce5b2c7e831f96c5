# ruff: noqa: ANN001, ANN201, ANN202, PLR0913, PLR0917 - compiled code: types are inferred, inputs are arrays
"""Depths of single surfaces at points of the image, and whether two neighbouring surfaces are torn apart."""

from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.kernels.rays import MISS, inverse_depth, meet
from mda.synthetic.layout import FACES

_NEAREST = 1e-4
# Surfaces whose inverse depths differ by a smaller share touch each other.
_TOUCHING = 1e-3


@kernel
@no_type_check
def _local_direction(row, camera, px, py):
    x, y = (px - camera.cx) / camera.fx, (py - camera.cy) / camera.fy
    return (
        row[0] * x + row[1] * y + row[2],
        row[3] * x + row[4] * y + row[5],
        row[6] * x + row[7] * y + row[8],
    )


@kernel
@no_type_check
def depth_of(prims, local, camera, surface, px, py, bank):
    """Depth at which the ray through (px, py) meets a surface's primitive, hidden or not; MISS if it does not."""
    i = surface // FACES
    row = local[i]
    dx, dy, dz = _local_direction(row, camera, px, py)
    t, _ = meet(prims[i], row[9], row[10], row[11], dx, dy, dz, _NEAREST, bank)
    return t


@kernel
@no_type_check
def _continued(prims, local, camera, surface, px, py):
    """Inverse depth along the ray through (px, py) of the endless continuation of a surface."""
    row = local[surface // FACES]
    dx, dy, dz = _local_direction(row, camera, px, py)
    return inverse_depth(prims[surface // FACES], surface % FACES, row[9], row[10], row[11], dx, dy, dz)


@kernel
@no_type_check
def torn(prims, local, camera, one, one_x, one_y, one_depth, two, two_x, two_y, two_depth, far):
    """Whether two visible surfaces at two near image points are separated in depth.

    They are if their depths differ by more than the factor `far` and the surfaces do not meet between the two points.
    They meet where the difference of their inverse depths, each surface continued endlessly, changes sign from one
    point to the other, or is next to nothing at one of them: a crease (floor and wall, two faces of a box) or one plane
    in two pieces, however slanted. A convex solid and a flat card are never torn from themselves.
    """
    if one // FACES == two // FACES or (one_depth <= far * two_depth and two_depth <= far * one_depth):
        return False
    two_at_one = _continued(prims, local, camera, two, one_x, one_y)
    one_at_two = _continued(prims, local, camera, one, two_x, two_y)
    if two_at_one >= MISS or one_at_two >= MISS:
        return True
    here, there = 1 - two_at_one * one_depth, one_at_two * two_depth - 1
    return here * there > 0 and min(abs(here), abs(there)) > _TOUCHING
