"""Pictures of depth."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from mda.io.archive import RunWriter, load_run, save_prediction
from mda.io.images import read_image
from mda.io.preview import (
    SKY_COLOUR,
    UNKNOWN_COLOUR,
    colour_depth,
    depth_colours,
    depth_range,
    draw_edges,
    draw_preview,
)
from tests.unit.io.runs import info, prediction, view


def test_colours_fall_evenly_in_lightness_and_differ_from_sky_and_unknown():
    colours = depth_colours()
    lab = rgb2lab(colours[None] / 255.0)[0]
    assert (np.diff(lab[::8, 0]) < 0).all()
    steps = np.linalg.norm(np.diff(lab[::8], axis=0), axis=1)
    assert steps.max() < 2.5 * steps.min()
    for other in (SKY_COLOUR, UNKNOWN_COLOUR):
        distances = np.linalg.norm(lab - rgb2lab(np.array([[other]]) / 255.0)[0], axis=1)
        assert distances.min() > 15


def test_depth_is_coloured_evenly_in_log_depth():
    depth = np.array([[1.0, 2.0, 4.0, 0.01, 999.0]], np.float32)
    colours = colour_depth(depth, limits=(1.0, 4.0))[0]
    np.testing.assert_array_equal(colours, depth_colours()[[0, 128, 255, 0, 255]])


def test_sky_and_unknown_have_their_own_colours():
    depth = np.array([[1.0, np.nan, np.inf, -1.0, 0.0, 3.0]], np.float32)
    sky = np.array([[False, False, False, False, False, True]])
    colours = colour_depth(depth, sky=sky)[0]
    assert (colours[1:5] == UNKNOWN_COLOUR).all()
    assert (colours[5] == SKY_COLOUR).all()
    assert (colours[0] == depth_colours()[0]).all()


def test_the_range_is_that_of_the_clip_without_sky_and_outliers():
    near, far = np.full((50, 50), 2.0, np.float32), np.full((50, 50), 8.0, np.float32)
    far[0, 0], far[1:20] = 1e6, 100.0
    sky = np.zeros((50, 50), bool)
    sky[1:20] = True
    assert depth_range([near, far], [None, sky]) == pytest.approx((2.0, 8.0))


@pytest.mark.parametrize("depth", [np.full((4, 4), np.nan, np.float32), np.full((4, 4), 2.0, np.float32)])
def test_nothing_to_tell_apart_is_no_error(depth):
    near, far = depth_range([depth], [None])
    assert 0 < near < far
    assert colour_depth(depth).shape == (4, 4, 3)


def test_edges_are_drawn_where_depth_jumps_and_where_sky_begins():
    depth = np.ones((20, 20), np.float32)
    depth[:, 10:] = 2
    sky = np.zeros((20, 20), bool)
    sky[:5] = True
    depth[sky] = 77
    drawn = draw_edges(np.full((20, 20, 3), 100, np.uint8), depth, sky=sky)
    assert (drawn[10, [5, 15]] == 50).all()
    assert (drawn[10, [9, 10]] == (255, 140, 0)).all()
    assert (drawn[4, [3, 16]] == SKY_COLOUR).all()
    assert (drawn[2] == 50).all()
    assert (drawn[5, [3, 16]] == 50).all()


def test_a_run_gets_a_preview_of_at_most_six_rows(tmp_path):
    with RunWriter(tmp_path / "long", info()) as writer:
        for number in range(9):
            writer.write_view(number, view(number))
    with RunWriter(tmp_path / "short", info()) as writer:
        for number in range(6):
            writer.write_view(number, view(number))
    assert read_image(tmp_path / "long/preview.png").shape == read_image(tmp_path / "short/preview.png").shape


def test_a_preview_shows_the_views(tmp_path):
    folder = save_prediction(prediction(2), tmp_path / "run")
    run = load_run(folder)
    sheet = read_image(folder / "preview.png")
    found = [np.array_equal(sheet[30:58, 8:50], run.color(0)), np.array_equal(sheet[66:94, 8:50], run.color(1))]
    assert found == [True, True]
    limits = depth_range([run.depth(i) for i in range(2)], [run.sky(i) for i in range(2)])
    np.testing.assert_array_equal(sheet[30:58, 58:100], colour_depth(run.depth(0), sky=run.sky(0), limits=limits))


def test_large_views_are_drawn_smaller():
    color, depth = np.zeros((1000, 500, 3), np.uint8), np.ones((1000, 500), np.float32)
    assert draw_preview([color], [depth], [None]).shape[0] < 600
