"""Depths against formulas, and what lies where nothing is hit."""

import math

import numpy as np
import pytest

from mda.synthetic.layout import DIAMOND, ELLIPSE, LATTICE, LEAF, RING
from mda.synthetic.patterns import pattern_bank
from mda.synthetic.scene import SceneBuilder, along, turned
from mda.synthetic.tracing import Tracer
from tests.unit.synthetic.scenes import HW, ahead, dark, draw, plain, rays

CAMERA = ahead(eye=(0.1, -0.2, 0.3))
ORIGIN = np.array([0.1, -0.2, 0.3])


@pytest.fixture
def builder():
    b = SceneBuilder(pattern_bank())
    plain(b, (1.0, 1.0, 1.0))
    return b


def test_where_nothing_is_hit_there_is_sky(builder):
    builder.box((0, -5, 0), (1, 1, 1), 0)  # behind the camera
    view = draw(builder, CAMERA)
    assert (view.surface == -1).all()
    assert not view.depth.any()
    assert not view.skyline.any()
    assert np.allclose(view.colour, [0, 0, 1], atol=1e-6)


def test_plane_has_the_depth_of_the_formula(builder):
    rotation = turned(0.4, 0.2, math.pi / 2 + 0.3)
    builder.card((0, 4, 0), (50, 50), 0, rotation)
    normal = rotation[:, 2]
    expected = ((np.array([0, 4, 0]) - ORIGIN) @ normal) / (rays(CAMERA) @ normal)
    assert np.allclose(draw(builder, CAMERA).depth, expected, rtol=1e-9)


def test_sphere_has_the_depth_of_the_formula(builder):
    centre, radius = np.array([0.2, 4.0, 0.1]), 1.1
    builder.ellipsoid(tuple(centre), (radius,) * 3, 0, turned(1.0, 0.5, 0.2))
    d, q = rays(CAMERA), ORIGIN - centre
    a, b, c = (d * d).sum(-1), d @ q, q @ q - radius**2
    root = b * b - a * c
    view = draw(builder, CAMERA)
    hit = view.surface >= 0
    assert np.array_equal(hit, root > 0)
    assert 100 < hit.sum() < hit.size
    expected = (-b - np.sqrt(np.maximum(root, 0))) / a
    assert np.allclose(view.depth[hit], expected[hit], rtol=1e-9)


def test_ellipsoid_points_lie_on_it(builder):
    rotation, half = turned(0.7, 0.3, 0.5), np.array([0.5, 1.2, 0.8])
    builder.ellipsoid((0, 4, 0), tuple(half), 0, rotation)
    view = draw(builder, CAMERA)
    hit = view.surface >= 0
    points = ORIGIN + view.depth[hit][:, None] * rays(CAMERA)[hit]
    local = (points - [0, 4, 0]) @ rotation / half
    assert hit.sum() > 100
    assert np.allclose((local**2).sum(-1), 1, atol=1e-9)


