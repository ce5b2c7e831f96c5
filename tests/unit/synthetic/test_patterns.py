import numpy as np
import pytest

from mda.synthetic.kernels.tiles import OFFSETS, SIZE, TEXELS, sample
from mda.synthetic.patterns import pattern_bank, with_levels

RAMP = np.tile(np.linspace(0, 1, SIZE), (SIZE, 1))


def test_every_kind_has_patterns_and_they_differ():
    bank = pattern_bank()
    assert sum(len(numbers) for numbers in bank.kinds.values()) == len(bank.texels)
    assert len(np.unique(bank.texels, axis=0)) == len(bank.texels)
    # Nothing but the plain ones is without contrast.
    plain = set(bank.kinds["flat"])
    assert all(row[: SIZE * SIZE].std() > 15 for i, row in enumerate(bank.texels) if i not in plain)


def test_texel_centres_are_read_exactly():
    bank = with_levels(RAMP)[None]
    for x, y in ((0, 0), (17, 200), (255, 255)):
        assert sample(bank, 0, x + 0.5, y + 0.5, 1.0) == pytest.approx(bank[0, y * SIZE + x] / 255)


def test_patterns_repeat():
    bank = pattern_bank().texels
    for u, v in ((3.3, 250.1), (100.0, 9.7)):
        for footprint in (1.0, 5.0):
            once = sample(bank, 5, u, v, footprint)
            assert once == pytest.approx(sample(bank, 5, u + SIZE, v - 3 * SIZE, footprint))


def test_large_footprints_read_the_mean():
    tile = np.zeros((SIZE, SIZE))
    tile[:, ::2] = 1
    bank = with_levels(tile)[None]
    assert sample(bank, 0, 10.5, 10.5, 1.0) in (0, 1)
    assert sample(bank, 0, 10.5, 10.5, 8.0) == pytest.approx(0.5, abs=0.01)


def test_levels_are_halved_means():
    levels = with_levels(RAMP)
    assert levels.size == TEXELS
    half = levels[OFFSETS[1] : OFFSETS[2]].reshape(SIZE // 2, SIZE // 2)
    assert np.abs(half[0] - 255 * RAMP[0].reshape(-1, 2).mean(1)).max() < 0.51
