# ruff: noqa: ANN001, ANN201, ANN202, PLR0913, PLR0917 - compiled code: types are inferred, inputs are arrays
"""Light, shadow, pattern, fog and sky at one point of a surface."""

import math
from typing import no_type_check

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.kernels.rays import MISS, meet, normal_at, surface_coordinates
from mda.synthetic.kernels.tiles import sample

# Columns and rows of the light's cells.
LIGHT_COLUMNS, LIGHT_ROWS = 96, 64


@kernel
@no_type_check
def _cell_towards_light(environment, frame, x, y, z):
    """Number of the light's cell that a world point lies in (-1: none), and the way to the light (unit or whole)."""
    if environment.point:
        dx, dy, dz = environment.lx - x, environment.ly - y, environment.lz - z
        u = math.atan2(-dy, -dx) + math.pi
        v = math.asin(min(1.0, max(-1.0, -dz / math.sqrt(dx * dx + dy * dy + dz * dz)))) + math.pi / 2
    else:
        dx, dy, dz = environment.lx, environment.ly, environment.lz
        u = frame[0] * x + frame[1] * y + frame[2] * z
        v = frame[3] * x + frame[4] * y + frame[5] * z
    column, row = math.floor((u - frame[6]) / frame[8]), math.floor((v - frame[7]) / frame[9])
    if environment.point:
        # Angles of exactly pi belong to the last cell.
        column, row = min(column, LIGHT_COLUMNS - 1), min(row, LIGHT_ROWS - 1)
    if column < 0 or row < 0 or column >= LIGHT_COLUMNS or row >= LIGHT_ROWS:
        return -1, dx, dy, dz
    return row * LIGHT_COLUMNS + column, dx, dy, dz


@kernel
@no_type_check
def in_shadow(prims, environment, cells, x, y, z, nx, ny, nz, lift, bank):
    """Whether something stands between the world point (normal n) and the light.

    `cells` = (frame, starts, members): frame[0..2], frame[3..5] are the light's axes, then the origin (u, v) and the
    size of a cell in u and v.
    """
    frame, starts, members = cells
    x, y, z = x + lift * nx, y + lift * ny, z + lift * nz
    cell, dx, dy, dz = _cell_towards_light(environment, frame, x, y, z)
    if dx * nx + dy * ny + dz * nz <= 0:
        return True
    if cell < 0:
        return False
    far = 1.0 if environment.point else MISS
    for k in range(starts[cell], starts[cell + 1]):
        p = prims[members[k]]
        qx, qy, qz = x - p.cx, y - p.cy, z - p.cz
        # A ball around the primitive is cheaper to refuse than its own axes.
        grow = 1 + abs(p.taper)
        reach = (p.hx * p.hx + p.hy * p.hy) * grow * grow + p.hz * p.hz
        along = -(qx * dx + qy * dy + qz * dz)
        away = qx * qx + qy * qy + qz * qz
        if away > reach:
            if along <= 0:
                continue
            length = dx * dx + dy * dy + dz * dz
            if away * length - along * along > reach * length:
                continue
        t, _ = meet(
            p,
            p.r00 * qx + p.r01 * qy + p.r02 * qz,
            p.r10 * qx + p.r11 * qy + p.r12 * qz,
            p.r20 * qx + p.r21 * qy + p.r22 * qz,
            p.r00 * dx + p.r01 * dy + p.r02 * dz,
            p.r10 * dx + p.r11 * dy + p.r12 * dz,
            p.r20 * dx + p.r21 * dy + p.r22 * dz,
            1e-9,
            bank,
        )
        if t < far:
            return True
    return False


@kernel
@no_type_check
def sky_colour(environment, bank, dx, dy, dz, footprint):
    """Linear RGB of the sky in direction d (unit); footprint is the angle of a pixel."""
    e = environment
    height = max(dz, 0.0)
    low = (1 - height) ** 5
    r = e.zenith0 + (e.horizon0 - e.zenith0) * low
    g = e.zenith1 + (e.horizon1 - e.zenith1) * low
    b = e.zenith2 + (e.horizon2 - e.zenith2) * low
    if e.cover > 0 and dz > 0:
        scale = e.cloud_scale / (dz + 0.12)
        blur = footprint * scale / (dz + 0.12)
        value = sample(bank, e.clouds, dx * scale + e.cloud_u, dy * scale + e.cloud_v, blur)
        value += 0.35 * sample(bank, e.clouds, dy * scale * 3.1, dx * scale * 3.1, blur * 3.1)
        share = min(1.0, max(0.0, (value / 1.35 - 1 + e.cover) / 0.25))
        share = share * share * (3 - 2 * share) * min(1.0, dz * 8)
        shade = 0.75 + 0.25 * min(1.0, value)
        r += (e.cloud0 * shade - r) * share
        g += (e.cloud1 * shade - g) * share
        b += (e.cloud2 * shade - b) * share
    if e.point == 0:
        towards = max(0.0, dx * e.lx + dy * e.ly + dz * e.lz)
        glow = e.glow * (towards**8 * 0.3 + towards**256 * 4)
        r, g, b = r + glow * e.light0, g + glow * e.light1, b + glow * e.light2
    return r, g, b


