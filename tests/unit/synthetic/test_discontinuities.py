"""Edges, skylines and mixed colours on scenes with known answers."""

import math

import numpy as np
import pytest

from mda.synthetic.patterns import pattern_bank
from mda.synthetic.scene import SceneBuilder, turned
from tests.unit.synthetic.scenes import HW, ahead, draw, plain, rays

RED, GREEN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def box_before_wall(half_width=0.6, distance=3.0, wall=6.0):
    b = SceneBuilder(pattern_bank())
    front, back = plain(b, RED), plain(b, GREEN)
    b.box((0, distance + 0.5, 0), (half_width, 0.5, half_width), front)
    b.box((0, wall + 0.1, 0), (20, 0.1, 20), back)
    return b


def test_the_outline_of_a_box_before_a_wall_is_an_edge_with_both_depths():
    view = draw(box_before_wall())
    front = view.surface // 8 == 0
    near_border = np.zeros(HW, bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near_border |= np.roll(front, (dy, dx), (0, 1)) != front
    assert np.array_equal(view.edge, near_border)
    assert view.edge.any()
    assert np.allclose(view.front[view.edge], 3.0)
    assert np.allclose(view.back[view.edge], 6.0)
    assert not view.front[~view.edge].any()
    assert not view.back[~view.edge].any()
    assert not view.skyline.any()


def test_depths_at_an_edge_are_those_of_the_pixel_centre():
    """Behind the box stands a slanted wall, which is hit (hidden or not) by every ray."""
    b = SceneBuilder(pattern_bank())
    front, back = plain(b, RED), plain(b, GREEN)
    b.box((0, 3.5, 0), (0.6, 0.5, 0.6), front)
    rotation = turned(0.5, 0, math.pi / 2)
    b.card((0, 8, 0), (50, 50), back, rotation)
    view = draw(b)
    normal = rotation[:, 2]
    expected = normal[1] * 8 / (rays(ahead()) @ normal)
    assert view.edge.any()
    assert np.allclose(view.back[view.edge], expected[view.edge], rtol=1e-9)


def test_creases_are_no_edges():
    """A room's corner: floor, two walls and a box on the floor seen from above, all touching."""
    b = SceneBuilder(pattern_bank())
    paint = plain(b, RED)
    b.box((0, 4, -1.1), (20, 20, 0.1), paint)
    b.box((0, 6, 0), (20, 0.1, 20), paint)
    b.box((-2, 4, 0), (0.1, 20, 20), paint)
    view = draw(b)
    assert len(np.unique(view.surface)) == 3
    assert not view.edge.any()


def test_a_grazing_floor_is_no_edge_where_it_meets_a_wall_however_steep_its_depth():
    b = SceneBuilder(pattern_bank())
    paint = plain(b, RED)
    b.box((0, 50, -0.11), (200, 200, 0.1), paint)  # the eye is 1 cm above it
    b.box((0, 1.0, 0.9), (20, 0.01, 0.91), paint)  # its foot stands on the floor
    view = draw(b)
    surfaces = np.unique(view.surface)
    assert len(surfaces) == 2
    row = int(np.nonzero(np.diff(view.surface[:, 0]))[0][0])
    assert abs(np.log(view.depth[row, 0] / view.depth[row + 1, 0])) > 0.05
    assert not view.edge.any()


@pytest.mark.parametrize("turn", [0.0, 0.01, 0.03])
def test_one_wall_in_two_pieces_is_no_edge_however_slanted(turn):
    b = SceneBuilder(pattern_bank())
    paint = plain(b, RED)
    # Turned a little, rounding keeps the two from lying in the very same plane.
    for middle, half in ((3, 2), (30, 25)):
        centre = 1.0 - middle * math.sin(turn), middle * math.cos(turn), 0
        b.box(centre, (0.1, half, 20), paint, turned(turn))
    view = draw(b)
    first, second = (view.surface[HW[0] // 2] // 8 == i for i in range(2))
    assert first.sum() > 5
    assert second.sum() > 3
    column = int(np.nonzero(first)[0][0])
    assert np.log(view.depth[HW[0] // 2, column - 1] / view.depth[HW[0] // 2, column]) > 0.05
    assert not view.edge.any()


def test_a_floor_behind_the_top_of_a_box_is_an_edge_and_in_front_of_its_foot_none():
    b = SceneBuilder(pattern_bank())
    paint = plain(b, RED)
    b.box((0, 50, -1.1), (200, 200, 0.1), paint)
    b.box((0, 3, -0.75), (0.4, 0.3, 0.25), paint)
    view = draw(b, ahead(fov=1.4))
    front = np.argwhere((view.surface // 8 == 1) & view.edge)
    foot = np.argwhere(view.surface // 8 == 1)[:, 0].max()
    middle = HW[1] // 2
    assert view.edge[np.argwhere(view.surface[:, middle] // 8 == 1)[0, 0], middle]
    assert not view.edge[foot, middle - 1 : middle + 2].any()
    assert len(front)


def test_gaps_under_the_threshold_are_no_edges():
    assert not draw(box_before_wall(distance=3.0, wall=4.0 * 1.0 - 0.9)).edge.any()
    assert draw(box_before_wall(distance=3.0, wall=3.3)).edge.any()


def test_a_convex_thing_has_no_edge_inside_itself():
    b = SceneBuilder(pattern_bank())
    paint = plain(b, RED)
    b.box((0, 2, 0), (0.2, 1.2, 0.2), paint, turned(0.15))
    view = draw(b)
    assert view.skyline.any()
    assert not view.edge.any()


def test_a_pole_thinner_than_a_pixel_is_drawn_and_is_an_edge():
    b = SceneBuilder(pattern_bank())
    pole, back = plain(b, RED), plain(b, GREEN)
    b.pole((-0.9, 3, -0.8), (0.8, 3, 0.9), 0.006, pole)
    b.box((0, 6.1, 0), (20, 0.1, 20), back)
    view = draw(b)
    radius_pixels = 0.006 * ahead()["fx"] / 3
    assert 2 * radius_pixels < 0.25
    along_it = view.colour[..., 0] > 0.02
    # Rays are 1/4 pixel apart, so some pixels of the line may be missed, but not many.
    assert along_it.sum() >= 20
    assert view.edge[along_it].all()
    assert np.allclose(view.front[along_it], 3.0, rtol=0.01)
    assert np.allclose(view.back[along_it], 6.0)


@pytest.mark.parametrize("half_width", [0.55, 0.6, 0.63])
def test_edge_pixels_mix_by_area(half_width):
    """The red of a row across the box sums up to its width in pixels, to 1/16 of a pixel at each end."""
    view = draw(box_before_wall(half_width))
    row = view.colour[HW[0] // 2]
    width = 2 * half_width * ahead()["fx"] / 3
    assert row[:, 0].sum() == pytest.approx(width, abs=0.15)
    assert np.allclose(row[:, 0] + row[:, 1], 1, atol=1e-5)
    mixed = (row[:, 0] > 0.05) & (row[:, 0] < 0.95)
    assert mixed.sum() == 2
    assert view.edge[HW[0] // 2][mixed].all()


def test_a_skyline_is_not_an_edge():
    b = SceneBuilder(pattern_bank())
    b.ellipsoid((0, 4, 0), (1, 1, 1), plain(b, RED))
    view = draw(b)
    sky = view.surface < 0
    assert view.skyline.any()
    assert not view.edge.any()
    # On both sides of the border.
    assert (view.skyline & sky).any()
    assert (view.skyline & ~sky).any()
    # Red and the sky's blue mix there.
    mixed = (view.colour[..., 0] > 0.05) & (view.colour[..., 0] < 0.95)
    assert mixed.any()
    assert view.skyline[mixed].all()


def test_far_coverage_decides_between_two_backgrounds():
    """Left of the pole a wall at 5, right of it one at 9: pixels of the pole next to the left one have back = 5."""
    b = SceneBuilder(pattern_bank())
    pole, near, far = plain(b, RED), plain(b, GREEN), plain(b, (0.0, 0.0, 0.5))
    b.box((0, 2.05, 0), (0.15, 0.05, 3), pole)
    b.box((-10, 5.1, 0), (10, 0.1, 20), near)
    b.box((0, 9.1, 0), (20, 0.1, 20), far)
    view = draw(b)
    row = HW[0] // 2
    on_pole = np.nonzero((view.surface[row] // 8 == 0) & view.edge[row])[0]
    assert view.back[row, on_pole[0]] == pytest.approx(5.0)
    assert view.back[row, on_pole[-1]] == pytest.approx(9.0)
