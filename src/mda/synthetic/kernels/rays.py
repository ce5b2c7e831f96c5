# ruff: noqa: ANN001, ANN201, ANN202, PLR0911, PLR0913, PLR0917 - compiled code: types are inferred, inputs are arrays
"""Where a ray meets a primitive, in the primitive's own axes."""

import math
from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.kernels.tiles import _bilinear
from mda.synthetic.layout import BOX, CYLINDER, DIAMOND, ELLIPSE, ELLIPSOID, LATTICE, LEAF, MASK, RECTANGLE

MISS = 1e30


@kernel
@no_type_check
def _box(p, ox, oy, oz, dx, dy, dz, near):
    # Slabs; a zero direction gives +-inf, which the comparisons handle (0 * inf cannot arise: see the offset).
    ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz
    ax, bx = (-p.hx - ox) * ix, (p.hx - ox) * ix
    ay, by = (-p.hy - oy) * iy, (p.hy - oy) * iy
    az, bz = (-p.hz - oz) * iz, (p.hz - oz) * iz
    enter, face = min(ax, bx), 0 if dx > 0 else 1
    leave = max(ax, bx)
    ty = min(ay, by)
    if ty > enter:
        enter, face = ty, 2 if dy > 0 else 3
    leave = min(leave, max(ay, by))
    tz = min(az, bz)
    if tz > enter:
        enter, face = tz, 4 if dz > 0 else 5
    leave = min(leave, max(az, bz))
    if enter <= leave and enter > near:
        return enter, face
    return MISS, 0


@kernel
@no_type_check
def _ellipsoid(p, ox, oy, oz, dx, dy, dz, near):
    ix, iy, iz = 1 / p.hx, 1 / p.hy, 1 / p.hz
    ox, oy, oz, dx, dy, dz = ox * ix, oy * iy, oz * iz, dx * ix, dy * iy, dz * iz
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    # Distance of the centre from the ray, without the cancellation of b^2 - a c.
    s = b / a
    qx, qy, qz = ox - s * dx, oy - s * dy, oz - s * dz
    rest = 1 - (qx * qx + qy * qy + qz * qz)
    if rest <= 0:
        return MISS, 0
    t = -s - math.sqrt(rest / a)
    if t > near:
        return t, 0
    return MISS, 0


@kernel
@no_type_check
def _cylinder_side(p, ox, oy, oz, dx, dy, dz):
    """Both places where the ray meets the endless (tapered) side; (MISS, MISS) if it does not."""
    ix, iy = 1 / p.hx, 1 / p.hy
    k = p.taper / p.hz
    ax, ay = dx * ix, dy * iy
    bx, by = ox * ix, oy * iy
    grow, radius = k * dz, 1 + k * oz
    a = ax * ax + ay * ay - grow * grow
    b = ax * bx + ay * by - grow * radius
    c = bx * bx + by * by - radius * radius
    if abs(a) < 1e-12:
        if abs(b) < 1e-12:
            return MISS, MISS
        t = -0.5 * c / b
        return t, t
    root = b * b - a * c
    if root < 0:
        return MISS, MISS
    root = math.sqrt(root)
    # Of the two quotients each root takes the one without cancellation.
    q = -(b + root) if b > 0 else root - b
    if q == 0:
        return MISS, MISS
    t0, t1 = q / a, c / q
    return min(t0, t1), max(t0, t1)


@kernel
@no_type_check
def _cylinder(p, ox, oy, oz, dx, dy, dz, near):
    best, face = MISS, 0
    t0, t1 = _cylinder_side(p, ox, oy, oz, dx, dy, dz)
    for t in (t0, t1):
        if near < t < best:
            z = oz + t * dz
            if abs(z) <= p.hz and 1 + p.taper * z / p.hz > 0:
                best = t
    if dz != 0:
        for cap in (1, 2):
            side = p.hz if cap == 1 else -p.hz
            t = (side - oz) / dz
            if near < t < best:
                radius = 1 + (p.taper if cap == 1 else -p.taper)
                x, y = (ox + t * dx) / p.hx, (oy + t * dy) / p.hy
                if x * x + y * y <= radius * radius:
                    best, face = t, cap
    return best, face


