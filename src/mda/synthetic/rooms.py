"""Families of scenes within walls: rooms, table tops, courtyards."""

import math

import numpy as np

from mda.synthetic import furniture, outdoors
from mda.synthetic.furniture import Frame
from mda.synthetic.materials import Rng, add_material, indoor_light, outdoor_light
from mda.synthetic.patterns import PatternBank
from mda.synthetic.scene import Number, SceneBuilder
from mda.synthetic.stage import Stage

_WALL = 0.12


def wall(
    b: SceneBuilder, rng: Rng, frame: Frame, length: Number, height: Number, *, material: int, openings: int
) -> None:
    """A wall along local x, its inner face at local y = 0, with up to `openings` windows or doors."""
    pieces: list[tuple[Number, Number, Number, Number]] = []
    x = -length / 2
    for k in range(openings):
        room = (length / 2 - x) / (openings - k)
        left = x + rng.uniform(0.15, 0.35) * room
        right = x + rng.uniform(0.6, 0.85) * room
        door = rng.random() < 0.35
        low = 0.0 if door else height * rng.uniform(0.15, 0.42)
        top = height * rng.uniform(0.7, 0.92)
        pieces += [(x, left, 0, height), (left, right, top, height)]
        if not door:
            pieces.append((left, right, 0, low))
            _window(
                b,
                rng,
                Frame(frame.at((left + right) / 2, 0, (low + top) / 2), frame.yaw),
                ((right - left) / 2, (top - low) / 2),
            )
        x = right
    pieces.append((x, length / 2, 0, height))
    for left, right, low, top in pieces:
        centre = frame.at((left + right) / 2, _WALL, (low + top) / 2)
        b.box(centre, ((right - left) / 2, _WALL, (top - low) / 2), material, frame.rotation)


def _window(b: SceneBuilder, rng: Rng, frame: Frame, half: tuple[Number, Number]) -> None:
    paint = add_material(b, rng, "plain")
    bar = rng.uniform(0.015, 0.035)
    for k in range(1, int(rng.integers(1, 4))):
        x = half[0] * (2 * k / 3 - 1) if rng.random() < 0.5 else 0.0
        b.box(frame.at(x, _WALL, 0), (bar, 0.02, half[1]), paint, frame.rotation)
    if rng.random() < 0.5:
        b.box(frame.at(0, _WALL, half[1] * rng.uniform(-0.3, 0.4)), (half[0], 0.02, bar), paint, frame.rotation)
    b.box(frame.at(0, -0.03, -half[1]), (half[0] + 0.08, 0.06, 0.015), paint, frame.rotation)
    if rng.random() < 0.3:
        furniture.blinds(b, rng, Frame(frame.at(0, -0.04, half[1] * 0.3), frame.yaw), (half[0], half[1] * 0.7))


def shell(
    b: SceneBuilder, rng: Rng, half: tuple[Number, Number], height: Number, *, openings: Number, ceiling: bool
) -> None:
    """Floor, walls and perhaps a ceiling around the origin."""
    paint = add_material(b, rng, "wall")
    # Light comes from between floor and ceiling, or from above a floor: neither throws a shadow that is seen.
    slab = half[0] + 2 * _WALL, half[1] + 2 * _WALL, 0.1
    b.box((0, 0, -0.1), slab, add_material(b, rng, "floor"), casts=0)
    if ceiling:
        b.box((0, 0, height + 0.1), slab, add_material(b, rng, "ceiling"), casts=0)
    for k in range(4):
        yaw = k * math.pi / 2
        length, away = (2 * half[0], half[1]) if k % 2 == 0 else (2 * half[1], half[0])
        frame = Frame((-away * math.sin(yaw), away * math.cos(yaw), 0), yaw)
        if rng.random() < 0.3:
            paint = add_material(b, rng, "wall")
        count = 1 + (rng.random() < 0.4) if rng.random() < openings else 0
        wall(b, rng, frame, length + 4 * _WALL, height, material=paint, openings=int(count))
        _skirting_and_pictures(b, rng, frame, length, height, pictures=count == 0)


