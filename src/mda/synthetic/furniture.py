"""Things that stand in rooms, each put together from primitives around a point of the floor."""

import math

from mda.synthetic.layout import DIAMOND, ELLIPSE, LATTICE, LEAF, MASK, RECTANGLE, RING
from mda.synthetic.materials import Rng, add_material, near_colour, pick, random_colour
from mda.synthetic.scene import Number, Rotation, SceneBuilder, Vector, turned


class Frame:
    """A place to build at: local x, y, z of an object to the world, turned by `yaw`."""

    def __init__(self, origin: Vector, yaw: Number = 0.0) -> None:
        self.origin = origin
        self.yaw = yaw
        self._cos, self._sin = math.cos(yaw), math.sin(yaw)
        self.rotation: Rotation = turned(yaw)

    def at(self, x: Number, y: Number, z: Number) -> Vector:
        """World point of local (x, y, z)."""
        a, b, c = self.origin
        return a + self._cos * x - self._sin * y, b + self._sin * x + self._cos * y, c + z

    def turned(self, yaw: Number = 0.0, pitch: Number = 0.0, roll: Number = 0.0) -> Rotation:
        """World rotation of a part that is turned inside the object."""
        return self.rotation @ turned(yaw, pitch, roll)


def table(b: SceneBuilder, rng: Rng, frame: Frame, half: tuple[Number, Number], height: Number) -> None:
    """A table with four thin legs, round or square, and things on it."""
    top = add_material(b, rng, "furniture")
    legs = top if rng.random() < 0.5 else add_material(b, rng, "plain")
    thick = rng.uniform(0.012, 0.04)
    if rng.random() < 0.25:
        b.cylinder(frame.at(0, 0, height - thick), min(half), thick, top)
        b.pole(frame.at(0, 0, 0), frame.at(0, 0, height - 2 * thick), rng.uniform(0.02, 0.08), legs)
        spots = 0.6 * min(half), 0.6 * min(half)
    else:
        b.box(frame.at(0, 0, height - thick), (*half, thick), top, frame.rotation)
        radius = rng.uniform(0.012, 0.04)
        for x in (-half[0] + 2 * radius, half[0] - 2 * radius):
            for y in (-half[1] + 2 * radius, half[1] - 2 * radius):
                if rng.random() < 0.02:
                    continue
                b.box(frame.at(x, y, height / 2 - thick), (radius, radius, height / 2 - thick), legs, frame.rotation)
        spots = 0.8 * half[0], 0.8 * half[1]
    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.uniform(-spots[0], spots[0]), rng.uniform(-spots[1], spots[1])
        small_thing(b, rng, Frame(frame.at(x, y, height), rng.uniform(0, 6.3)), rng.uniform(0.04, 0.16))


def chair(b: SceneBuilder, rng: Rng, frame: Frame) -> None:
    """A chair with thin legs and a back of slats."""
    wood = add_material(b, rng, "furniture")
    seat = rng.uniform(0.4, 0.5)
    half, leg = rng.uniform(0.19, 0.25), rng.uniform(0.01, 0.022)
    back = rng.uniform(0.35, 0.6)
    b.box(frame.at(0, 0, seat), (half, half, 0.018), add_material(b, rng, "cloth"), frame.rotation)
    for x in (-half + leg, half - leg):
        b.box(frame.at(x, half - leg, seat / 2), (leg, leg, seat / 2), wood, frame.rotation)
        b.box(frame.at(x, leg - half, (seat + back) / 2), (leg, leg, (seat + back) / 2), wood, frame.rotation)
    upright = rng.random() < 0.5
    count = int(rng.integers(2, 6))
    for k in range(count):
        s = (k + 0.5) / count
        if upright:
            b.box(
                frame.at((2 * s - 1) * half, leg - half, seat + back / 2),
                (0.012, 0.008, back / 2),
                wood,
                frame.rotation,
            )
        else:
            b.box(
                frame.at(0, leg - half, seat + s * back + 0.06),
                (half, 0.008, 0.35 * back / count),
                wood,
                frame.rotation,
            )
    if upright:
        b.box(frame.at(0, leg - half, seat + back), (half, 0.014, 0.03), wood, frame.rotation)