def test_box_points_lie_on_the_face_that_is_named(builder):
    rotation, half = turned(0.6, 0.2, 0.4), np.array([0.9, 0.6, 0.7])
    builder.box((0, 4, 0), tuple(half), 0, rotation)
    view = draw(builder, CAMERA)
    hit = view.surface >= 0
    points = ORIGIN + view.depth[hit][:, None] * rays(CAMERA)[hit]
    local = (points - [0, 4, 0]) @ rotation / half
    face = view.surface[hit] % 8
    assert len(np.unique(face)) == 3
    assert np.allclose(local[np.arange(len(face)), face // 2], np.where(face % 2, 1, -1), atol=1e-9)
    assert (np.abs(local) <= 1 + 1e-9).all()
    # Rays that miss would have to miss all slabs: the silhouette is convex and holds the projected centre.
    assert hit[HW[0] // 2, HW[1] // 2]


@pytest.mark.parametrize("taper", [0.0, -0.6, -1.0, 0.4])
def test_cylinder_points_lie_on_side_or_caps(builder, taper):
    rotation = along((0.3, -0.5, 0.8))
    builder.cylinder((0, 4, 0), 0.5, 0.9, 0, rotation, taper=taper)
    view = draw(builder, CAMERA)
    hit = view.surface >= 0
    points = ORIGIN + view.depth[hit][:, None] * rays(CAMERA)[hit]
    x, y, z = ((points - [0, 4, 0]) @ rotation).T
    face, radius = view.surface[hit] % 8, np.hypot(x, y)
    side = face == 0
    assert side.sum() > 100
    assert np.allclose(radius[side], 0.5 * (1 + taper * z[side] / 0.9), atol=1e-9)
    assert np.allclose(z[face == 1], 0.9, atol=1e-9)
    assert np.allclose(z[face == 2], -0.9, atol=1e-9)
    assert (np.abs(z) <= 0.9 + 1e-9).all()


@pytest.mark.parametrize(
    ("outline", "more", "area"),
    [
        (ELLIPSE, {}, math.pi),
        (DIAMOND, {}, 2.0),
        (RING, {"a": 0.5}, math.pi * 0.75),
        (LEAF, {}, 8 / 3),
        # A frame of two bars' width around bars of 0.05 m every 0.25 m.
        (LATTICE, {"a": 0.25, "b": 0.05, "c": 0.25, "d": 0.05}, 4 - 1.8**2 * 0.8**2),
    ],
)
def test_outlines_cover_their_area(builder, outline, more, area):
    """The card is seen head-on, 2x2 metres at 4 metres."""
    builder.card((0, 4, 0), (1, 1), 0, turned(0, 0, math.pi / 2), outline, **more)
    hw = (240, 320)
    camera = ahead(hw=hw)
    covered = (draw(builder, camera, hw).surface >= 0).sum() * (4 / camera["fx"]) ** 2
    assert covered == pytest.approx(area, rel=0.08)


def test_the_nearer_of_two_is_seen(builder):
    builder.box((0, 6, 0), (5, 0.1, 5), 0)
    builder.box((0, 3, 0), (0.5, 0.1, 0.5), 0)
    view = draw(builder)
    assert view.depth[HW[0] // 2, HW[1] // 2] == pytest.approx(2.9)
    assert view.depth[0, 0] == pytest.approx(5.9)


def test_many_small_things_are_found_in_every_tile(builder):
    """Culling must not lose anything: against one primitive at a time."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        centre = rng.uniform(-2, 2), rng.uniform(2, 6), rng.uniform(-2, 2)
        half = tuple(rng.uniform(0.05, 0.5, 3))
        rotation = turned(*rng.uniform(0, 6, 3))
        getattr(builder, str(rng.choice(["box", "ellipsoid"])))(centre, half, 0, rotation)
    builder.pole((-3, 1.5, -2), (3, 2.5, 2), 0.05, 0)
    scene = builder.build(dark())
    together = Tracer(scene).centres(ahead(), HW)[1]
    nearest = np.full(HW, np.inf)
    for i in range(len(scene.primitives)):
        alone = type(scene)(
            primitives=scene.primitives[i : i + 1],
            materials=scene.materials,
            environment=scene.environment,
            bank=scene.bank,
        )
        surface, depth = Tracer(alone).centres(ahead(), HW)
        nearest = np.where((surface >= 0) & (depth < nearest), depth, nearest)
    assert np.array_equal(together, np.where(np.isinf(nearest), 0, nearest))


def test_something_that_reaches_behind_the_camera_is_seen_before_it(builder):
    builder.box((0, 0, -1.1), (30, 20, 0.1), 0)  # a floor that the camera stands on
    view = draw(builder)
    below = rays(ahead())[..., 2] < -1 / 20
    assert (view.surface[below] >= 0).all()
    assert np.allclose(view.depth[-1], 1 / -rays(ahead())[-1, :, 2])


def test_clearance_is_the_distance_to_the_nearest_thing(builder):
    builder.box((0, 4, 0), (1, 1, 1), 0)
    builder.ellipsoid((0, -3, 0), (1, 1, 1), 0)
    tracer = Tracer(builder.build(dark()))
    assert tracer.clearance(np.array([0.0, 0.0, 0.0])) == pytest.approx(2.0)
    assert tracer.clearance(np.array([0.0, 2.5, 0.0])) == pytest.approx(0.5)
    assert tracer.clearance(np.array([0.3, 4.2, 0.1])) == 0


def test_shadows_fall_away_from_the_light(builder):
    environment = dark()
    environment["lx"], environment["lz"] = math.sin(0.5), math.cos(0.5)
    for i in range(3):
        environment[f"light{i}"] = 1.0
    builder.box((0, 4, -1), (4, 4, 0.001), plain(builder, (0.5, 0.5, 0.5), emission=0.0))
    builder.ellipsoid((0.5, 3, 0), (0.2, 0.2, 0.2), 0)
    scene = builder.build(environment)
    eye = np.array([0.0, 2.9, 1.5])
    camera = ahead()
    for i, name in enumerate(("ox", "oy", "oz")):
        camera[name] = eye[i]
    # Looking straight down: image x is world x, image y is world -y.
    for i in range(3):
        for j in range(3):
            camera[f"r{i}{j}"] = np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1.0]])[i, j]
    view = Tracer(scene).draw(camera, HW, 0.05)

    def brightness(x, y):
        depth = eye[2] + 1 - 0.001
        column, row = camera["fx"] * (x - eye[0]) / depth + HW[1] / 2, -camera["fy"] * (y - eye[1]) / depth + HW[0] / 2
        return view.colour[int(row), int(column), 0]

    # From (0.5, 3, 0) the shadow falls to x = 0.5 - tan(0.5) on the floor at z = -1.
    assert brightness(0.5 - math.tan(0.5), 3.0) == pytest.approx(0, abs=1e-6)
    assert brightness(-0.9, 3.4) == pytest.approx(0.5 * math.cos(0.5), rel=0.01)


@pytest.mark.parametrize("point", [0, 1])
def test_the_light_finds_everything_that_throws_a_shadow(builder, point):
    """Against asking every primitive for every pixel."""
    rng = np.random.default_rng(4)
    paint = plain(builder, (0.5, 0.5, 0.5), emission=0.0)
    builder.box((0, 4, -1.6), (8, 8, 0.1), paint)
    for _ in range(50):
        centre = rng.uniform(-2, 2), rng.uniform(2, 6), rng.uniform(-1.5, 2.5)
        half = tuple(np.exp(rng.uniform(-4, -0.7, 3)))
        if math.dist(centre, (0.2, 3.8, 1.4)) < 1:
            continue  # the point light is there
        getattr(builder, str(rng.choice(["box", "ellipsoid"])))(centre, half, paint, turned(*rng.uniform(0, 6, 3)))
    builder.pole((-0.3, 3.5, -1.5), (0.3, 4.5, 3), 0.05, paint)
    builder.cylinder((1.0, 4.0, 0.0), 0.2, 0.6, paint, along((1.0, 0.3, 0.2)), taper=0.9)
    environment = dark()
    environment["point"], environment["reach"] = point, 5.0
    environment["lx"], environment["ly"], environment["lz"] = (0.2, 3.8, 1.4) if point else (0.48, -0.36, 0.8)
    for i in range(3):
        environment[f"light{i}"] = 1.0
    tracer = Tracer(builder.build(environment))
    culled = tracer.draw(ahead(), HW, 0.05).colour
    frame, starts, _ = tracer._light_cells
    cells, count = len(starts) - 1, len(tracer.scene.primitives)
    everything = np.tile(np.arange(count, dtype=np.int32), cells)
    tracer._light_cells = frame, (np.arange(cells + 1) * count).astype(np.int32), everything
    assert np.array_equal(culled, tracer.draw(ahead(), HW, 0.05).colour)
    lit = culled[..., 0] > 0.01
    assert 0.1 < lit.mean() < 0.9
