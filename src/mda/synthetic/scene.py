"""Scenes under construction: solids and cards with materials, in a world with z up, in metres."""

import math
from dataclasses import dataclass

import numpy as np

from mda.shapes import Float, ndarray
from mda.synthetic.layout import BOX, CARD, CYLINDER, ELLIPSOID, MATERIAL, PRIMITIVE, RECTANGLE
from mda.synthetic.patterns import PatternBank

# Whole numbers are numbers, too, to checkers that take annotations at their word.
Number = float | int
Vector = tuple[Number, Number, Number]
Rotation = Float[ndarray, "3 3"]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A finished scene.

    Attributes:
        primitives: records of `layout.PRIMITIVE`.
        materials: records of `layout.MATERIAL`.
        environment: one record of `layout.ENVIRONMENT`.
        bank: the patterns that the materials name.
    """

    primitives: ndarray
    materials: ndarray
    environment: np.void
    bank: PatternBank


def turned(yaw: Number = 0.0, pitch: Number = 0.0, roll: Number = 0.0) -> Rotation:
    """world_from_local rotation: roll about x, then pitch about y, then yaw about z (radians)."""
    cz, sz, cy, sy, cx, sx = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def along(direction: Vector, up: Number = 0.0) -> Rotation:
    """A world_from_local rotation whose local z is the direction; `up` turns about it."""
    a, b, c = direction
    scale = 1 / math.sqrt(a * a + b * b + c * c)
    a, b, c = a * scale, b * scale, c * scale
    # x is level, except where that would divide by nothing; y completes a right-handed frame.
    x = (0.0, -c, b) if abs(c) > 0.9 else (-b, a, 0.0)
    scale = 1 / math.sqrt(x[0] ** 2 + x[1] ** 2 + x[2] ** 2)
    x = (x[0] * scale, x[1] * scale, x[2] * scale)
    y = (b * x[2] - c * x[1], c * x[0] - a * x[2], a * x[1] - b * x[0])
    k, s = math.cos(up), math.sin(up)
    return np.array([[k * p + s * q, k * q - s * p, r] for p, q, r in zip(x, y, (a, b, c), strict=True)])


_MATERIAL_FIELDS = MATERIAL.names or ()
_UPRIGHT = np.eye(3).ravel().tolist()


def _refuse_rest(values: dict[str, Number]) -> None:
    if values:
        message = f"Unknown fields: {', '.join(values)}."
        raise TypeError(message)


class SceneBuilder:
    """Collects primitives and materials; every method that adds a solid takes the number of a material."""

    def __init__(self, bank: PatternBank) -> None:
        self.bank = bank
        self._primitives: list[tuple[Number, ...]] = []
        self._materials: list[tuple[Number, ...]] = []

    def __len__(self) -> int:
        """Number of primitives."""
        return len(self._primitives)

    def material(self, **values: Number) -> int:
        """Add a material (fields of `layout.MATERIAL`) and return its number."""
        self._materials.append(tuple(values.pop(name, 0) for name in _MATERIAL_FIELDS))
        _refuse_rest(values)
        return len(self._materials) - 1

    def _add(
        self, kind: int, centre: Vector, half: Vector, rotation: Rotation | None, material: int, **values: Number
    ) -> None:
        # By position, not by name, because scenes of hundreds of parts are built many times a second.
        local = _UPRIGHT if rotation is None else rotation.T.ravel().tolist()
        outline, mask, casts = values.pop("outline", 0), values.pop("mask", 0), values.pop("casts", 1)
        rest = [values.pop(name, 0.0) for name in ("taper", "a", "b", "c", "d")]
        _refuse_rest(values)
        self._primitives.append((kind, outline, material, mask, casts, *centre, *local, *half, *rest))

    def box(
        self, centre: Vector, half: Vector, material: int, rotation: Rotation | None = None, **more: Number
    ) -> None:
        """Add a box of half extents `half` along the rotated axes."""
        self._add(BOX, centre, half, rotation, material, **more)

    def ellipsoid(
        self, centre: Vector, half: Vector, material: int, rotation: Rotation | None = None, **more: Number
    ) -> None:
        """Add an ellipsoid of semi-axes `half`."""
        self._add(ELLIPSOID, centre, half, rotation, material, **more)

    def cylinder(
        self,
        centre: Vector,
        radius: Number,
        half_height: Number,
        material: int,
        rotation: Rotation | None = None,
        **more: Number,
    ) -> None:
        """Add a capped cylinder along local z; `taper` changes its radius by that share from the middle to the top."""
        self._add(CYLINDER, centre, (radius, radius, half_height), rotation, material, **more)

    def pole(self, start: Vector, end: Vector, radius: Number, material: int, **more: Number) -> None:
        """Add a cylinder between two points."""
        way = end[0] - start[0], end[1] - start[1], end[2] - start[2]
        middle = start[0] + way[0] / 2, start[1] + way[1] / 2, start[2] + way[2] / 2
        self.cylinder(middle, radius, math.hypot(*way) / 2, material, along(way), **more)

    def card(
        self,
        centre: Vector,
        half: tuple[Number, Number],
        material: int,
        rotation: Rotation | None = None,
        outline: int = RECTANGLE,
        **more: Number,
    ) -> None:
        """Add a flat card in the local plane z = 0, cut by an outline of `layout`."""
        self._add(CARD, centre, (*half, 0.0), rotation, material, outline=outline, **more)

    def build(self, environment: np.void) -> Scene:
        """The scene with all that was added."""
        return Scene(
            primitives=np.array(self._primitives, PRIMITIVE),
            materials=np.array(self._materials, MATERIAL),
            environment=environment,
            bank=self.bank,
        )
