# ruff: noqa: ANN001, ANN201, ANN202, C901, PLR0912, PLR0913, PLR0917 - compiled code: types are inferred, inputs are arrays
"""The kernel that draws one view: depth and surface of the pixel centres, colours, and discontinuities."""

import math
from typing import no_type_check

import numpy as np

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.kernels.culling import MAJOR, TILE
from mda.synthetic.kernels.packets import trace_packet
from mda.synthetic.kernels.rays import MISS, normal_at
from mda.synthetic.kernels.shading import in_shadow, shade, sky_colour
from mda.synthetic.kernels.visibility import depth_of, torn
from mda.synthetic.layout import FACES

# Where the 16 rays of a pixel go: each of 16 columns and rows is used once, and each cell of the 4x4 grid. Pixels with
# nothing but a crease or the border of a shadow have the four after them instead.
RAYS, FEW_RAYS = 16, 4
RAY_X = np.array([(4 * (k % 4) + (k // 4) + 0.5) / 16 for k in range(RAYS)] + [0.375, 0.875, 0.125, 0.625])
RAY_Y = np.array([(4 * (k // 4) + (k % 4) + 0.5) / 16 for k in range(RAYS)] + [0.125, 0.375, 0.625, 0.875])
# Marks of pixels that need more than the ray through their centre.
MINOR = 1
# Relative depth gap (log) from which two surfaces are torn apart.
GAP = 0.05


@kernel
@no_type_check
def trace_centres(prims, local, nearest, rects, cells, columns, camera, bank, surface, depth):
    """Fill surface[h, w] and depth[h, w] (0 where nothing is met)."""
    height, width = surface.shape
    u, v = np.empty(TILE), np.empty(TILE)
    ids, depths = np.empty(TILE, np.int32), np.empty(TILE)
    for y in range(height):
        for left in range(0, width, TILE):
            count = min(TILE, width - left)
            for k in range(count):
                u[k] = (left + k + 0.5 - camera.cx) / camera.fx
                v[k] = (y + 0.5 - camera.cy) / camera.fy
            box = (left + 0.5, y + 0.5, left + count - 0.5, y + 0.5)
            trace_packet(prims, local, nearest, rects, cells, columns, box, u, v, 0, count, bank, ids, depths)
            for k in range(count):
                surface[y, left + k] = ids[k]
                depth[y, left + k] = depths[k] if ids[k] >= 0 else 0.0


@kernel
@no_type_check
def _point_and_shadow(prims, local, camera, environment, light_cells, s, t, px, py, bank):
    """Local point, local direction, and whether the light reaches it."""
    p, row = prims[s // FACES], local[s // FACES]
    x, y = (px - camera.cx) / camera.fx, (py - camera.cy) / camera.fy
    dx = row[0] * x + row[1] * y + row[2]
    dy = row[3] * x + row[4] * y + row[5]
    dz = row[6] * x + row[7] * y + row[8]
    lx, ly, lz = row[9] + t * dx, row[10] + t * dy, row[11] + t * dz
    nx, ny, nz = normal_at(p, s % FACES, lx, ly, lz)
    wx = camera.ox + t * (camera.r00 * x + camera.r01 * y + camera.r02)
    wy = camera.oy + t * (camera.r10 * x + camera.r11 * y + camera.r12)
    wz = camera.oz + t * (camera.r20 * x + camera.r21 * y + camera.r22)
    dark = in_shadow(
        prims,
        environment,
        light_cells,
        wx,
        wy,
        wz,
        p.r00 * nx + p.r10 * ny + p.r20 * nz,
        p.r01 * nx + p.r11 * ny + p.r21 * nz,
        p.r02 * nx + p.r12 * ny + p.r22 * nz,
        1e-4 * t,
        bank,
    )
    return (lx, ly, lz), (dx, dy, dz, t), not dark


@kernel
@no_type_check
def trace_shadows(prims, local, camera, environment, light_cells, bank, surface, depth, lit):
    """Fill lit[h, w] with whether the light reaches the pixel centres."""
    height, width = surface.shape
    for y in range(height):
        for x in range(width):
            lit[y, x] = 0
            if surface[y, x] >= 0:
                _, _, arrives = _point_and_shadow(
                    prims, local, camera, environment, light_cells, surface[y, x], depth[y, x], x + 0.5, y + 0.5, bank
                )
                lit[y, x] = 1 if arrives else 0


@kernel
@no_type_check
def mark_borders(surface, depth, lit, gap, flags):
    """Mark pixels whose 3x3 neighbourhood holds several surfaces or a shadow's border, by how far apart they are."""
    height, width = surface.shape
    far = math.exp(0.5 * gap)
    for y in range(height):
        for x in range(width):
            s, light = surface[y, x], lit[y, x]
            near, away = depth[y, x] / far, depth[y, x] * far
            for v in range(max(0, y - 1), min(height, y + 2)):
                for u in range(max(0, x - 1), min(width, x + 2)):
                    other = surface[v, u]
                    if other != s:
                        if other < 0 or s < 0 or depth[v, u] < near or depth[v, u] > away:
                            flags[y, x] = MAJOR
                        else:
                            flags[y, x] = max(flags[y, x], MINOR)
                    elif lit[v, u] != light:
                        flags[y, x] = max(flags[y, x], MINOR)


@kernel
@no_type_check
def _sky_at(environment, bank, camera, px, py, pixel):
    x, y = (px - camera.cx) / camera.fx, (py - camera.cy) / camera.fy
    dx = camera.r00 * x + camera.r01 * y + camera.r02
    dy = camera.r10 * x + camera.r11 * y + camera.r12
    dz = camera.r20 * x + camera.r21 * y + camera.r22
    scale = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    return sky_colour(environment, bank, dx * scale, dy * scale, dz * scale, pixel)


@kernel
@no_type_check
def _light_around(surface, lit, x, y, s):
    """1 or 0 if all pixel centres in the 3x3 neighbourhood that meet surface s are lit or dark; else -1."""
    height, width = surface.shape
    seen = -1
    for v in range(max(0, y - 1), min(height, y + 2)):
        for u in range(max(0, x - 1), min(width, x + 2)):
            if surface[v, u] == s:
                if seen >= 0 and lit[v, u] != seen:
                    return -1
                seen = int(lit[v, u])
    return seen


@kernel
@no_type_check
def _mixed_colour(
    prims, local, materials, camera, environment, light_cells, bank, surface, lit, ids, depths, x, y, first, last, pixel
):
    """Mean over the rays of a pixel; each surface is shaded once, near the middle of what is seen of it."""
    total_r, total_g, total_b = 0.0, 0.0, 0.0
    done = 0
    for k in range(first, last):
        if done >> k & 1:
            continue
        s = ids[k]
        count, mean_x, mean_y = 0, 0.0, 0.0
        for j in range(k, last):
            if ids[j] == s:
                done |= 1 << j
                count += 1
                mean_x += RAY_X[j]
                mean_y += RAY_Y[j]
        mean_x, mean_y = mean_x / count, mean_y / count
        if s < 0:
            r, g, b = _sky_at(environment, bank, camera, x + mean_x, y + mean_y, pixel)
        else:
            # Whether light arrives is asked of up to four rays, and only where the neighbours do not agree.
            known = _light_around(surface, lit, x, y, s)
            arriving, asked, seen, step = 0.0, 0, 0, max(1, count // 4)
            best, chosen = 1e30, k
            for j in range(k, last):
                if ids[j] != s:
                    continue
                away = (RAY_X[j] - mean_x) ** 2 + (RAY_Y[j] - mean_y) ** 2
                if away < best:
                    best, chosen = away, j
                if known < 0 and seen % step == 0:
                    _, _, arrives = _point_and_shadow(
                        prims, local, camera, environment, light_cells, s, depths[j], x + RAY_X[j], y + RAY_Y[j], bank
                    )
                    asked += 1
                    arriving += 1.0 if arrives else 0.0
                seen += 1
            share = float(known) if known >= 0 else arriving / asked
            point, ray = _point(local, camera, s, depths[chosen], x + RAY_X[chosen], y + RAY_Y[chosen])
            p = prims[s // FACES]
            r, g, b = shade(p, s % FACES, materials[p.material], environment, bank, point, ray, share, pixel)
        total_r += r * count
        total_g += g * count
        total_b += b * count
    scale = 1.0 / (last - first)
    return total_r * scale, total_g * scale, total_b * scale


@kernel
@no_type_check
def _point(local, camera, s, t, px, py):
    row = local[s // FACES]
    x, y = (px - camera.cx) / camera.fx, (py - camera.cy) / camera.fy
    dx = row[0] * x + row[1] * y + row[2]
    dy = row[3] * x + row[4] * y + row[5]
    dz = row[6] * x + row[7] * y + row[8]
    return (row[9] + t * dx, row[10] + t * dy, row[11] + t * dz), (dx, dy, dz, t)


@kernel
@no_type_check
def _other_surface(prims, local, camera, bank, surface, depth, x, y, ids, depths, first, last, gap, work):
    """Depth at the pixel centre of the surface torn from the centre's own, 0 if there is none; and whether sky is near.

    Looked for in the footprint's rays and the centres of the 3x3 neighbourhood. Of several the one met most often
    counts, then the one of the largest gap.
    """
    height, width = surface.shape
    own, own_depth = surface[y, x], depth[y, x]
    cx, cy = x + 0.5, y + 0.5
    far = math.exp(gap)
    found, found_depth, away = work
    count = 0
    sky = False
    for k in range(first, last + 9):
        if k < last:
            s, t, px, py = ids[k], depths[k], x + RAY_X[k], y + RAY_Y[k]
        else:
            u, v = x + (k - last) % 3 - 1, y + (k - last) // 3 - 1
            if u < 0 or v < 0 or u >= width or v >= height or (u == x and v == y):
                continue
            s, t, px, py = surface[v, u], depth[v, u], u + 0.5, v + 0.5
        if (s < 0) != (own < 0):
            sky = True
        if own < 0 or s < 0 or s == own:
            continue
        if torn(prims, local, camera, own, cx, cy, own_depth, s, px, py, t, far):
            found[count] = s
            found_depth[count] = t
            away[count] = (px - cx) ** 2 + (py - cy) ** 2
            count += 1
    best_votes, best_gap, other = 0, 0.0, 0.0
    for k in range(count):
        votes, near = 0, k
        for j in range(count):
            if found[j] == found[k]:
                votes += 1
                if away[j] < away[near]:
                    near = j
        t = depth_of(prims, local, camera, found[k], cx, cy, bank)
        if t >= MISS:
            t = found_depth[near]
        jump = abs(math.log(t / own_depth))
        if jump > gap and (votes > best_votes or (votes == best_votes and jump > best_gap)):
            best_votes, best_gap, other = votes, jump, t
    return other, sky


@kernel
@no_type_check
def _plain_colour(prims, local, materials, camera, environment, bank, s, t, px, py, lit):
    """Colour along one ray that meets surface s at depth t, or the sky."""
    pixel = 1 / camera.fy
    if s < 0:
        return _sky_at(environment, bank, camera, px, py, pixel)
    point, ray = _point(local, camera, s, t, px, py)
    p = prims[s // FACES]
    return shade(p, s % FACES, materials[p.material], environment, bank, point, ray, lit, pixel)


@kernel
@no_type_check
def draw(
    prims, local, nearest, rects, cells, columns, materials, camera, environment, light_cells, bank,
    surface, depth, lit, flags, gap, colour, edge, skyline, front, back,
):  # fmt: skip
    """Fill colour[h, w, 3] (linear) and the discontinuity maps from what the pixel centres met."""
    height, width = surface.shape
    ids, found = np.empty(RAYS + FEW_RAYS, np.int32), np.empty(RAYS + 8, np.int32)
    u, v, depths = np.empty(RAYS + FEW_RAYS), np.empty(RAYS + FEW_RAYS), np.empty(RAYS + FEW_RAYS)
    found_depth, away = np.empty(RAYS + 8), np.empty(RAYS + 8)
    pixel = 1 / camera.fy
    work = (found, found_depth, away)
    for y in range(height):
        for x in range(width):
            s, t = surface[y, x], depth[y, x]
            if flags[y, x] == 0:
                r, g, b = _plain_colour(
                    prims, local, materials, camera, environment, bank, s, t, x + 0.5, y + 0.5, float(lit[y, x])
                )
            else:
                first, last = (0, RAYS) if flags[y, x] == MAJOR else (RAYS, RAYS + FEW_RAYS)
                for k in range(first, last):
                    u[k] = (x + RAY_X[k] - camera.cx) / camera.fx
                    v[k] = (y + RAY_Y[k] - camera.cy) / camera.fy
                box = (float(x), float(y), x + 1.0 - 1e-9, y + 1.0 - 1e-9)
                trace_packet(prims, local, nearest, rects, cells, columns, box, u, v, first, last, bank, ids, depths)
                r, g, b = _mixed_colour(
                    prims, local, materials, camera, environment, light_cells, bank,
                    surface, lit, ids, depths, x, y, first, last, pixel,
                )  # fmt: skip
                other, sky = _other_surface(
                    prims, local, camera, bank, surface, depth, x, y, ids, depths, first, last, gap, work
                )
                if other > 0:
                    edge[y, x] = True
                    front[y, x], back[y, x] = min(t, other), max(t, other)
                skyline[y, x] = sky
            colour[y, x, 0], colour[y, x, 1], colour[y, x, 2] = r, g, b
