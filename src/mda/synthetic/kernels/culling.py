# ruff: noqa: ANN001, ANN201, ANN202, C901 - compiled code: types are inferred, inputs are arrays
"""Which primitives can be seen where: lists per tile of the image, and per cell of the light's view."""

import math
from typing import no_type_check

import numpy as np

from mda.synthetic.kernels.compiled import kernel
from mda.synthetic.layout import CARD, CYLINDER, ELLIPSOID

TILE = 8
# Mark of pixels that are drawn from many rays (see drawing.py).
MAJOR = 2
_NEAR = 1e-3
# Things thinner than this many pixels are drawn from many rays even where no pixel centre meets them.
_THIN = 2.0


@kernel
@no_type_check
def place_in_view(prims, camera, local):
    """Fill local[n, 12]: rotation local_from_camera by rows, then the camera's centre in local axes."""
    for i in range(prims.shape[0]):
        p = prims[i]
        rows = ((p.r00, p.r01, p.r02), (p.r10, p.r11, p.r12), (p.r20, p.r21, p.r22))
        ox, oy, oz = camera.ox - p.cx, camera.oy - p.cy, camera.oz - p.cz
        for j in range(3):
            a, b, c = rows[j]
            local[i, 3 * j] = a * camera.r00 + b * camera.r10 + c * camera.r20
            local[i, 3 * j + 1] = a * camera.r01 + b * camera.r11 + c * camera.r21
            local[i, 3 * j + 2] = a * camera.r02 + b * camera.r12 + c * camera.r22
            local[i, 9 + j] = a * ox + b * oy + c * oz


@kernel
@no_type_check
def _corners(p, row, corners):
    """Corners of the bounding box in camera axes: x = R^T (q - o)."""
    grow = 1 + abs(p.taper)
    hx, hy, hz = p.hx * grow, p.hy * grow, p.hz
    for k in range(8):
        x = (hx if k & 1 else -hx) - row[9]
        y = (hy if k & 2 else -hy) - row[10]
        z = (hz if k & 4 else -hz) - row[11]
        for j in range(3):
            corners[k, j] = row[j] * x + row[3 + j] * y + row[6 + j] * z


@kernel
@no_type_check
def bounds_in_view(prims, local, camera, height, width, rects, nearest):
    """Fill rects[n, 4] (left, top, right, bottom in pixels, empty if unseen) and nearest[n] (smallest z)."""
    corners = np.empty((8, 3))
    for i in range(prims.shape[0]):
        _corners(prims[i], local[i], corners)
        left, top, right, bottom, low, high = 1e30, 1e30, -1e30, -1e30, 1e30, -1e30
        for k in range(8):
            low, high = min(low, corners[k, 2]), max(high, corners[k, 2])
        nearest[i] = max(low, _NEAR)
        rects[i, :] = 0
        if high <= _NEAR:
            continue
        for k in range(8):
            for axis in range(3):
                other = k ^ (1 << axis)
                if other < k:
                    continue
                # The visible part of the edge from corner k to the other.
                for end in range(2):
                    here, there = (k, other) if end == 0 else (other, k)
                    x, y, z = corners[here, 0], corners[here, 1], corners[here, 2]
                    if z < _NEAR:
                        z2 = corners[there, 2]
                        if z2 <= _NEAR:
                            continue
                        s = (_NEAR - z) / (z2 - z)
                        x += s * (corners[there, 0] - x)
                        y += s * (corners[there, 1] - y)
                        z = _NEAR
                    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
                    left, right = min(left, u), max(right, u)
                    top, bottom = min(top, v), max(bottom, v)
        if right > 0 and left < width and bottom > 0 and top < height:
            rects[i, 0], rects[i, 1] = max(left - 1, 0), max(top - 1, 0)
            rects[i, 2], rects[i, 3] = min(right + 1, width), min(bottom + 1, height)


@kernel
@no_type_check
def fill_cells(rects, order, size, rows, columns):
    """Lists of primitives per cell, in the given order: starts[rows * columns + 1], members."""
    starts = np.zeros(rows * columns + 1, np.int32)
    for turn in range(2):
        if turn == 1:
            for c in range(rows * columns):
                starts[c + 1] += starts[c]
            members = np.empty(starts[rows * columns], np.int32)
            place = starts[:-1].copy()
        else:
            members = np.empty(0, np.int32)
            place = starts
        for i in order:
            if rects[i, 2] <= rects[i, 0]:
                continue
            for r in range(int(rects[i, 1] / size), min(rows - 1, int(rects[i, 3] / size)) + 1):
                for c in range(int(rects[i, 0] / size), min(columns - 1, int(rects[i, 2] / size)) + 1):
                    cell = r * columns + c
                    if turn == 0:
                        starts[cell + 1] += 1
                    else:
                        members[place[cell]] = i
                        place[cell] += 1
    return starts, members