def _skirting_and_pictures(
    b: SceneBuilder, rng: Rng, frame: Frame, length: Number, height: Number, *, pictures: bool
) -> None:
    if rng.random() < 0.5:
        b.box(frame.at(0, -0.01, 0.05), (length / 2, 0.01, 0.05), add_material(b, rng, "plain"), frame.rotation)
    if not pictures:
        return
    for _ in range(int(rng.integers(0, 4))):
        half = rng.uniform(0.15, 0.6), rng.uniform(0.15, 0.5)
        x, z = rng.uniform(-0.4, 0.4) * length, height * rng.uniform(0.45, 0.7)
        b.box(frame.at(x, -0.02, z), (half[0], 0.015, half[1]), add_material(b, rng, "furniture"), frame.rotation)
        b.card(
            frame.at(x, -0.037, z),
            (half[0] * 0.9, half[1] * 0.88),
            add_material(b, rng, "print"),
            frame.turned(0, 0, math.pi / 2),
        )


def room(rng: Rng, bank: PatternBank) -> Stage:
    """A furnished room with windows and doors."""
    b = SceneBuilder(bank)
    half, height = (rng.uniform(1.6, 4.5), rng.uniform(1.6, 4.5)), rng.uniform(2.3, 3.5)
    shell(b, rng, half, height, openings=0.45, ceiling=True)
    if rng.random() < 0.6:
        _outside(b, rng)
    _along_walls(b, rng, half, height)
    _in_the_middle(b, rng, half, height)
    lamp = rng.uniform(-0.6, 0.6) * half[0], rng.uniform(-0.6, 0.6) * half[1], height * rng.uniform(0.75, 0.97)
    looks = ((-half[0] * 0.75, -half[1] * 0.75, 0.3), (half[0] * 0.75, half[1] * 0.75, height * 0.65))
    return Stage(
        scene=b.build(indoor_light(rng, bank, position=lamp, size=2 * max(half))),
        family="room",
        eyes=((-half[0] * 0.92, -half[1] * 0.92, 0.5), (half[0] * 0.92, half[1] * 0.92, min(2.0, height * 0.85))),
        looks=looks,
        size=max(half),
    )


def _outside(b: SceneBuilder, rng: Rng) -> None:
    """What is seen through windows: ground and houses."""
    b.card((0, 0, -0.5), (200, 200), add_material(b, rng, "ground"), casts=0)
    for _ in range(int(rng.integers(1, 6))):
        yaw, away = rng.uniform(0, 6.3), rng.uniform(12, 50)
        frame = Frame((away * math.cos(yaw), away * math.sin(yaw), -0.5), rng.uniform(0, 6.3))
        if rng.random() < 0.5:
            outdoors.building(b, rng, frame, (rng.uniform(3, 8), rng.uniform(3, 6)), rng.uniform(3, 15))
        else:
            outdoors.tree(b, rng, frame, rng.uniform(4, 9))


def _along_walls(b: SceneBuilder, rng: Rng, half: tuple[Number, Number], height: Number) -> None:
    for k in range(4):
        yaw = k * math.pi / 2
        length, away = (half[0], half[1]) if k % 2 == 0 else (half[1], half[0])
        for side in (-0.5, 0.5):
            x = side * length + rng.uniform(-0.15, 0.15) * length
            place = Frame(Frame((0, 0, 0), yaw).at(x, away, 0), yaw)
            _at_wall(b, rng, place, rng.uniform(0.5, 0.9) * length, height)


def _at_wall(b: SceneBuilder, rng: Rng, place: Frame, wide: Number, height: Number) -> None:
    """A piece of furniture, or nothing, with its back at a place of a wall; the room lies towards local -y."""

    def inset(depth: Number) -> Frame:
        return Frame(place.at(0, -depth, 0), place.yaw)

    kind = rng.random()
    if kind < 0.22:
        furniture.shelf(b, rng, inset(0.22), min(2.0, wide), rng.uniform(0.6, 0.85 * height))
    elif kind < 0.34:
        furniture.sofa(b, rng, inset(0.55), min(2.2, wide))
    elif kind < 0.46:
        furniture.table(b, rng, inset(0.45), (min(0.9, wide / 2), 0.35), rng.uniform(0.5, 0.9))
    elif kind < 0.54:
        furniture.lamp(b, rng, inset(0.35), rng.uniform(1.2, 1.9))
    elif kind < 0.64:
        furniture.pot_plant(b, rng, inset(0.45), rng.uniform(0.6, 1.6))
    elif kind < 0.74:
        tall = rng.uniform(0.3, 0.9) * height
        half = min(0.9, wide / 2), 0.28, tall / 2
        b.box(inset(0.3).at(0, 0, tall / 2), half, add_material(b, rng, "furniture"), place.rotation)
    elif kind < 0.8:
        furniture.small_thing(b, rng, inset(0.5), rng.uniform(0.15, 0.4))


