"""Scenes under construction: solids and cards with materials, in a world with z up, in metres."""

import math
from dataclasses import dataclass

import numpy as np

from mda.shapes import Float, ndarray
from mda.synthetic.layout import BOX, CARD, CYLINDER, ELLIPSOID, MATERIAL, PRIMITIVE, RECTANGLE

Vector = tuple[float, float, float]
Rotation = Float[ndarray, "3 3"]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A finished scene.

    Attributes:
        primitives: records of `layout.PRIMITIVE`.
        materials: records of `layout.MATERIAL`.
        environment: one record of `layout.ENVIRONMENT`.
    """

    primitives: ndarray
    materials: ndarray
    environment: np.void


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Rotation:
    """world_from_local rotation: roll about x, then pitch about y, then yaw about z (radians)."""
    cz, sz, cy, sy, cx, sx = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def along(direction: Vector, up: float = 0.0) -> Rotation:
    """A world_from_local rotation whose local z is the direction; `up` turns about it."""
    z = np.asarray(direction, float)
    z = z / math.sqrt(z @ z)
    helper = np.array([1.0, 0.0, 0.0]) if abs(z[2]) > 0.9 else np.array([0.0, 0.0, 1.0])
    x = np.cross(helper, z)
    x = x / math.sqrt(x @ x)
    y = np.cross(z, x)
    return np.stack([x * math.cos(up) + y * math.sin(up), y * math.cos(up) - x * math.sin(up), z], axis=1)


class SceneBuilder:
    """Collects primitives and materials; every method that adds a solid takes the number of a material."""

    def __init__(self) -> None:
        self._primitives: list[np.void] = []
        self._materials: list[np.void] = []

    def __len__(self) -> int:
        """Number of primitives."""
        return len(self._primitives)

    def material(self, **values: float) -> int:
        """Add a material (fields of `layout.MATERIAL`) and return its number."""
        record = np.zeros((), MATERIAL)
        for name, value in values.items():
            record[name] = value
        self._materials.append(record[()])
        return len(self._materials) - 1

    def _add(
        self, kind: int, centre: Vector, half: Vector, rotation: Rotation | None, material: int, **values: float
    ) -> None:
        record = np.zeros((), PRIMITIVE)
        record["kind"], record["material"], record["casts"] = kind, material, 1
        record["cx"], record["cy"], record["cz"] = centre
        record["hx"], record["hy"], record["hz"] = half
        local = np.eye(3) if rotation is None else rotation.T
        for i in range(3):
            for j in range(3):
                record[f"r{i}{j}"] = local[i, j]
        for name, value in values.items():
            record[name] = value
        self._primitives.append(record[()])

    def box(self, centre: Vector, half: Vector, material: int, rotation: Rotation | None = None, **more: float) -> None:
        """Add a box of half extents `half` along the rotated axes."""
        self._add(BOX, centre, half, rotation, material, **more)

    def ellipsoid(
        self, centre: Vector, half: Vector, material: int, rotation: Rotation | None = None, **more: float
    ) -> None:
        """Add an ellipsoid of semi-axes `half`."""
        self._add(ELLIPSOID, centre, half, rotation, material, **more)

    def cylinder(
        self, centre: Vector, radius: float, half_height: float, material: int, rotation: Rotation | None = None, **more: float
    ) -> None:
        """Add a capped cylinder along local z; `taper` changes its radius by that share from the middle to the top."""
        self._add(CYLINDER, centre, (radius, radius, half_height), rotation, material, **more)

    def pole(self, start: Vector, end: Vector, radius: float, material: int, **more: float) -> None:
        """Add a cylinder between two points."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        length = math.sqrt((b - a) @ (b - a))
        middle = (a + b) / 2
        self.cylinder(tuple(middle), radius, length / 2, material, along(tuple(b - a)), **more)

    def card(
        self, centre: Vector, half: tuple[float, float], material: int, rotation: Rotation | None = None,
        outline: int = RECTANGLE, **more: float,
    ) -> None:
        """Add a flat card in the local plane z = 0, cut by an outline of `layout`."""
        self._add(CARD, centre, (*half, 0.0), rotation, material, outline=outline, **more)

    def build(self, environment: np.void) -> Scene:
        """The scene with all that was added."""
        return Scene(
            primitives=np.array(self._primitives, PRIMITIVE),
            materials=np.array(self._materials, MATERIAL),
            environment=environment,
        )
