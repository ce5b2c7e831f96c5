"""Clouds and colours from samples and densities of the walls."""

import numpy as np
import pytest

from mda.io.archive import load_run
from mda.mixtures import Decoder
from mda.viewer.colouring import FLYING_RED, HYPOTHESIS_COLOURS, Colouring, colour, view_colour
from mda.viewer.densities import Densities
from mda.viewer.display import Display
from mda.viewer.drawing import Look, draw
from mda.viewer.scene import Scene
from tests.unit.viewer.walls import BACK, FRONT, SIZE, border, write_run

SOLID = SIZE[0] * SIZE[1] - (SIZE[0] // 8) * SIZE[1]


@pytest.fixture(scope="module")
def walls(tmp_path_factory):
    run = load_run(write_run(tmp_path_factory.mktemp("runs") / "walls", 2))
    return Densities(run, Scene(run).load(10**6))


def clouds(walls, densities="its own", **look):
    densities = walls if densities == "its own" else densities
    return draw(walls.samples, Look(**look), densities=densities, sky_depth=50.0, views=2)


def at_border(walls, shown):
    return border().reshape(-1)[walls.samples.pixels[shown.samples]]


def test_as_saved(walls):
    drawn = clouds(walls)
    assert len(drawn) == 2 * SOLID
    np.testing.assert_array_equal(drawn.main.colors, walls.samples.colors[drawn.main.samples])
    assert not drawn.legend


@pytest.mark.parametrize(("decoder", "depth"), [(Decoder.FRONT, FRONT), (Decoder.BACK, BACK), (Decoder.MEAN, 3.0)])
def test_a_decoder_moves_the_points_of_the_border(walls, decoder, depth):
    drawn = clouds(walls, decoder=decoder)
    z = drawn.main.positions[:, 2]
    two = at_border(walls, drawn.main)
    np.testing.assert_allclose(z[two], depth, rtol=1e-3)
    np.testing.assert_allclose(z[~two], walls.samples.depth[drawn.main.samples][~two], rtol=1e-3)


def test_both_layers(walls):
    drawn = clouds(walls, layers=True)
    count = 2 * int(border().sum())
    assert len(drawn.main) == 2 * SOLID
    assert len(drawn.back) == count
    np.testing.assert_allclose(drawn.back.positions[:, 2], BACK, rtol=1e-3)
    np.testing.assert_allclose(drawn.main.positions[at_border(walls, drawn.main), 2], FRONT, rtol=1e-3)


def test_flying_points_of_the_mean_are_red(walls):
    drawn = clouds(walls, flying=True, display=Display(show_sky=True))
    assert len(drawn.flying) == 2 * int(border().sum())
    assert (drawn.flying.colors == FLYING_RED).all()
    np.testing.assert_allclose(drawn.flying.positions[:, 2], 3.0, rtol=1e-3)
    assert len(drawn.positions) == len(drawn.colors) == len(drawn.samples) == len(drawn) + len(drawn.flying)


def test_filters_hold_for_all_layers(walls):
    drawn = clouds(walls, layers=True, flying=True, display=Display(max_jump=0.1))
    assert len(drawn.back) < 2 * int(border().sum())
    assert set(walls.samples.views[clouds(walls, layers=True, display=Display(last=0)).back.samples]) == {0}


def test_without_densities_depth_is_as_saved(walls):
    drawn = clouds(walls, densities=None, decoder=Decoder.MEAN, layers=True, flying=True, colouring=Colouring.ENTROPY)
    assert len(drawn.back) == len(drawn.flying) == 0
    np.testing.assert_array_equal(drawn.main.positions, clouds(walls).main.positions)
    assert drawn.legend == "the run has no densities"


def test_colours_of_densities_tell_the_border(walls):
    two = border().reshape(-1)[walls.samples.pixels]
    for kind in (Colouring.ENTROPY, Colouring.SECOND):
        found = colour(walls.samples, walls.samples.depth, kind, densities=walls)
        bright = found.colors.astype(int).sum(-1)
        assert bright[two].min() > bright[~two].max()
        assert "dark" in found.legend
    numbers = colour(walls.samples, walls.samples.depth, Colouring.HYPOTHESIS, densities=walls, decoder=Decoder.FRONT)
    assert (numbers.colors[two] == HYPOTHESIS_COLOURS[0]).all()
    weight = colour(walls.samples, walls.samples.depth, Colouring.WEIGHT, densities=walls)
    assert weight.legend == "weight: dark 0, pale 1"


def test_colours_of_views_and_depth(walls):
    samples = walls.samples
    by_view = colour(samples, samples.depth, Colouring.VIEW, views=2).colors
    assert (by_view[samples.views == 1] == view_colour(1, 2)).all()
    by_depth = colour(samples, samples.depth, Colouring.DEPTH)
    bright = by_depth.colors.astype(int).sum(-1)
    near = (samples.depth == FRONT) & ~samples.sky
    assert bright[near].min() > bright[(samples.depth == BACK) & ~samples.sky].max()
    assert "dark 4, pale 2" in by_depth.legend
    confidence = colour(samples, samples.depth, Colouring.CONFIDENCE).colors.astype(int).sum(-1)
    two = border().reshape(-1)[samples.pixels]
    assert confidence[two].max() < confidence[~two].min()


def test_nothing_known_is_grey(walls):
    unknown = np.full(len(walls.samples), np.nan, np.float32)
    found = colour(walls.samples, unknown, Colouring.DEPTH)
    assert len(np.unique(found.colors, axis=0)) == 1