def _in_the_middle(b: SceneBuilder, rng: Rng, half: tuple[Number, Number], height: Number) -> None:
    if rng.random() < 0.4:
        b.box(
            (0, 0, 0.006),
            (half[0] * rng.uniform(0.3, 0.7), half[1] * rng.uniform(0.3, 0.7), 0.006),
            add_material(b, rng, "cloth"),
        )
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(-0.5, 0.5) * half[0], rng.uniform(-0.5, 0.5) * half[1]
        yaw = rng.uniform(0, 6.3)
        size = rng.uniform(0.4, 0.9), rng.uniform(0.35, 0.5)
        furniture.table(b, rng, Frame((x, y, 0), yaw), size, rng.uniform(0.4, 0.8))
        for _ in range(int(rng.integers(0, 4))):
            turn, away = rng.uniform(0, 6.3), rng.uniform(0.7, 1.1)
            furniture.chair(
                b,
                rng,
                Frame(
                    (x + away * math.cos(turn), y + away * math.sin(turn), 0), turn + math.pi / 2 + rng.normal(0, 0.5)
                ),
            )
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.8, 0.8) * half[0], rng.uniform(-0.8, 0.8) * half[1]
        furniture.hanging(b, rng, (x, y, height), height * rng.uniform(0.1, 0.4), rng.uniform(0.08, 0.25))
    for _ in range(int(rng.integers(0, 5))):
        x, y = rng.uniform(-0.8, 0.8) * half[0], rng.uniform(-0.8, 0.8) * half[1]
        furniture.small_thing(b, rng, Frame((x, y, 0), rng.uniform(0, 6.3)), rng.uniform(0.06, 0.3))
    if rng.random() < 0.2:
        frame = Frame((rng.uniform(-0.4, 0.4) * half[0], rng.uniform(-0.4, 0.4) * half[1], 0), rng.uniform(0, 6.3))
        furniture.screen(b, rng, frame, (rng.uniform(0.4, 0.9), rng.uniform(0.6, 0.95)))
    if rng.random() < 0.2:
        x, y = rng.uniform(-0.7, 0.7) * half[0], rng.uniform(-0.7, 0.7) * half[1]
        b.cylinder((x, y, height / 2), rng.uniform(0.1, 0.25), height / 2, add_material(b, rng, "wall"))
    if rng.random() < 0.25:
        x, y = rng.uniform(-0.7, 0.7) * half[0], rng.uniform(-0.7, 0.7) * half[1]
        furniture.person(b, rng, Frame((x, y, 0), rng.uniform(0, 6.3)), rng.uniform(1.5, 1.9))


def table_top(rng: Rng, bank: PatternBank) -> Stage:
    """Many small things close by on a table in a room, seen from near."""
    b = SceneBuilder(bank)
    half, height, top = (rng.uniform(1.2, 3.0), rng.uniform(1.2, 3.0)), rng.uniform(2.3, 3.0), rng.uniform(0.4, 0.9)
    shell(b, rng, half, height, openings=0.25, ceiling=True)
    _along_walls(b, rng, half, height)
    span = rng.uniform(0.35, 0.8), rng.uniform(0.3, 0.5)
    b.box((0, 0, top - 0.02), (*span, 0.02), add_material(b, rng, "furniture"))
    for x in (-0.9, 0.9):
        for y in (-0.85, 0.85):
            b.box(
                (x * span[0], y * span[1], top / 2), (0.025, 0.025, top / 2 - 0.02), add_material(b, rng, "furniture")
            )
    for _ in range(int(rng.integers(6, 18))):
        x, y = rng.uniform(-0.9, 0.9) * span[0], rng.uniform(-0.9, 0.9) * span[1]
        furniture.small_thing(
            b, rng, Frame((x, y, top), rng.uniform(0, 6.3)), math.exp(rng.uniform(math.log(0.02), math.log(0.13)))
        )
    lamp = rng.uniform(-1, 1), rng.uniform(-1, 1), height * rng.uniform(0.6, 0.95)
    reach = rng.uniform(0.5, 1.1)
    return Stage(
        scene=b.build(indoor_light(rng, bank, position=lamp, size=2.5)),
        family="table_top",
        eyes=((-reach, -reach, top + 0.08), (reach, reach, top + 0.7)),
        looks=((-span[0] * 0.5, -span[1] * 0.5, top), (span[0] * 0.5, span[1] * 0.5, top + 0.12)),
        size=0.6,
    )


