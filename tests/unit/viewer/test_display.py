"""What filters leave on the screen."""

import numpy as np
import pytest

from mda.viewer.display import Display, kept, shown
from mda.viewer.samples import Samples, samples_of
from tests.unit.viewer.walls import SIZE, border, wall_view

PIXELS = SIZE[0] * SIZE[1]
SKY = (SIZE[0] // 8) * SIZE[1]


@pytest.fixture(scope="module")
def samples():
    return Samples.joined([samples_of(wall_view(number), number, np.arange(PIXELS)) for number in range(3)])


def draw(samples, depth=None, **display):
    depth = samples.depth if depth is None else depth
    return shown(samples, depth, samples.colors, Display(**display), sky_depth=50.0)


def test_sky_is_shown_behind_everything_or_not_at_all(samples):
    assert len(draw(samples)) == 3 * (PIXELS - SKY)
    with_sky = draw(samples, show_sky=True)
    assert len(with_sky) == 3 * PIXELS
    is_sky = samples.sky[with_sky.samples]
    assert with_sky.positions[is_sky, 2] == pytest.approx(50.0)
    assert with_sky.positions[~is_sky, 2].max() == pytest.approx(4.0)


def test_filters_leave_sky_alone(samples):
    assert samples.sky[draw(samples, show_sky=True, drop_percent=90.0).samples].sum() == 3 * SKY
    assert kept(samples, Display(show_sky=True, min_confidence=99.0)).sum() == 3 * SKY


def test_the_edge_filter_takes_exactly_the_border(samples):
    left = draw(samples, max_jump=0.1)
    at_border = border().reshape(-1)
    # The outer corners touch the square only across the diagonal.
    assert 0 < len(draw(samples)) - len(left) <= 3 * at_border.sum()
    assert not at_border[samples.pixels[left.samples]][samples.jump[left.samples] > 0].any()
    assert len(draw(samples, max_jump=1.5)) == len(draw(samples))


def test_the_range_of_views_in_either_order(samples):
    assert set(samples.views[draw(samples, first=1, last=2).samples]) == {1, 2}
    assert set(samples.views[draw(samples, first=2, last=1).samples]) == {1, 2}
    assert set(samples.views[draw(samples, first=1).samples]) == {1, 2}


def test_depth_that_is_not_known_is_not_drawn(samples):
    depth = samples.depth.copy()
    depth[-1], depth[-2], depth[-3] = np.nan, np.inf, 0
    assert len(draw(samples, depth)) == len(draw(samples)) - 3


def test_points_lie_at_the_depth_that_is_asked_for(samples):
    drawn = draw(samples, np.full(len(samples), 7.0, np.float32))
    np.testing.assert_allclose(drawn.positions[:, 2], 7.0)
