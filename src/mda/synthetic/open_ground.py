"""Families of scenes under the open sky, and layers of clutter."""

import math

import numpy as np

from mda.synthetic import furniture, outdoors
from mda.synthetic.furniture import Frame
from mda.synthetic.layout import DIAMOND, ELLIPSE, LEAF, MASK, RECTANGLE, RING
from mda.synthetic.materials import Rng, add_material, indoor_light, outdoor_light, pick
from mda.synthetic.patterns import PatternBank
from mda.synthetic.scene import Number, SceneBuilder, turned
from mda.synthetic.stage import Stage


def _hills(b: SceneBuilder, rng: Rng, low: Number, high: Number) -> None:
    for _ in range(int(rng.integers(0, 6))):
        yaw, away = rng.uniform(0, 6.3), rng.uniform(low, high)
        wide = away * rng.uniform(0.25, 0.7)
        material = add_material(b, rng, str(pick(rng, ["grass", "ground", "stone"])), scale=8.0)
        centre = (away * math.cos(yaw), away * math.sin(yaw), -0.02 * away)
        b.ellipsoid(
            centre,
            (wide, wide * rng.uniform(0.5, 1), away * rng.uniform(0.05, 0.25)),
            material,
            turned(rng.uniform(0, 6.3)),
            casts=0,
        )


def _ring(rng: Rng, low: Number, high: Number, clear: Number = 0.0) -> Frame:
    """A random place between two distances, nearer ones more often."""
    yaw, away = rng.uniform(0, 6.3), max(clear, math.exp(rng.uniform(math.log(low), math.log(high))))
    return Frame((away * math.cos(yaw), away * math.sin(yaw), 0), rng.uniform(0, 6.3))


def street(rng: Rng, bank: PatternBank) -> Stage:
    """A street with houses, trees, cars, lamps and people."""
    b = SceneBuilder(bank)
    b.card((0, 0, 0), (600, 600), add_material(b, rng, "ground"), casts=0)
    wide, length = rng.uniform(3, 7), rng.uniform(25, 60)
    b.box((0, 0, 0), (length * 3, wide, 0.02), add_material(b, rng, "road"), casts=0)
    _hills(b, rng, 120, 350)
    for side in (-1, 1):
        _side_of_street(b, rng, side, wide, length)
    for _ in range(int(rng.integers(0, 9))):
        x, y = rng.uniform(-0.6, 0.6) * length, rng.uniform(-1, 1) * (wide + 2)
        furniture.person(b, rng, Frame((x, y, 0.05), rng.uniform(0, 6.3)), rng.uniform(1.3, 1.9))
    low, high = rng.uniform(0.8, 1.6), rng.uniform(1.7, 3.5)
    return Stage(
        scene=b.build(outdoor_light(rng, bank, size=150, fog=0.35)),
        family="street",
        eyes=((-length * 0.5, -wide - 1.5, low), (length * 0.5, wide + 1.5, high)),
        looks=((-length * 0.6, -wide - 3, 0.5), (length * 0.6, wide + 3, 4.0)),
        size=14.0,
    )


def _side_of_street(b: SceneBuilder, rng: Rng, side: int, wide: Number, length: Number) -> None:
    """Pavement, houses, lamps, trees, parked cars and a fence on one side (-1 or 1)."""
    kerb = side * (wide + 1.2)
    b.box((0, kerb, 0.03), (length * 3, 1.2, 0.1), add_material(b, rng, "stone"), casts=0)
    if rng.random() < 0.85:
        _houses(b, rng, side, wide + rng.uniform(2.5, 9), length)
    for x in np.arange(-length, length, rng.uniform(6, 14)):
        frame = Frame(
            (float(x) + rng.normal(0, 0.5), kerb, 0),
            rng.uniform(0, 0.2) + (math.pi if side < 0 else 0) - math.pi / 2,
        )
        kind = rng.random()
        if kind < 0.35:
            outdoors.street_lamp(b, rng, frame, rng.uniform(3, 7))
        elif kind < 0.7:
            outdoors.tree(b, rng, frame, rng.uniform(3, 8))
        elif kind < 0.8:
            outdoors.bush(b, rng, frame, rng.uniform(0.5, 1.5))
    for _ in range(int(rng.integers(0, 6))):
        outdoors.car(
            b,
            rng,
            Frame(
                (rng.uniform(-0.8, 0.8) * length, side * (wide - 1.1), 0.02),
                float(pick(rng, [0, math.pi])) + rng.normal(0, 0.03),
            ),
        )
    if rng.random() < 0.4:
        outdoors.fence(
            b,
            rng,
            Frame((rng.uniform(-0.3, 0.3) * length, side * (wide + 2.4), 0)),
            rng.uniform(6, 16),
            rng.uniform(0.8, 1.6),
        )


