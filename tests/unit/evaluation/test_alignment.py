import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mda.evaluation.alignment import (
    EXACT,
    PUBLISHED,
    exact_scale,
    exact_scale_and_shift,
    published_scale,
    published_scale_and_shift,
)


def vectors(seed, count=40):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 10, count)
    pred = truth * rng.uniform(0.2, 3) + rng.normal(0, 1, count) + rng.choice([0, 8], count, p=[0.9, 0.1])
    return torch.from_numpy(np.abs(pred) + 0.1), torch.from_numpy(truth)


def cost(pred, truth, scale, shift):
    return float((scale * pred + shift - truth).abs().sum())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_exact_scale_is_the_best_there_is(seed):
    pred, truth = vectors(seed)
    best = min(cost(pred, truth, float(ratio), 0.0) for ratio in truth / pred)  # the optimum is one of the ratios
    assert cost(pred, truth, *exact_scale(pred, truth)) == pytest.approx(best, rel=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_exact_scale_and_shift_are_those_of_the_linear_programme(seed):
    pred, truth = vectors(seed)
    count = len(pred)
    lines = np.stack([pred.numpy(), np.ones(count)], axis=1)
    slack = -np.eye(count)
    programme = linprog(
        np.r_[0, 0, np.ones(count)],
        A_ub=np.block([[lines, slack], [-lines, slack]]),
        b_ub=np.r_[truth.numpy(), -truth.numpy()],
        bounds=[(None, None)] * 2 + [(0, None)] * count,
    )
    assert cost(pred, truth, *exact_scale_and_shift(pred, truth)) == pytest.approx(programme.fun, rel=1e-6)


@pytest.mark.parametrize("name", ["scale", "scale&shift", "median", "lstsq"])
def test_what_is_right_up_to_a_scale_is_aligned(name):
    truth = torch.linspace(1, 9, 101, dtype=torch.float64)
    for known in (PUBLISHED, EXACT):
        scale, shift = known[name](truth / 2.5, truth)
        assert scale == pytest.approx(2.5, rel=1e-3)
        assert shift == pytest.approx(0, abs=2e-3)


def test_a_shift_is_found_exactly_but_not_by_the_published_steps():
    truth = torch.linspace(1, 60, 101)
    pred = (truth - 5) / 2
    assert exact_scale_and_shift(pred, truth) == pytest.approx((2.0, 5.0), abs=1e-5)
    _, shift = published_scale_and_shift(pred, truth)
    assert 0 < abs(shift) < 0.2  # 1000 steps of 1e-4, with some momentum


def test_many_pixels_give_the_optimum_too():
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(rng.uniform(1, 10, 50_001))
    pred = truth * 0.4 + torch.from_numpy(rng.laplace(0, 0.2, len(truth)))
    best = exact_scale_and_shift(pred, truth)
    for change in (1e-6, -1e-6):
        assert cost(pred, truth, best[0] + change, best[1]) >= cost(pred, truth, *best)
        assert cost(pred, truth, best[0], best[1] + change) >= cost(pred, truth, *best)


def test_flat_walls_do_not_confuse_the_exact_alignment():
    """Most pixels are equal, so the median does not move with a few."""
    truth = torch.cat([torch.full((80,), 3.0), torch.full((20,), 1.5)])
    pred = torch.cat([torch.full((80,), 1.25), torch.linspace(0.64, 0.66, 20)])
    scale, shift = exact_scale_and_shift(pred, truth)
    assert 1.25 * scale + shift == pytest.approx(3.0)
    assert 0.65 * scale + shift == pytest.approx(1.5, abs=1e-2)


def test_degenerate_predictions():
    truth = torch.tensor([1.0, 2.0, 6.0])
    scale, shift = exact_scale_and_shift(torch.full((3,), 4.0), truth)
    assert 4 * scale + shift == pytest.approx(2.0)
    assert published_scale(torch.tensor([-5.0, -4.0, -3.0]), truth)[0] == pytest.approx(1e-3)
    assert np.isnan(exact_scale(torch.empty(0), torch.empty(0))[0])
