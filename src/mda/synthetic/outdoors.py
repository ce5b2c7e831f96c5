"""Things that stand under the sky."""

import math

import numpy as np

from mda.synthetic.furniture import Frame
from mda.synthetic.layout import LATTICE, LEAF, MASK
from mda.synthetic.materials import Rng, add_material, near_colour, pick
from mda.synthetic.scene import Number, SceneBuilder, turned


def foliage_colours(b: SceneBuilder, rng: Rng, count: int = 3, scale: Number = 1.0) -> list[int]:
    """Materials of leaves of one plant: mostly green, sometimes autumnal."""
    hue = rng.uniform(0.03, 0.15) if rng.random() < 0.15 else rng.uniform(0.17, 0.38)
    return [
        add_material(
            b, rng, "foliage", colour=near_colour(rng, hue, saturation=(0.3, 0.8), value=(0.2, 0.75)), scale=scale
        )
        for _ in range(count)
    ]


def tree(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    """A trunk with branches, and a crown of cut cards and ellipsoids; or a conifer; or bare."""
    bark = add_material(b, rng, "bark", colour=near_colour(rng, 0.08, saturation=(0.1, 0.5), value=(0.15, 0.6)))
    radius = height * rng.uniform(0.015, 0.035)
    kind = rng.random()
    if kind < 0.2:
        b.cylinder(frame.at(0, 0, height / 2), radius, height / 2, bark, taper=-0.5)
        _conifer(b, rng, frame, height)
        return
    fork = height * rng.uniform(0.3, 0.5)
    b.cylinder(frame.at(0, 0, fork / 2), radius, fork / 2, bark, taper=-0.2)
    bare = kind > 0.85
    tips = []
    for _ in range(int(rng.integers(4, 9))):
        yaw, rise = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 1.4)
        reach = (height - fork) * rng.uniform(0.45, 0.9)
        tip = (
            reach * math.cos(rise) * math.cos(yaw),
            reach * math.cos(rise) * math.sin(yaw),
            fork + reach * math.sin(rise),
        )
        start = frame.at(0, 0, fork * rng.uniform(0.8, 0.98))
        b.pole(start, frame.at(*tip), radius * rng.uniform(0.25, 0.5), bark, taper=-0.4)
        tips.append(tip)
        if bare:
            for _ in range(3):
                share = rng.uniform(0.4, 0.9)
                middle = np.asarray(tip) * share + np.array([0, 0, fork]) * (1 - share)
                twig = middle + rng.normal(0, 0.12, 3) * height + np.array([0, 0, 0.08 * height])
                b.pole(frame.at(*middle), frame.at(*twig), radius * 0.15, bark)
    if not bare:
        _crown(b, rng, frame, tips, height)