@kernel
@no_type_check
def _albedo(material, bank, u, v, texel):
    m = material
    pu, pv = (m.cos * u - m.sin * v) * m.scale + m.u, (m.sin * u + m.cos * v) * m.scale + m.v
    a = sample(bank, m.pattern, pu, pv, texel * m.scale)
    b = m.detail_share * sample(bank, m.detail, u * m.detail_scale + m.v, v * m.detail_scale, texel * m.detail_scale)
    r = m.first0 + (m.second0 - m.first0) * a
    g = m.first1 + (m.second1 - m.first1) * a
    bl = m.first2 + (m.second2 - m.first2) * a
    return r + (m.third0 - r) * b, g + (m.third1 - g) * b, bl + (m.third2 - bl) * b


@kernel
@no_type_check
def _light(p, e, m, point, ray, normal, lit):
    """Light on a surface (linear RGB) and the strength of its highlight; the normal is in world axes."""
    x, y, z = point
    wx, wy, wz = normal
    up = 0.5 + 0.5 * wz
    r = e.below0 + (e.above0 - e.below0) * up
    g = e.below1 + (e.above1 - e.below1) * up
    b = e.below2 + (e.above2 - e.below2) * up
    if lit <= 0:
        return r, g, b, 0.0
    lx, ly, lz = e.lx, e.ly, e.lz
    if e.point:
        lx -= p.r00 * x + p.r10 * y + p.r20 * z + p.cx
        ly -= p.r01 * x + p.r11 * y + p.r21 * z + p.cy
        lz -= p.r02 * x + p.r12 * y + p.r22 * z + p.cz
        square = lx * lx + ly * ly + lz * lz
        scale = 1 / math.sqrt(square)
        lx, ly, lz = lx * scale, ly * scale, lz * scale
        lit /= 1 + square / (e.reach * e.reach)
    cosine = lit * max(0.0, lx * wx + ly * wy + lz * wz)
    shine = 0.0
    if m.specular > 0 and cosine > 0:
        dx, dy, dz, _ = ray
        scale = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
        vx = lx - (p.r00 * dx + p.r10 * dy + p.r20 * dz) * scale
        vy = ly - (p.r01 * dx + p.r11 * dy + p.r21 * dz) * scale
        vz = lz - (p.r02 * dx + p.r12 * dy + p.r22 * dz) * scale
        half = (vx * wx + vy * wy + vz * wz) / math.sqrt(vx * vx + vy * vy + vz * vz)
        shine = m.specular * lit * max(0.0, half) ** m.shininess
    return r + e.light0 * cosine, g + e.light1 * cosine, b + e.light2 * cosine, shine


@kernel
@no_type_check
def shade(p, face, material, environment, bank, point, ray, lit, pixel):
    """Linear RGB of a surface point.

    `point` is local (x, y, z); `ray` the local direction and the depth, point = origin + depth * direction; `lit` the
    share of the light that arrives; `pixel` the size of a pixel at unit depth.
    """
    e, m = environment, material
    x, y, z = point
    dx, dy, dz, depth = ray
    nx, ny, nz = normal_at(p, face, x, y, z)
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    facing = max(0.04, -(nx * dx + ny * dy + nz * dz) / length)
    texel = depth * pixel * length / math.sqrt(facing)
    u, v = surface_coordinates(p, face, x, y, z)
    r, g, b = _albedo(m, bank, u, v, texel)
    # World normal: R^T n.
    wx = p.r00 * nx + p.r10 * ny + p.r20 * nz
    wy = p.r01 * nx + p.r11 * ny + p.r21 * nz
    wz = p.r02 * nx + p.r12 * ny + p.r22 * nz
    lr, lg, lb, shine = _light(p, e, m, point, ray, (wx, wy, wz), lit)
    r = r * (lr + m.emission) + shine * e.light0
    g = g * (lg + m.emission) + shine * e.light1
    b = b * (lb + m.emission) + shine * e.light2
    if e.fog > 0:
        clear = math.exp(-e.fog * depth * length)
        r, g, b = (
            r * clear + e.horizon0 * (1 - clear),
            g * clear + e.horizon1 * (1 - clear),
            b * clear + e.horizon2 * (1 - clear),
        )
    return r, g, b