@kernel
@no_type_check
def inside_outline(p, x, y, bank):
    """Whether a card, cut by its outline, is there at the local point (x, y) of its rectangle."""
    u, v = x / p.hx, y / p.hy
    outline = p.outline
    if outline == RECTANGLE:
        return True
    if outline == ELLIPSE:
        return u * u + v * v <= 1
    if outline == LEAF:
        return abs(v) <= (1 - u * u) * (1 - 0.35 * u)
    if outline == DIAMOND:
        return abs(u) + abs(v) <= 1
    if outline == MASK:
        # Ragged inside an ellipse, so that the card's rectangle is never seen.
        edge = u * u + v * v
        return edge < 1 and _bilinear(bank, p.mask, x * p.b, y * p.b, 0) > p.a + 0.35 * edge * edge
    if outline == LATTICE:
        if abs(u) > 1 - 2 * p.b / p.hx or abs(v) > 1 - 2 * p.d / p.hy:
            return True
        across = x / p.a
        along = y / p.c
        return (across - math.floor(across)) * p.a < p.b or (along - math.floor(along)) * p.c < p.d
    radius = u * u + v * v
    return p.a * p.a <= radius <= 1


@kernel
@no_type_check
def _card(p, ox, oy, oz, dx, dy, dz, near, bank):
    if dz == 0:
        return MISS, 0
    t = -oz / dz
    if t <= near:
        return MISS, 0
    x, y = ox + t * dx, oy + t * dy
    if abs(x) <= p.hx and abs(y) <= p.hy and inside_outline(p, x, y, bank):
        return t, 0 if dz < 0 else 1
    return MISS, 0


@kernel
@no_type_check
def meet(p, ox, oy, oz, dx, dy, dz, near, bank):
    """First t > near at which o + t d lies on the primitive, and the number of the surface there; MISS if none.

    Box: surfaces 0..5 are -x, +x, -y, +y, -z, +z. Cylinder: side, top, bottom. Card: seen from +z, from -z.
    """
    if p.kind == BOX:
        return _box(p, ox, oy, oz, dx, dy, dz, near)
    if p.kind == ELLIPSOID:
        return _ellipsoid(p, ox, oy, oz, dx, dy, dz, near)
    if p.kind == CYLINDER:
        return _cylinder(p, ox, oy, oz, dx, dy, dz, near)
    return _card(p, ox, oy, oz, dx, dy, dz, near, bank)


@kernel
@no_type_check
def inverse_depth(p, face, ox, oy, oz, dx, dy, dz):
    """1 / t of the place where the ray meets the endless continuation of one surface; MISS if there is none.

    For planes it is linear in the image, and negative beyond their horizon.
    """
    if p.kind == BOX:
        if face < 2:
            return dx / ((p.hx if face == 1 else -p.hx) - ox)
        if face < 4:
            return dy / ((p.hy if face == 3 else -p.hy) - oy)
        return dz / ((p.hz if face == 5 else -p.hz) - oz)
    if p.kind == ELLIPSOID:
        t, _ = _ellipsoid(p, ox, oy, oz, dx, dy, dz, 0.0)
        return 1 / t if t < MISS else MISS
    if p.kind == CYLINDER:
        if face != 0:
            return dz / ((p.hz if face == 1 else -p.hz) - oz)
        t0, t1 = _cylinder_side(p, ox, oy, oz, dx, dy, dz)
        t = t0 if t0 > 0 else t1
        return 1 / t if 0 < t < MISS else MISS
    return -dz / oz


@kernel
@no_type_check
def normal_at(p, face, x, y, z):
    """Outward unit normal at the local point (x, y, z), on the side that face tells."""
    if p.kind == BOX:
        sign = 1.0 if face & 1 else -1.0
        if face < 2:
            return sign, 0.0, 0.0
        if face < 4:
            return 0.0, sign, 0.0
        return 0.0, 0.0, sign
    if p.kind == ELLIPSOID:
        nx, ny, nz = x / (p.hx * p.hx), y / (p.hy * p.hy), z / (p.hz * p.hz)
    elif p.kind == CYLINDER:
        if face == 1:
            return 0.0, 0.0, 1.0
        if face == 2:
            return 0.0, 0.0, -1.0
        radius = 1 + p.taper * z / p.hz
        nx, ny, nz = x / (p.hx * p.hx), y / (p.hy * p.hy), -radius * p.taper / p.hz
    else:
        return 0.0, 0.0, (1.0 if face == 0 else -1.0)
    scale = 1 / math.sqrt(nx * nx + ny * ny + nz * nz)
    return nx * scale, ny * scale, nz * scale


@kernel
@no_type_check
def surface_coordinates(p, face, x, y, z):
    """Coordinates in metres along a surface, for its pattern."""
    if p.kind == BOX:
        if face < 2:
            return y, z
        if face < 4:
            return x, z
        return x, y
    if p.kind == CYLINDER:
        if face == 0:
            return math.atan2(y, x) * p.hx, z
        return x, y
    if p.kind == ELLIPSOID:
        return math.atan2(y, x) * p.hx, math.asin(min(1.0, max(-1.0, z / p.hz))) * p.hz
    return x, y