def _conifer(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    green = foliage_colours(b, rng)
    tiers, mask = int(rng.integers(3, 7)), int(pick(rng, b.bank.kinds["foliage"]))
    wide = height * rng.uniform(0.15, 0.28)
    for k in range(tiers):
        s = k / tiers
        half = 0.7 * height / tiers
        radius = 0.5 * wide * (1 - 0.8 * s)
        z = height * (0.2 + 0.75 * s) + half * 0.4
        b.cylinder(frame.at(0, 0, z), radius, half, green[k % 3], taper=-0.98)
        for _ in range(3):
            rotation = turned(rng.uniform(0, 6.3), 0, math.pi / 2 + rng.uniform(-0.4, 0.4))
            b.card(
                frame.at(0, 0, z - half * 0.6),
                (2.4 * radius, half * 0.8),
                green[0],
                rotation,
                MASK,
                mask=mask,
                a=0.3,
                b=256 / (height * 0.4),
            )


def _crown(b: SceneBuilder, rng: Rng, frame: Frame, tips: list[tuple[Number, Number, Number]], height: Number) -> None:
    green = foliage_colours(b, rng)
    size = height * rng.uniform(0.14, 0.24)
    masks = b.bank.kinds["foliage"]
    texels = 256 / (height * rng.uniform(0.25, 0.6))
    solid = rng.random() < 0.5
    for tip in tips:
        if solid:
            # Keeps the sky from showing through everywhere; the cards around it hide its roundness.
            half = tuple(size * rng.uniform(0.35, 0.65, 3))
            b.ellipsoid(frame.at(*tip), half, int(pick(rng, green)))
        for _ in range(int(rng.integers(3, 6))):
            centre = np.asarray(tip) + rng.normal(0, 0.45, 3) * size
            rotation = turned(rng.uniform(0, 6.3), rng.uniform(-1, 1), rng.uniform(0, 3.1))
            half = size * rng.uniform(0.7, 1.4), size * rng.uniform(0.6, 1.1)
            b.card(
                frame.at(*centre),
                half,
                int(pick(rng, green)),
                rotation,
                MASK,
                mask=int(pick(rng, masks)),
                a=rng.uniform(0.2, 0.45),
                b=texels,
            )


def bush(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    """A low plant: ellipsoids behind cut cards, or a tuft of blades."""
    green = foliage_colours(b, rng, scale=0.5)
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(10, 26))):
            yaw, lean = rng.uniform(0, 6.3), rng.normal(0, 0.4)
            reach = height * rng.uniform(0.4, 1.0)
            rotation = turned(yaw, -math.pi / 2 + lean, 0)
            centre = frame.at(rng.normal(0, 0.25) * height, rng.normal(0, 0.25) * height, reach * 0.5)
            b.card(centre, (reach * 0.55, reach * rng.uniform(0.03, 0.1)), int(pick(rng, green)), rotation, LEAF)
        return
    mask = int(pick(rng, b.bank.kinds["foliage"]))
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.normal(0, 0.4, 2) * height
        half = tuple(height * rng.uniform(0.2, 0.42, 3))
        b.ellipsoid(frame.at(x, y, half[2] * 0.8), half, int(pick(rng, green)))
        for _ in range(3):
            rotation = turned(rng.uniform(0, 6.3), rng.uniform(-0.4, 0.4), math.pi / 2)
            size = height * rng.uniform(0.5, 0.75), height * rng.uniform(0.4, 0.6)
            centre = frame.at(x, y, height * 0.45)
            b.card(centre, size, int(pick(rng, green)), rotation, MASK, mask=mask, a=0.25, b=256 / (height * 0.8))


def rock(b: SceneBuilder, rng: Rng, frame: Frame, size: Number) -> None:
    """A heap of stones, boxes among them."""
    for _ in range(int(rng.integers(1, 4))):
        half = tuple(size * rng.uniform(0.4, 1.0, 3))
        centre = frame.at(rng.normal(0, 0.4) * size, rng.normal(0, 0.4) * size, half[2] * 0.6)
        rotation = turned(rng.uniform(0, 6), *rng.uniform(-0.5, 0.5, 2))
        add = b.ellipsoid if rng.random() < 0.7 else b.box
        add(centre, half, add_material(b, rng, "stone", scale=size), rotation)


def fence(b: SceneBuilder, rng: Rng, frame: Frame, length: Number, height: Number) -> None:
    """Pickets, rails or wire between posts, along local x."""
    material = add_material(b, rng, "furniture")
    style = rng.integers(0, 3)
    posts = max(2, int(length / rng.uniform(1.5, 3)))
    for k in range(posts + 1):
        x = (k / posts - 0.5) * length
        b.box(frame.at(x, 0, height / 2), (0.045, 0.045, height / 2), material, frame.rotation)
    if style == 0:
        pitch = rng.uniform(0.12, 0.3)
        for k in range(min(60, int(length / pitch))):
            x = (k + 0.5) * pitch - length / 2
            b.box(
                frame.at(x, 0.03, height * 0.48),
                (pitch * rng.uniform(0.2, 0.35), 0.012, height * 0.46),
                material,
                frame.rotation,
            )
    if style <= 1:
        for z in np.linspace(0.25, 0.9, int(rng.integers(2, 5))):
            b.box(frame.at(0, 0, z * height), (length / 2, 0.018, rng.uniform(0.02, 0.05)), material, frame.rotation)
    else:
        period = rng.uniform(0.12, 0.3)
        rotation = frame.turned(0, 0, math.pi / 2)
        b.card(
            frame.at(0, 0, height / 2),
            (length / 2, height / 2),
            material,
            rotation,
            LATTICE,
            a=period,
            b=0.08 * period + 0.004,
            c=period,
            d=0.08 * period + 0.004,
        )