def courtyard(rng: Rng, bank: PatternBank) -> Stage:
    """Walls and columns under the open sky: a court, a terrace, a site."""
    b = SceneBuilder(bank)
    half, height = (rng.uniform(3, 10), rng.uniform(3, 10)), rng.uniform(1.5, 5)
    shell(b, rng, half, height, openings=0.6, ceiling=False)
    b.card((0, 0, -0.3), (300, 300), add_material(b, rng, "ground"), casts=0)
    stone = add_material(b, rng, "stone")
    columns, round_ones = int(rng.integers(0, 7)), rng.random() < 0.6
    radius, y = rng.uniform(0.06, 0.3), rng.uniform(-0.6, 0.6) * half[1]
    for k in range(columns):
        x = half[0] * (2 * (k + 0.5) / columns - 1)
        if round_ones:
            b.cylinder((x, y, height / 2), radius, height / 2, stone)
        else:
            b.box((x, y, height / 2), (radius, radius, height / 2), stone)
    if columns > 2 and rng.random() < 0.6:
        b.box((0, y, height + 0.1), (half[0], radius * 1.5, 0.12), stone)
    if rng.random() < 0.4:
        _stairs(
            b, rng, Frame((rng.uniform(-0.5, 0.5) * half[0], rng.uniform(-0.5, 0.5) * half[1], 0), rng.uniform(0, 6.3))
        )
    _scattered(b, rng, half)
    return Stage(
        scene=b.build(outdoor_light(rng, bank, size=4 * max(half), fog=0.15)),
        family="courtyard",
        eyes=((-half[0] * 0.9, -half[1] * 0.9, 0.6), (half[0] * 0.9, half[1] * 0.9, 2.4)),
        looks=((-half[0] * 0.8, -half[1] * 0.8, 0.4), (half[0] * 0.8, half[1] * 0.8, height * 0.7)),
        size=max(half),
    )


def _stairs(b: SceneBuilder, rng: Rng, frame: Frame) -> None:
    stone, steps, wide = add_material(b, rng, "stone"), int(rng.integers(3, 10)), rng.uniform(0.6, 1.6)
    for k in range(steps):
        b.box(frame.at(0, 0.3 * k, 0.09 * (k + 1)), (wide, 0.15, 0.09 * (k + 1)), stone, frame.rotation)
    for x in (-wide, wide):
        b.pole(frame.at(x, 0, 1.1), frame.at(x, 0.3 * steps, 0.18 * steps + 1.1), 0.025, stone)
        for k in range(0, steps, 2):
            b.pole(frame.at(x, 0.3 * k, 0), frame.at(x, 0.3 * k, 0.18 * k + 1.15), 0.02, stone)


def _scattered(b: SceneBuilder, rng: Rng, half: tuple[Number, Number]) -> None:
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.uniform(-0.85, 0.85, 2) * np.asarray(half)
        frame = Frame((float(x), float(y), 0), rng.uniform(0, 6.3))
        kind = rng.integers(0, 8)
        if kind == 0:
            furniture.pot_plant(b, rng, frame, rng.uniform(0.6, 2.0))
        elif kind == 1:
            furniture.person(b, rng, frame, rng.uniform(1.5, 1.9))
        elif kind == 2:
            furniture.table(b, rng, frame, (rng.uniform(0.4, 0.9), 0.45), 0.72)
        elif kind == 3:
            furniture.chair(b, rng, frame)
        elif kind == 4:
            outdoors.street_lamp(b, rng, frame, rng.uniform(2.2, 4.5))
        elif kind == 5:
            furniture.screen(b, rng, frame, (rng.uniform(0.5, 1.5), rng.uniform(0.5, 1.2)))
        elif kind == 6:
            outdoors.tree(b, rng, frame, rng.uniform(2.0, 5.0))
        else:
            furniture.small_thing(b, rng, frame, rng.uniform(0.15, 0.6))
