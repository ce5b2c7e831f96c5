# ruff: noqa: ANN001, ANN201, ANN202, FURB136, PLR0913, PLR0917 - compiled code: types are inferred, inputs are arrays
"""Rays in packets: one primitive at a time is met with all rays of a packet, in loops that become vector instructions.

The formulas are those of `rays`, without branches.
"""

import math
from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.kernels.culling import TILE
from mda.synthetic.kernels.rays import MISS, inside_outline
from mda.synthetic.layout import BOX, CYLINDER, ELLIPSOID, FACES, RECTANGLE

_NEAREST = 1e-4


@kernel
@no_type_check
def _box(p, row, base, u, v, first, last, ids, depths):
    px, py, pz = p.hx - row[9], p.hy - row[10], p.hz - row[11]
    qx, qy, qz = -p.hx - row[9], -p.hy - row[10], -p.hz - row[11]
    a0, a1, a2, b0, b1, b2, c0, c1, c2 = row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8]
    for k in range(first, last):
        ix = 1.0 / (a0 * u[k] + a1 * v[k] + a2)
        iy = 1.0 / (b0 * u[k] + b1 * v[k] + b2)
        iz = 1.0 / (c0 * u[k] + c1 * v[k] + c2)
        x0, x1 = (qx * ix, px * ix) if ix > 0 else (px * ix, qx * ix)
        y0, y1 = (qy * iy, py * iy) if iy > 0 else (py * iy, qy * iy)
        z0, z1 = (qz * iz, pz * iz) if iz > 0 else (pz * iz, qz * iz)
        enter = x0 if x0 > y0 else y0
        enter = enter if enter > z0 else z0
        leave = x1 if x1 < y1 else y1
        leave = leave if leave < z1 else z1
        face = 4 if iz > 0 else 5
        face = (2 if iy > 0 else 3) if enter == y0 else face
        face = (0 if ix > 0 else 1) if enter == x0 else face
        hit = (enter <= leave) & (enter > _NEAREST) & (enter < depths[k])
        depths[k] = enter if hit else depths[k]
        ids[k] = base + face if hit else ids[k]


@kernel
@no_type_check
def _ellipsoid(p, row, base, u, v, first, last, ids, depths):
    sx, sy, sz = 1 / p.hx, 1 / p.hy, 1 / p.hz
    ox, oy, oz = row[9] * sx, row[10] * sy, row[11] * sz
    a0, a1, a2 = row[0] * sx, row[1] * sx, row[2] * sx
    b0, b1, b2 = row[3] * sy, row[4] * sy, row[5] * sy
    c0, c1, c2 = row[6] * sz, row[7] * sz, row[8] * sz
    for k in range(first, last):
        dx = a0 * u[k] + a1 * v[k] + a2
        dy = b0 * u[k] + b1 * v[k] + b2
        dz = c0 * u[k] + c1 * v[k] + c2
        scale = 1 / (dx * dx + dy * dy + dz * dz)
        s = (ox * dx + oy * dy + oz * dz) * scale
        qx, qy, qz = ox - s * dx, oy - s * dy, oz - s * dz
        rest = 1 - (qx * qx + qy * qy + qz * qz)
        t = -s - math.sqrt((rest if rest > 0 else 0.0) * scale)
        hit = (rest > 0) & (t > _NEAREST) & (t < depths[k])
        depths[k] = t if hit else depths[k]
        ids[k] = base if hit else ids[k]


