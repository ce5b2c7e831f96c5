"""Records that scene builders write and kernels read."""

import numpy as np

# Kinds of primitives. Local axes: cylinders stand along z, cards lie in the plane z = 0.
BOX, ELLIPSOID, CYLINDER, CARD = 0, 1, 2, 3
# Outlines of cards, inside the rectangle of half extents (hx, hy).
RECTANGLE, ELLIPSE, LEAF, DIAMOND, MASK, LATTICE, RING = 0, 1, 2, 3, 4, 5, 6
# Surfaces of one primitive are numbered below this.
FACES = 8

_F = np.float64
_I = np.int32

PRIMITIVE = np.dtype(
    [
        ("kind", _I),
        ("outline", _I),
        ("material", _I),
        ("mask", _I),  # pattern that cuts a card of outline MASK
        ("casts", _I),  # whether it throws shadows
        *[(name, _F) for name in ("cx", "cy", "cz")],  # centre in the world
        # Rotation local_from_world, by rows.
        *[(f"r{i}{j}", _F) for i in range(3) for j in range(3)],
        *[(name, _F) for name in ("hx", "hy", "hz")],  # half extents, metres
        ("taper", _F),  # a cylinder's radius at z is 1 + taper * z / hz times (hx, hy)
        # Outline: MASK threshold, texels per metre; LATTICE period and width of bars along x (a, b) and y (c, d);
        # RING share of the inner hole (a).
        *[(name, _F) for name in ("a", "b", "c", "d")],
    ],
    align=True,
)

MATERIAL = np.dtype(
    [
        ("pattern", _I),  # lays the second colour over the first
        ("detail", _I),  # lays the third over both
        *[(f"{colour}{i}", _F) for colour in ("first", "second", "third") for i in range(3)],  # linear RGB
        ("scale", _F),  # texels of the pattern per metre
        ("detail_scale", _F),
        ("detail_share", _F),
        *[(name, _F) for name in ("cos", "sin", "u", "v")],  # turn and shift of the pattern
        ("specular", _F),
        ("shininess", _F),
        ("emission", _F),
    ],
    align=True,
)

ENVIRONMENT = np.dtype(
    [
        ("point", _I),  # whether the light is a point (else directional)
        ("clouds", _I),  # pattern of the clouds
        *[(name, _F) for name in ("lx", "ly", "lz")],  # position of the light, or unit vector towards it
        *[(f"light{i}", _F) for i in range(3)],
        ("reach", _F),  # a point light falls off as 1 / (1 + (r / reach)^2)
        *[(f"above{i}", _F) for i in range(3)],  # ambient light from above and from below
        *[(f"below{i}", _F) for i in range(3)],
        *[(f"zenith{i}", _F) for i in range(3)],
        *[(f"horizon{i}", _F) for i in range(3)],
        *[(f"cloud{i}", _F) for i in range(3)],
        ("cover", _F),  # share of the sky under clouds
        ("cloud_scale", _F),
        ("cloud_u", _F),
        ("cloud_v", _F),
        ("fog", _F),  # extinction per metre
        ("glow", _F),  # brightness around the sun
    ],
    align=True,
)

CAMERA = np.dtype(
    [
        *[(name, _F) for name in ("fx", "fy", "cx", "cy")],
        *[(name, _F) for name in ("ox", "oy", "oz")],
        *[(f"r{i}{j}", _F) for i in range(3) for j in range(3)],  # world_from_cam
    ],
    align=True,
)