def _houses(b: SceneBuilder, rng: Rng, side: int, away: Number, length: Number) -> None:
    x = -length
    while x < length:
        half = rng.uniform(3, 9), rng.uniform(3, 6)
        frame = Frame((x + half[0], side * (away + half[1]), 0), 0.0 if side < 0 else math.pi)
        outdoors.building(b, rng, frame, half, rng.uniform(3, 18))
        x += 2 * half[0] + pick(rng, [0.02, rng.uniform(0.5, 6)])


def nature(rng: Rng, bank: PatternBank) -> Stage:
    """Meadow, park or heath: trees, bushes, rocks, fences, hills."""
    b = SceneBuilder(bank)
    b.card((0, 0, 0), (800, 800), add_material(b, rng, str(pick(rng, ["grass", "ground"]))), casts=0)
    _hills(b, rng, 60, 350)
    span = rng.uniform(8, 40)
    for _ in range(int(rng.integers(4, 18))):
        outdoors.tree(b, rng, _ring(rng, 0.12 * span, 1.2 * span, 1.5), rng.uniform(2.5, 10))
    for _ in range(int(rng.integers(6, 30))):
        outdoors.bush(b, rng, _ring(rng, 0.08 * span, span, 0.8), rng.uniform(0.2, 1.6))
    for _ in range(int(rng.integers(1, 8))):
        outdoors.rock(b, rng, _ring(rng, 0.08 * span, span, 0.8), rng.uniform(0.15, 1.5))
    for _ in range(int(rng.integers(0, 4))):
        outdoors.fence(b, rng, _ring(rng, 0.15 * span, 0.7 * span, 2), rng.uniform(4, 14), rng.uniform(0.7, 1.5))
    for _ in range(int(rng.integers(0, 3))):
        frame = _ring(rng, 0.4 * span, 2 * span, 8)
        outdoors.building(b, rng, frame, (rng.uniform(2.5, 6), rng.uniform(2, 4)), rng.uniform(2.4, 6))
    for _ in range(int(rng.integers(0, 4))):
        furniture.person(b, rng, _ring(rng, 0.1 * span, 0.6 * span, 1.5), rng.uniform(1.2, 1.9))
    if rng.random() < 0.4:
        b.box(
            (0, 0, 0),
            (300, rng.uniform(0.8, 2.5), 0.015),
            add_material(b, rng, "road"),
            turned(rng.uniform(0, 6.3)),
            casts=0,
        )
    return Stage(
        scene=b.build(outdoor_light(rng, bank, size=5 * span, fog=0.4)),
        family="nature",
        eyes=((-0.35 * span, -0.35 * span, 0.5), (0.35 * span, 0.35 * span, rng.uniform(1.6, 4))),
        looks=((-0.6 * span, -0.6 * span, 0.2), (0.6 * span, 0.6 * span, 2.5)),
        size=0.5 * span,
    )


