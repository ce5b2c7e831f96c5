"""The software renderer: points where they belong, nearest on top, every time the same."""

import numpy as np
import pytest

from mda.viewer.poses import Pose
from mda.viewer.samples import samples_of
from mda.viewer.splatting import BACKGROUND, render
from tests.unit.viewer.walls import BLUE, FOCAL, RED, SIZE, wall_view

POSE = Pose(position=(0.0, 0.0, 0.0), wxyz=(1.0, 0.0, 0.0, 0.0), fov=2 * np.arctan(0.5))
HW = (100, 100)  # focal 100


def draw(points, colors, *, size=0.001, finer=1, pose=POSE):
    points, colors = np.array(points, np.float32), np.array(colors, np.uint8)
    return render(points, colors, pose, HW, size=size, finer=finer)


def test_a_point_lights_the_pixel_it_projects_to():
    picture = draw([[0.105, -0.195, 1.0]], [RED])
    lit = np.argwhere((picture != BACKGROUND).any(-1))
    np.testing.assert_array_equal(lit, [[30, 60]])
    assert tuple(picture[30, 60]) == RED


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_nearest_point_wins_in_any_order(order):
    points, colors = np.array([[0, 0, 1.0], [0, 0, 2.0]])[order], np.array([RED, BLUE])[order]
    assert tuple(draw(points, colors, size=0.1)[50, 50]) == RED


def test_points_are_as_large_as_they_are_near():
    for depth, side in ((1.0, 40), (2.0, 20), (4.0, 10)):
        lit = (draw([[0, 0, depth]], [RED], size=0.2) == RED).all(-1)
        assert lit.sum() ** 0.5 == pytest.approx(side, abs=1.01)


def test_what_is_behind_or_beside_or_not_finite_is_not_drawn():
    nowhere = [[0, 0, -1], [0, 0, 0], [9, 0, 1], [np.nan, 0, 1], [0, 0, np.inf], [1e30, 1e30, 1e30]]
    assert (draw(nowhere, [RED] * len(nowhere)) == BACKGROUND).all()
    assert (draw(np.zeros((0, 3)), np.zeros((0, 3))) == BACKGROUND).all()


def test_a_point_before_the_eye_does_not_cover_everything():
    lit = (draw([[0, 0, 1e-5]], [RED], size=1.0) == RED).all(-1)
    assert 0 < lit.sum() <= 64 * 64


def test_finer_pictures_are_averages():
    picture = draw([[0.1025, 0.0025, 1.0]], [RED], finer=2, size=0.001)
    expected = np.round(0.25 * np.array(RED) + 0.75 * np.array(BACKGROUND))
    np.testing.assert_allclose(picture[50, 60], expected, atol=1)


def test_the_same_points_give_the_same_picture():
    rng = np.random.default_rng(0)
    points, colors = rng.normal(size=(5000, 3)) + np.array([0, 0, 3]), rng.integers(0, 256, (5000, 3))
    np.testing.assert_array_equal(draw(points, colors, size=0.05), draw(points, colors, size=0.05))


def test_a_view_seen_from_its_own_camera_is_its_image():
    view = wall_view(1)
    samples = samples_of(view, 1, np.arange(SIZE[0] * SIZE[1]))
    pose = Pose(position=(0.1, 0.0, 0.0), wxyz=(1.0, 0.0, 0.0, 0.0), fov=2 * np.arctan(SIZE[0] / 2 / FOCAL))
    positions = samples.points_at(samples.depth)
    picture = render(positions, samples.colors, pose, SIZE, size=1e-6, finer=1)
    np.testing.assert_array_equal(picture, view.color)
