"""Samples of runs: even over views, at the right places, with what filters ask."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mda.errors import InputError
from mda.geometry import project
from mda.io.archive import load_run
from mda.io.clouds import camera_of
from mda.viewer.samples import Samples, even_pixels, sample_view, samples_of, shares
from tests.unit.viewer.walls import BACK, FRONT, SIZE, wall_view, write_run

PIXELS = SIZE[0] * SIZE[1]


def everything(**changes):
    return samples_of(replace(wall_view(1), **changes), 1, np.arange(PIXELS))


def test_shares_are_even_and_never_cut_the_tail():
    # The published viewer kept the first 1000 of 1900 points, so that the last views vanished.
    assert shares([100] * 19, 1000) == pytest.approx([1000 / 19] * 19, abs=1)
    assert sum(shares([100] * 19, 1000)) == 1000
    assert shares([300, 100], 200) == [150, 50]
    assert shares([3, 4], 100) == [3, 4]
    assert sum(shares([10, 0, 10], 7)) == 7


@pytest.mark.parametrize(("total", "count"), [(1000, 37), (1000, 999), (7, 7), (5, 9), (10, 0)])
def test_pixels_are_even_distinct_and_repeatable(total, count):
    pixels = even_pixels(total, count, seed=3)
    assert len(pixels) == min(total, count)
    assert (np.diff(pixels) > 0).all()
    np.testing.assert_array_equal(pixels, even_pixels(total, count, seed=3))
    for start in range(0, total - total % 5, max(1, total // 5)):
        here = ((pixels >= start) & (pixels < start + total // 5)).sum()
        assert here == pytest.approx(min(total, count) / 5, abs=1.6)


def test_points_project_to_their_pixels(tmp_path):
    run = load_run(write_run(tmp_path / "run"))
    samples = sample_view(run, 2, 500)
    pixels, depth = project(torch.from_numpy(samples.points_at(samples.depth)), camera_of(run.view(2)))
    column, row = samples.pixels % SIZE[1], samples.pixels // SIZE[1]
    np.testing.assert_allclose(pixels.numpy(), np.stack([column + 0.5, row + 0.5], -1), atol=1e-3)
    np.testing.assert_allclose(depth.numpy(), run.depth(2)[row, column], rtol=1e-5)
    np.testing.assert_array_equal(samples.colors, run.color(2)[row, column])


def test_jumps_are_those_of_the_wall():
    jump = everything().jump.reshape(SIZE)
    top, left = SIZE[0] // 3, SIZE[1] // 3
    assert jump[top, left + 3] == pytest.approx(BACK / FRONT - 1)
    assert jump[top - 1, left + 3] == pytest.approx(BACK / FRONT - 1)
    assert jump[top + 3, left + 3] == 0
    assert jump[0, 0] == 0


def test_unknown_depth_makes_no_jump_and_no_point():
    depth = np.full(SIZE, 2.0, np.float32)
    depth[10, 10], depth[20, 20], depth[30, 30] = np.nan, np.inf, -1.0
    samples = everything(depth=depth)
    assert np.isnan(samples.depth).sum() == 3
    assert (samples.jump == 0).all()


def test_ranks_are_shares_of_the_solid_pixels():
    confidence = np.arange(PIXELS, dtype=np.float32).reshape(SIZE)
    samples = everything(confidence=confidence)
    solid = ~samples.sky
    for percent in (0, 25, 90):
        assert (samples.rank[solid] >= percent / 100).mean() == pytest.approx(1 - percent / 100, abs=0.01)
    confidence[20, 20] = np.nan
    assert everything(confidence=confidence).rank.reshape(SIZE)[20, 20] == 0


def test_without_confidence_nothing_is_less_confident():
    assert (everything(confidence=None).rank == 1).all()
    assert np.isnan(everything(confidence=None).confidence).all()


def test_a_camera_that_is_not_finite_is_refused():
    pose = np.eye(4, dtype=np.float32)
    pose[0, 3] = np.nan
    with pytest.raises(InputError, match="not finite"):
        everything(world_from_cam=pose)


def test_joined_and_parts():
    samples = everything()
    both = Samples.joined([samples[:10], samples[np.arange(5)]])
    assert len(both) == 15
    np.testing.assert_array_equal(both.pixels[10:], samples.pixels[:5])
    assert len(Samples.joined([])) == 0