@kernel
@no_type_check
def _cylinder(p, row, base, u, v, first, last, ids, depths):
    sx, sy, grow = 1 / p.hx, 1 / p.hy, p.taper / p.hz
    ox, oy, oz, half = row[9] * sx, row[10] * sy, row[11], p.hz
    a0, a1, a2 = row[0] * sx, row[1] * sx, row[2] * sx
    b0, b1, b2 = row[3] * sy, row[4] * sy, row[5] * sy
    c0, c1, c2 = row[6], row[7], row[8]
    radius = 1 + grow * oz
    upper, lower = (1 + p.taper) * (1 + p.taper), (1 - p.taper) * (1 - p.taper)
    for k in range(first, last):
        dx = a0 * u[k] + a1 * v[k] + a2
        dy = b0 * u[k] + b1 * v[k] + b2
        dz = c0 * u[k] + c1 * v[k] + c2
        wide = grow * dz
        a = dx * dx + dy * dy - wide * wide
        b = dx * ox + dy * oy - wide * radius
        c = ox * ox + oy * oy - radius * radius
        square = b * b - a * c
        root = math.sqrt(square if square > 0 else 0.0)
        q = -(b + root) if b > 0 else root - b
        # Zero divisors give infinities, which fail the test of z below.
        t0, t1 = q / a, c / q
        z0, z1 = oz + t0 * dz, oz + t1 * dz
        ok0 = (square > 0) & (abs(z0) <= half) & (1 + grow * z0 > 0) & (t0 > _NEAREST)
        ok1 = (square > 0) & (abs(z1) <= half) & (1 + grow * z1 > 0) & (t1 > _NEAREST)
        t0 = t0 if ok0 else MISS
        t1 = t1 if ok1 else MISS
        side = t0 if t0 < t1 else t1
        iz = 1 / dz
        tu, tl = (half - oz) * iz, (-half - oz) * iz
        xu, yu, xl, yl = ox + tu * dx, oy + tu * dy, ox + tl * dx, oy + tl * dy
        on_upper = (xu * xu + yu * yu <= upper) & (tu > _NEAREST)
        on_lower = (xl * xl + yl * yl <= lower) & (tl > _NEAREST)
        tu = tu if on_upper else MISS
        tl = tl if on_lower else MISS
        cap = tu if tu < tl else tl
        face = 1 if tu < tl else 2
        face = face if cap < side else 0
        t = cap if cap < side else side
        hit = t < depths[k]
        depths[k] = t if hit else depths[k]
        ids[k] = base + face if hit else ids[k]


@kernel
@no_type_check
def _card(p, row, base, u, v, first, last, ids, depths, bank):
    ox, oy, oz, hx, hy = row[9], row[10], row[11], p.hx, p.hy
    a0, a1, a2, b0, b1, b2, c0, c1, c2 = row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8]
    if p.outline == RECTANGLE:
        for k in range(first, last):
            iz = 1 / (c0 * u[k] + c1 * v[k] + c2)
            t = -oz * iz
            x = ox + t * (a0 * u[k] + a1 * v[k] + a2)
            y = oy + t * (b0 * u[k] + b1 * v[k] + b2)
            hit = (abs(x) <= hx) & (abs(y) <= hy) & (t > _NEAREST) & (t < depths[k])
            depths[k] = t if hit else depths[k]
            ids[k] = base + (1 if iz > 0 else 0) if hit else ids[k]
        return
    for k in range(first, last):
        iz = 1 / (c0 * u[k] + c1 * v[k] + c2)
        t = -oz * iz
        x = ox + t * (a0 * u[k] + a1 * v[k] + a2)
        y = oy + t * (b0 * u[k] + b1 * v[k] + b2)
        if abs(x) <= hx and abs(y) <= hy and _NEAREST < t < depths[k] and inside_outline(p, x, y, bank):
            depths[k] = t
            ids[k] = base + (1 if iz > 0 else 0)


@kernel
@no_type_check
def trace_packet(prims, local, nearest, rects, cells, columns, box, u, v, first, last, bank, ids, depths):
    """Fill ids (surface number, -1: nothing met) and depths from `first` to `last` of a packet.

    `box` is left, top, right, bottom of the packet in the image, all of it in one tile; (u, v, 1) are the directions of
    the rays in camera axes.
    """
    starts, members = cells
    left, top, right, bottom = box
    for k in range(first, last):
        ids[k] = -1
        depths[k] = MISS
    cell = int(top / TILE) * columns + int(left / TILE)
    for j in range(starts[cell], starts[cell + 1]):
        i = members[j]
        if right < rects[i, 0] or left > rects[i, 2] or bottom < rects[i, 1] or top > rects[i, 3]:
            continue
        farthest = 0.0
        for k in range(first, last):
            farthest = depths[k] if depths[k] > farthest else farthest
        if nearest[i] >= farthest:
            return
        p, row, base = prims[i], local[i], i * FACES
        if p.kind == BOX:
            _box(p, row, base, u, v, first, last, ids, depths)
        elif p.kind == ELLIPSOID:
            _ellipsoid(p, row, base, u, v, first, last, ids, depths)
        elif p.kind == CYLINDER:
            _cylinder(p, row, base, u, v, first, last, ids, depths)
        else:
            _card(p, row, base, u, v, first, last, ids, depths, bank)
