"""One pixel: its numbers, its curve, its picture."""

import numpy as np
import pytest
import torch

from mda.io.archive import load_run
from mda.mixtures import DepthMixture
from mda.viewer.colouring import FLYING_RED
from mda.viewer.inspecting import density_curve, describe, draw_report, inspect_pixel
from tests.unit.viewer.walls import BACK, BLUE, FRONT, RED, SIZE, write_run

TOP, LEFT = SIZE[0] // 3, SIZE[1] // 3


@pytest.fixture
def run(tmp_path):
    return load_run(write_run(tmp_path / "run", 2))


def test_a_pixel_at_the_border(run):
    report = inspect_pixel(run, 1, TOP, LEFT)
    assert (report.name, report.depth, report.confidence, report.is_sky) == ("wall ü 1.jpg", FRONT, 1.5, False)
    assert report.decoded["mean"] == pytest.approx(3.0, rel=1e-3)
    assert report.decoded["back"] == pytest.approx(BACK, rel=1e-3)
    middle = report.patch.shape[0] // 2
    assert tuple(report.patch[middle, middle]) == RED
    assert tuple(report.patch[middle, middle - 1]) == BLUE
    words = describe(report)
    assert "hypotheses: 2 (50%), 4 (30%), 4 (20%)" in words
    assert "mean 3" in words


def test_a_pixel_beyond_the_image_is_the_nearest_one(run):
    report = inspect_pixel(run, 0, 999, -5)
    assert (report.row, report.column) == (SIZE[0] - 1, 0)
    assert (report.patch[-1] == 0).all()


def test_a_run_without_densities(tmp_path):
    report = inspect_pixel(load_run(write_run(tmp_path / "plain", 1, mixture=False)), 0, 0, 0)
    assert report.mixture is None
    assert report.decoded == {}
    assert report.is_sky
    assert "sky" in describe(report)
    assert draw_report(report).shape == (420, 400, 3)


@pytest.mark.parametrize("space", ["linear", "log"])
@pytest.mark.parametrize("family", ["normal", "laplace"])
def test_the_curve_integrates_to_one_and_shows_narrow_peaks(space, family):
    mixture = DepthMixture(
        locs=torch.tensor([0.5, 1.5]),
        scales=torch.tensor([1e-4, 0.05]),
        log_weights=torch.tensor([0.3, 0.7]).log(),
        family=family,
        space=space,
    )
    depth, density = density_curve(mixture)
    x = depth if space == "linear" else np.log(depth + 0.1)
    assert (np.diff(depth) > 0).all()
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=0.05)
    assert density.max() == pytest.approx(float(mixture.log_prob(mixture.hypotheses[:1])[0].exp()), rel=1e-2)


def test_the_picture_shows_patch_and_marks(run):
    sheet = draw_report(inspect_pixel(run, 0, TOP, LEFT))
    assert (sheet == RED).all(-1).sum() > 5000
    assert (sheet == BLUE).all(-1).sum() > 5000
    assert (sheet[220:] == FLYING_RED).all(-1).sum() > 50


def test_a_density_of_one_point_can_be_drawn(run):
    report = inspect_pixel(run, 0, TOP + 5, LEFT + 5)
    depth, _ = density_curve(report.mixture)
    assert len(depth) > 50
    assert depth[0] < FRONT < depth[-1]
    assert draw_report(report).dtype == np.uint8
