import dataclasses

import numpy as np
import pytest

from mda.synthetic.effects import (
    CAMERA_EFFECTS,
    Development,
    Effects,
    convolve,
    develop,
    disc_kernel,
    jpeg_round_trip,
    line_kernel,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def half_and_half():
    colour = np.zeros((32, 48, 3), np.float32)
    colour[:, 24:] = 0.5
    return colour


def picture(effects, rng, colour=None):
    colour = half_and_half() if colour is None else colour
    development = dataclasses.replace(Development.drawn(np.random.default_rng(1), [colour]), vignette=0.0)
    return develop(rng, colour, development, effects).astype(float)


def test_a_vignette_darkens_the_corners(rng):
    flat = np.full((32, 48, 3), 0.2, np.float32)
    development = dataclasses.replace(Development.drawn(np.random.default_rng(1), [flat]), vignette=0.3)
    view = develop(rng, flat, development, Effects())[..., 0]
    assert view[16, 24] > view[16, 0] > view[0, 0]


def test_without_effects_an_edge_stays_sharp(rng):
    row = picture(Effects(), rng)[16, :, 0]
    assert len(np.unique(row)) == 2


def test_lens_blur_spreads_an_edge_over_its_diameter(rng):
    row = picture(Effects(lens_blur=3.0), rng)[16, :, 0]
    assert 5 <= ((row > row.min()) & (row < row.max())).sum() <= 8


def test_motion_blur_spreads_along_one_line():
    colour = np.zeros((21, 21, 3), np.float32)
    colour[10, 10] = 1
    blurred = convolve(colour, line_kernel(6.0, 0.0))[..., 0]
    rows, columns = np.nonzero(blurred > 0.01)
    assert set(rows) == {10}
    assert columns.max() - columns.min() in (6, 7)
    assert blurred.sum() == pytest.approx(1, abs=1e-5)


def test_kernels_sum_to_one_and_keep_a_flat_picture():
    flat = np.full((8, 9, 3), 0.3, np.float32)
    for kernel in (disc_kernel(0.4), disc_kernel(2.5), line_kernel(3.0, 1.0)):
        assert kernel.sum() == pytest.approx(1, abs=1e-6)
        assert np.allclose(convolve(flat, kernel), 0.3, atol=1e-6)


def test_noise_has_about_the_strength_asked_for(rng):
    flat = np.full((64, 64, 3), 0.2, np.float32)
    assert picture(Effects(), rng, flat)[..., 0].std() == 0
    weak, strong = (picture(Effects(noise=noise), rng, flat)[..., 0].std() for noise in (0.01, 0.04))
    assert 2.5 < strong / weak < 5


def test_jpeg_loses_more_at_lower_quality():
    pixels = np.random.default_rng(2).integers(0, 255, (32, 32, 3), np.uint8)
    errors = [np.abs(jpeg_round_trip(pixels, q).astype(int) - pixels).mean() for q in (95, 30)]
    assert 0 < errors[0] < errors[1]


def test_pictures_are_brighter_where_there_is_more_light(rng):
    ramp = np.repeat(np.linspace(0, 2, 256, dtype=np.float32)[None, :, None], 3, 2)
    row = picture(Effects(), rng, np.repeat(ramp, 8, 0))[4, :, 0]
    assert (np.diff(row) >= 0).all()
    assert row[-1] - row[0] > 150


def test_drawn_effects_are_within_their_limits_and_vary():
    drawn = [CAMERA_EFFECTS.for_clip(np.random.default_rng(seed)) for seed in range(50)]
    assert {effects.drawn for effects in drawn} == {False}
    assert max(effects.lens_blur for effects in drawn) <= CAMERA_EFFECTS.lens_blur
    for name in ("lens_blur", "motion_blur", "noise", "jpeg"):
        values = [getattr(effects, name) for effects in drawn]
        assert 10 < sum(value == 0 for value in values) < 40
        assert len(set(values)) > 10
    qualities = [effects.jpeg for effects in drawn if effects.jpeg]
    assert CAMERA_EFFECTS.jpeg <= min(qualities) <= max(qualities) <= 95