@kernel
@no_type_check
def mark_thin(prims, local, camera, rects, flags):
    """Mark the surroundings of the projections of things too thin for pixel centres."""
    height, width = flags.shape
    for i in range(prims.shape[0]):
        if rects[i, 2] <= rects[i, 0]:
            continue
        p, row = prims[i], local[i]
        if p.kind == CARD and p.outline != 0:
            continue
        h = (p.hx, p.hy, p.hz)
        axis = 0
        for j in range(1, 3):
            if h[j] > h[axis]:
                axis = j
        if p.kind == CYLINDER:
            axis = 2
        thick = max(h[(axis + 1) % 3], h[(axis + 2) % 3])
        if p.kind == ELLIPSOID and thick * 3 > h[axis]:
            thick = h[axis]
        ax, ay, az = row[3 * axis], row[3 * axis + 1], row[3 * axis + 2]
        mx = -(row[0] * row[9] + row[3] * row[10] + row[6] * row[11])
        my = -(row[1] * row[9] + row[4] * row[10] + row[7] * row[11])
        mz = -(row[2] * row[9] + row[5] * row[10] + row[8] * row[11])
        if 2 * thick * camera.fx > _THIN * (mz + h[axis]):
            continue
        steps = int(min(2.0 * (height + width), 2 + 4 * h[axis] * camera.fx / max(mz - h[axis], 0.05 * h[axis])))
        for k in range(steps + 1):
            s = h[axis] * (2 * k / steps - 1)
            z = mz + s * az
            if z <= _NEAR or 2 * thick * camera.fx > _THIN * z:
                continue
            u = int(camera.fx * (mx + s * ax) / z + camera.cx)
            v = int(camera.fy * (my + s * ay) / z + camera.cy)
            for y in range(max(0, v - 1), min(height, v + 2)):
                for x in range(max(0, u - 1), min(width, u + 2)):
                    flags[y, x] = MAJOR


@kernel
@no_type_check
def bounds_in_light(prims, light, rects):
    """Fill rects[n, 4] in metres along the light's axes light[0..2], light[3..5], for a directional light."""
    for i in range(prims.shape[0]):
        p = prims[i]
        rects[i, :] = 0
        if p.casts == 0:
            continue
        grow = 1 + abs(p.taper)
        h = (p.hx * grow, p.hy * grow, p.hz)
        rows = ((p.r00, p.r01, p.r02), (p.r10, p.r11, p.r12), (p.r20, p.r21, p.r22))
        for k in range(2):
            a, b, c = light[3 * k], light[3 * k + 1], light[3 * k + 2]
            centre = a * p.cx + b * p.cy + c * p.cz
            reach = 1e-6
            for j in range(3):
                reach += h[j] * abs(a * rows[j][0] + b * rows[j][1] + c * rows[j][2])
            rects[i, k], rects[i, 2 + k] = centre - reach, centre + reach


@kernel
@no_type_check
def _angles_of_corners(p, x, y, z, azimuth):
    """Lowest and highest turn from the given azimuth and lowest and highest tangent of the elevation of a box.

    (x, y, z) is its centre as seen from the light. A turn of pi means that the light's plumb line may cross the box.
    """
    grow = 1 + abs(p.taper)
    hx, hy, hz = p.hx * grow, p.hy * grow, p.hz
    left, right, low, high = math.pi, -math.pi, 1e30, -1e30
    for k in range(8):
        u, v, w = (hx if k & 1 else -hx), (hy if k & 2 else -hy), (hz if k & 4 else -hz)
        a = x + p.r00 * u + p.r10 * v + p.r20 * w
        b = y + p.r01 * u + p.r11 * v + p.r21 * w
        c = z + p.r02 * u + p.r12 * v + p.r22 * w
        turn = math.atan2(b, a) - azimuth
        turn -= 2 * math.pi * math.floor(turn / (2 * math.pi) + 0.5)
        if abs(turn) > 1.5:
            return -math.pi, math.pi, -1e30, 1e30
        left, right = min(left, turn), max(right, turn)
        tangent = c / math.sqrt(a * a + b * b)
        low, high = min(low, tangent), max(high, tangent)
    # Edges are arcs of great circles, which bulge away from the horizon.
    bulge = 1 / math.cos(0.5 * (right - left))
    return left, right, (low * bulge if low < 0 else low), (high * bulge if high > 0 else high)


@kernel
@no_type_check
def bounds_around_light(prims, lx, ly, lz, rects):
    """Fill rects[n, 4] in (azimuth, elevation), radians from (-pi, -pi/2), for a point light at (lx, ly, lz)."""
    for i in range(prims.shape[0]):
        p = prims[i]
        rects[i, :] = 0
        if p.casts == 0:
            continue
        x, y, z = p.cx - lx, p.cy - ly, p.cz - lz
        azimuth = math.atan2(y, x)
        left, right, low, high = _angles_of_corners(p, x, y, z, azimuth)
        # What straddles the seam of the azimuth is put into every column.
        rects[i, 2] = 2 * math.pi
        if azimuth + left >= -math.pi and azimuth + right <= math.pi:
            rects[i, 0], rects[i, 2] = azimuth + left + math.pi, azimuth + right + math.pi
        # A little more, for rounding.
        rects[i, 1] = max(0.0, math.atan(low) + math.pi / 2 - 1e-6)
        rects[i, 3] = min(math.pi, math.atan(high) + math.pi / 2 + 1e-6)