def street_lamp(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    """A pole with an arm and a head, or with a sign."""
    metal = add_material(b, rng, "plain")
    b.cylinder(frame.at(0, 0, height / 2), 0.06, height / 2, metal, taper=-0.3)
    if rng.random() < 0.6:
        arm = rng.uniform(0.4, 1.5)
        b.pole(frame.at(0, 0, height), frame.at(arm, 0, height + 0.1), 0.035, metal)
        b.box(frame.at(arm, 0, height + 0.08), (0.3, 0.12, 0.06), metal, frame.rotation)
    else:
        half = rng.uniform(0.25, 0.6), rng.uniform(0.25, 0.6)
        b.card(
            frame.at(0, -0.07, height * 0.85),
            half,
            add_material(b, rng, "print"),
            frame.turned(0, 0, math.pi / 2),
            int(rng.integers(0, 2)),
        )


def car(b: SceneBuilder, rng: Rng, frame: Frame) -> None:
    """A car along local x: body, cabin, wheels."""
    paint, glass, black = (
        add_material(b, rng, "plain"),
        add_material(b, rng, "plain", colour=(0.03, 0.04, 0.05)),
        add_material(b, rng, "plain", colour=(0.02, 0.02, 0.02)),
    )
    length, width, body = rng.uniform(1.7, 2.4), rng.uniform(0.8, 0.95), rng.uniform(0.28, 0.4)
    base = 0.3
    b.box(frame.at(0, 0, base + body), (length, width, body), paint, frame.rotation)
    cabin = rng.uniform(0.45, 0.9) * length
    shift = rng.uniform(-0.3, 0.1)
    roof = rng.uniform(0.22, 0.4)
    b.box(frame.at(shift, 0, base + 2 * body + roof), (cabin * 0.92, width * 0.93, roof * 0.92), glass, frame.rotation)
    b.box(frame.at(shift, 0, base + 2 * body + 2 * roof), (cabin * 0.9, width * 0.9, 0.03), paint, frame.rotation)
    for x in (-0.62 * length, 0.62 * length):
        for y in (-width, width):
            b.pole(frame.at(x, y * 0.8, base + 0.02), frame.at(x, y * 1.01, base + 0.02), 0.32, black)


def building(b: SceneBuilder, rng: Rng, frame: Frame, half: tuple[Number, Number], height: Number) -> None:
    """A house: walls with windows, a flat or pitched roof, balconies, chimneys."""
    wall = add_material(b, rng, "facade")
    b.box(frame.at(0, 0, height / 2), (*half, height / 2), wall, frame.rotation)
    roof = add_material(b, rng, "stone")
    if rng.random() < 0.45:
        slope = rng.uniform(0.4, 0.8)
        run = half[1] / math.cos(slope) * 0.55
        for side in (-1, 1):
            centre = frame.at(0, side * half[1] * 0.52, height + 0.48 * half[1] * math.tan(slope))
            b.box(centre, (half[0] * 1.05, run, 0.12), roof, frame.turned(0, 0, -side * slope))
    else:
        b.box(frame.at(0, 0, height + 0.15), (half[0] * 1.03, half[1] * 1.03, 0.15), roof, frame.rotation)
    plain = add_material(b, rng, "plain")
    for _ in range(int(rng.integers(0, 6))):
        side, x, z = float(pick(rng, [-1, 1])), rng.uniform(-0.8, 0.8) * half[0], rng.uniform(0.15, 0.9) * height
        if rng.random() < 0.6:
            b.box(frame.at(x, side * (half[1] + 0.5), z), (rng.uniform(0.6, 1.5), 0.5, 0.08), plain, frame.rotation)
            b.card(
                frame.at(x, side * (half[1] + 1.0), z + 0.5),
                (1.0, 0.5),
                plain,
                frame.turned(0, 0, math.pi / 2),
                LATTICE,
                a=0.14,
                b=0.03,
                c=2.0,
                d=0.05,
            )
        else:
            b.box(frame.at(x, side * half[1], z), (0.08, 0.08, 0.3 * height), plain, frame.rotation)