def shelf(b: SceneBuilder, rng: Rng, frame: Frame, width: Number, height: Number) -> None:
    """Open shelves with books and small things, the back towards local +y."""
    wood, deep, thick = add_material(b, rng, "furniture"), rng.uniform(0.12, 0.2), 0.012
    for x in (-width / 2, width / 2):
        b.box(frame.at(x, 0, height / 2), (thick, deep, height / 2), wood, frame.rotation)
    if rng.random() < 0.6:
        b.box(frame.at(0, deep, height / 2), (width / 2, 0.005, height / 2), wood, frame.rotation)
    levels = max(2, int(height / rng.uniform(0.3, 0.45)))
    colours = [add_material(b, rng, "print" if rng.random() < 0.4 else "plain") for _ in range(5)]
    for level in range(levels + 1):
        z = level * height / levels
        b.box(frame.at(0, 0, z), (width / 2, deep, thick), wood, frame.rotation)
        if level == levels:
            break
        room = height / levels - 2 * thick
        if rng.random() < 0.6:
            _books(b, rng, frame, colours, (-width / 2, width / 2 * rng.uniform(-0.4, 0.95)), (z + thick, room, deep))
        elif rng.random() < 0.7:
            x = rng.uniform(-0.35, 0.35) * width
            small_thing(b, rng, Frame(frame.at(x, 0, z + thick), rng.uniform(0, 6.3)), room * rng.uniform(0.2, 0.4))


def _books(
    b: SceneBuilder,
    rng: Rng,
    frame: Frame,
    colours: list[int],
    span: tuple[Number, Number],
    place: tuple[Number, Number, Number],
) -> None:
    z, room, deep = place
    x = span[0] + 0.02
    while x < span[1]:
        half, tall = rng.uniform(0.012, 0.04), room * rng.uniform(0.5, 0.95)
        if rng.random() < 0.9:
            y = deep * rng.uniform(-0.3, 0.1)
            centre = frame.at(x + half, y, z + tall / 2)
            b.box(centre, (half * 0.94, deep * 0.6, tall / 2), int(pick(rng, colours)), frame.rotation)
        x += 2 * half


def sofa(b: SceneBuilder, rng: Rng, frame: Frame, width: Number) -> None:
    """A sofa or bed: soft blocks."""
    cloth, seat, deep = add_material(b, rng, "cloth"), rng.uniform(0.3, 0.45), rng.uniform(0.35, 0.5)
    b.box(frame.at(0, 0, seat / 2), (width / 2, deep, seat / 2), cloth, frame.rotation)
    b.box(frame.at(0, deep - 0.08, seat), (width / 2, 0.08, seat + 0.1), cloth, frame.rotation)
    for x in (-width / 2, width / 2):
        b.box(frame.at(x, 0, seat * 0.75), (0.07, deep, seat * 0.75), cloth, frame.rotation)
    for _ in range(int(rng.integers(0, 4))):
        part = frame.turned(rng.uniform(-0.4, 0.4), 0, rng.uniform(0.2, 0.6))
        centre = frame.at(rng.uniform(-0.4, 0.4) * width, deep - 0.3, seat + 0.18)
        b.ellipsoid(centre, (0.2, 0.08, 0.2), add_material(b, rng, "cloth"), part)