def layers(rng: Rng, bank: PatternBank) -> Stage:
    """Cards, balls, poles and boxes at many depths before a wall, a floor or the sky; any scale."""
    b = SceneBuilder(bank)
    unit = math.exp(rng.uniform(math.log(0.15), math.log(6.0)))
    deep = 14 * unit
    ground, backdrop = rng.random() < 0.65, rng.random() < 0.6
    if ground:
        b.card((0, 0, 0), (60 * unit, 60 * unit), add_material(b, rng, "floor", scale=unit), casts=0)
    if backdrop:
        b.box(
            (0, deep, 3 * unit),
            (60 * unit, 0.1 * unit, 40 * unit),
            add_material(b, rng, "wall", scale=unit),
            turned(rng.normal(0, 0.2)),
            casts=0,
        )
    tiled = [
        add_material(b, rng, str(pick(rng, ["any", "print", "cloth", "furniture"])), scale=unit) for _ in range(16)
    ]
    for _ in range(int(rng.integers(25, 110))):
        away = math.exp(rng.uniform(math.log(1.6), math.log(12.5)))
        x, z = rng.uniform(-0.8, 0.8) * away, 1.2 + rng.uniform(-0.55, 0.55) * away
        size = unit * away * math.exp(rng.uniform(math.log(0.015), math.log(0.13)))
        z = max(z * unit, size) if ground else z * unit
        _layer_thing(b, rng, (x * unit, away * unit, z), size, int(pick(rng, tiled)), unit)
    outside = rng.random() < 0.6 or not backdrop
    lamp = rng.uniform(-2, 2) * unit, rng.uniform(-1, 4) * unit, rng.uniform(3, 7) * unit
    light = (
        outdoor_light(rng, bank, size=3 * deep, fog=0.3)
        if outside
        else indoor_light(rng, bank, position=lamp, size=deep)
    )
    return Stage(
        scene=b.build(light),
        family="layers",
        eyes=((-1.5 * unit, -1.0 * unit, 0.5 * unit), (1.5 * unit, 1.0 * unit, 2.2 * unit)),
        looks=((-1.5 * unit, 5 * unit, 0.6 * unit), (1.5 * unit, 8 * unit, 2.0 * unit)),
        size=5 * unit,
    )


def _layer_thing(
    b: SceneBuilder, rng: Rng, centre: tuple[Number, Number, Number], size: Number, material: int, unit: Number
) -> None:
    facing = turned(rng.normal(0, 0.5), 0, math.pi / 2 + rng.normal(0, 0.3)) @ turned(rng.uniform(0, 6.3))
    kind = rng.random()
    half = size * rng.uniform(0.4, 1.6), size * rng.uniform(0.4, 1.6)
    if kind < 0.4:
        outline = int(pick(rng, [RECTANGLE, RECTANGLE, ELLIPSE, LEAF, DIAMOND, RING]))
        b.card(centre, half, material, facing, outline, a=rng.uniform(0.4, 0.85))
    elif kind < 0.5:
        mask = int(pick(rng, b.bank.kinds[str(pick(rng, ["foliage", "blotches", "cells"]))]))
        b.card(
            centre,
            (1.5 * half[0], 1.5 * half[1]),
            material,
            facing,
            MASK,
            mask=mask,
            a=rng.uniform(0.25, 0.5),
            b=256 / (size * rng.uniform(2, 6)),
        )
    elif kind < 0.68:
        b.ellipsoid(centre, (size, size * rng.uniform(0.5, 1), size * rng.uniform(0.5, 1)), material, facing)
    elif kind < 0.82:
        b.box(centre, (half[0], size * rng.uniform(0.2, 1), half[1]), material, turned(*rng.uniform(0, 6.3, 3)))
    elif kind < 0.94:
        x, y, z = centre
        lean = rng.normal(0, 0.3, 2) * unit
        long = rng.uniform(1, 5) * unit
        b.pole(
            (x - lean[0], y - lean[1], z - long),
            (x + lean[0], y + lean[1], z + long),
            size * rng.uniform(0.04, 0.2),
            material,
        )
    else:
        b.cylinder(centre, size * 0.6, size, material, facing, taper=rng.uniform(-0.8, 0.3))
