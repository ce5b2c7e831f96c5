"""Scenes: loading with a budget, progress, single views, damaged views."""

import threading

import numpy as np
import pytest

from mda.io.archive import load_run
from mda.viewer.scene import Scene
from tests.unit.viewer.walls import BACK, SIZE, write_run

PIXELS = SIZE[0] * SIZE[1]


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "a run ü", 4)


def test_all_views_give_the_same_share(folder):
    scene = Scene(load_run(folder))
    seen = []
    samples = scene.load(1000, on_progress=lambda done, parts: seen.append((done, sum(map(len, parts)))))
    np.testing.assert_array_equal(np.bincount(samples.views), [250] * 4)
    assert seen == [(1, 250), (2, 500), (3, 750), (4, 1000)]
    assert scene.available == 4 * PIXELS
    assert not scene.problems


def test_a_large_budget_gives_all_pixels(folder):
    assert len(Scene(load_run(folder)).load(10**9)) == 4 * PIXELS


def test_loading_can_be_stopped(folder):
    stop = threading.Event()
    stop.set()
    assert len(Scene(load_run(folder)).load(1000, stop=stop)) == 0


def test_a_single_view_has_all_its_pixels_and_is_kept(folder):
    scene = Scene(load_run(folder))
    frame = scene.frame(2, 10**6)
    assert len(frame) == PIXELS
    assert set(frame.views) == {2}
    assert scene.frame(2, 10**6) is frame


def test_the_extent_is_that_of_the_walls(folder):
    scene = Scene(load_run(folder))
    scene.load(10**6)
    extent = scene.extent()
    assert extent.depth == BACK
    assert extent.far == BACK
    assert extent.center[2] == pytest.approx(BACK)


def test_a_damaged_view_costs_that_view_only(folder):
    (folder / "color" / "000001.png").unlink()
    scene = Scene(load_run(folder))
    assert set(scene.load(10**6).views) == {0, 2, 3}
    assert len(scene.problems) == 1
    assert "000001.png" in scene.problems[0]
    assert len(scene.frame(1, 1000)) == 0