def lamp(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    """A lamp on a thin pole."""
    metal = add_material(b, rng, "plain")
    b.cylinder(frame.at(0, 0, 0.012), height * 0.1, 0.012, metal)
    b.pole(frame.at(0, 0, 0), frame.at(0, 0, height), max(0.004, 0.008 * height), metal)
    glow = add_material(
        b, rng, "plain", colour=near_colour(rng, 0.1, saturation=(0, 0.4), value=(0.7, 1)), emission=rng.uniform(0, 1.5)
    )
    radius = height * rng.uniform(0.08, 0.16)
    if rng.random() < 0.7:
        b.cylinder(
            frame.at(0, 0, height), radius, radius * rng.uniform(0.5, 1), glow, taper=rng.uniform(-0.5, 0), casts=0
        )
    else:
        b.ellipsoid(frame.at(0, 0, height), (radius, radius, radius), glow, casts=0)


def pot_plant(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    """A pot with leaves on thin stalks that overlap each other."""
    pot = height * rng.uniform(0.2, 0.35)
    b.cylinder(
        frame.at(0, 0, pot / 2),
        pot * rng.uniform(0.35, 0.6),
        pot / 2,
        add_material(b, rng, "stone"),
        taper=rng.uniform(0, 0.3),
    )
    hue = rng.uniform(0.2, 0.4)
    green = [
        add_material(
            b, rng, "foliage", colour=near_colour(rng, hue, saturation=(0.3, 0.8), value=(0.2, 0.7)), scale=0.2
        )
        for _ in range(3)
    ]
    long, wide = height * rng.uniform(0.12, 0.35), rng.uniform(0.12, 0.5)
    for _ in range(int(rng.integers(8, 30))):
        yaw, rise = rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 1.3)
        reach = height * rng.uniform(0.1, 0.45)
        tip = frame.at(
            reach * math.cos(rise) * math.cos(yaw),
            reach * math.cos(rise) * math.sin(yaw),
            pot + reach * math.sin(rise) + rng.uniform(0, 0.4) * height,
        )
        if rng.random() < 0.5:
            b.pole(frame.at(0, 0, pot), tip, 0.004 + 0.003 * height, green[0])
        rotation = turned(yaw + rng.normal(0, 0.3), -rise + rng.normal(0.4, 0.4), rng.normal(0, 0.6))
        b.card(tip, (long, long * wide), int(pick(rng, green)), rotation, LEAF)


def blinds(b: SceneBuilder, rng: Rng, frame: Frame, half: tuple[Number, Number]) -> None:
    """Slats in the local plane y = 0, lying or standing, somewhat open."""
    material = add_material(b, rng, "plain")
    lying = rng.random() < 0.6
    along, across = half if lying else half[::-1]
    pitch = rng.uniform(0.04, 0.14)
    count = min(40, int(2 * across / pitch))
    tilt = rng.uniform(0.2, 1.2)
    for k in range(count):
        s = -across + (k + 0.5) * 2 * across / count
        if lying:
            b.box(frame.at(0, 0, s), (along, 0.45 * pitch, 0.003), material, frame.turned(0, 0, tilt))
        else:
            b.box(frame.at(s, 0, 0), (0.45 * pitch, 0.003, along), material, frame.turned(tilt))


def small_thing(b: SceneBuilder, rng: Rng, frame: Frame, size: Number) -> None:
    """Something of about the given half height that stands on the frame's floor."""
    material = add_material(b, rng, "any", scale=max(0.15, size))
    kind = rng.integers(0, 9)
    if kind <= 1:
        half = tuple(size * rng.uniform(0.3, 1.2, 3))
        b.box(frame.at(0, 0, half[2]), half, material, frame.rotation)
    elif kind == 2:
        b.ellipsoid(frame.at(0, 0, size), (size, size, size), material)
    elif kind == 3:
        half = tuple(size * rng.uniform(0.4, 1.2, 3))
        b.ellipsoid(frame.at(0, 0, half[2]), half, material, frame.rotation)
    elif kind == 4:
        b.cylinder(frame.at(0, 0, size), size * rng.uniform(0.2, 0.9), size, material, taper=rng.uniform(-0.4, 0.3))
    elif kind == 5:
        _bottle(b, rng, frame, size, material)
    elif kind == 6:
        # A card that leans on nothing: a calendar, a picture frame.
        tilt = frame.turned(0, 0, math.pi / 2 + rng.uniform(-0.35, 0.35))
        b.card(
            frame.at(0, 0, size), (size * rng.uniform(0.5, 1.3), size), add_material(b, rng, "print", scale=size), tilt
        )
    elif kind == 7:
        pot_plant(b, rng, frame, 3 * size)
    else:
        for level in range(int(rng.integers(2, 6))):
            half = size * rng.uniform(0.6, 1.0), size * rng.uniform(0.6, 1.0), size * 0.14
            b.box(
                frame.at(0, 0, size * (0.28 * level + 0.14)),
                half,
                add_material(b, rng, "print", scale=size),
                frame.turned(rng.uniform(-0.4, 0.4)),
            )


def _bottle(b: SceneBuilder, rng: Rng, frame: Frame, size: Number, material: int) -> None:
    radius = size * rng.uniform(0.25, 0.5)
    b.cylinder(frame.at(0, 0, 0.7 * size), radius, 0.7 * size, material)
    b.cylinder(frame.at(0, 0, 1.55 * size), radius * 0.65, 0.15 * size, material, taper=-0.5)
    b.cylinder(frame.at(0, 0, 1.85 * size), radius * 0.33, 0.2 * size, material)


def hanging(b: SceneBuilder, rng: Rng, top: Vector, drop: Number, size: Number) -> None:
    """A card, ball or lampshade on a thin string."""
    x, y, z = top
    cord = add_material(b, rng, "plain")
    b.pole(top, (x, y, z - drop), 0.004 + 0.01 * size, cord)
    low = (x, y, z - drop - size)
    kind = rng.random()
    if kind < 0.6:
        outline = int(pick(rng, [RECTANGLE, ELLIPSE, DIAMOND, RING]))
        half = size * rng.uniform(0.5, 1.2), size
        b.card(low, half, add_material(b, rng, "print"), turned(rng.uniform(0, 6.3), 0, math.pi / 2), outline, a=0.6)
    elif kind < 0.8:
        b.ellipsoid(low, (size, size, size), add_material(b, rng, "any"))
    else:
        b.cylinder(low, size * 0.8, size, add_material(b, rng, "plain", emission=rng.uniform(0, 1)), taper=-0.4)


def screen(b: SceneBuilder, rng: Rng, frame: Frame, half: tuple[Number, Number]) -> None:
    """A lattice, a punched screen or a ragged curtain, standing in the local plane y = 0."""
    rotation = frame.turned(0, 0, math.pi / 2)
    centre = frame.at(0, 0, half[1])
    material = add_material(b, rng, "furniture")
    if rng.random() < 0.7:
        period = rng.uniform(0.08, 0.3)
        bar = period * rng.uniform(0.12, 0.4)
        both = rng.random() < 0.6
        b.card(centre, half, material, rotation, LATTICE, a=period, b=bar, c=period, d=bar if both else 1e-6 * period)
    else:
        mask = int(pick(rng, b.bank.kinds["blotches"]))
        b.card(centre, half, material, rotation, MASK, mask=mask, a=rng.uniform(0.3, 0.5), b=256 / rng.uniform(1, 3))


def person(b: SceneBuilder, rng: Rng, frame: Frame, height: Number) -> None:
    """A rough figure: legs, trunk, arms and head."""
    skin = add_material(b, rng, "plain", colour=near_colour(rng, 0.07, saturation=(0.3, 0.6), value=(0.25, 0.9)))
    coat, trousers = (
        add_material(b, rng, "cloth"),
        add_material(b, rng, "cloth", colour=random_colour(rng, value=(0.1, 0.5))),
    )
    stride = rng.uniform(0, 0.25)
    for side in (-1, 1):
        hip = frame.at(side * 0.055 * height, 0, 0.48 * height)
        b.pole(frame.at(side * 0.06 * height, side * stride * height * 0.5, 0), hip, 0.042 * height, trousers)
        shoulder = frame.at(side * 0.115 * height, 0, 0.79 * height)
        hand = frame.at(
            side * rng.uniform(0.13, 0.3) * height, rng.uniform(-0.2, 0.2) * height, rng.uniform(0.42, 0.7) * height
        )
        b.pole(shoulder, hand, 0.026 * height, coat)
        b.ellipsoid(hand, (0.03 * height, 0.03 * height, 0.03 * height), skin)
    b.ellipsoid(frame.at(0, 0, 0.64 * height), (0.115 * height, 0.075 * height, 0.2 * height), coat, frame.rotation)
    b.ellipsoid(frame.at(0, 0, 0.93 * height), (0.052 * height, 0.06 * height, 0.075 * height), skin, frame.rotation)
