import pytest

from mda.training.config import OptimiserConfig
from mda.training.schedule import rate_factor

CONFIG = OptimiserConfig(rate=1e-3, final_rate=1e-5, warmup_steps=10, decay_steps=20)


def factor(step: int, steps: int = 100) -> float:
    return rate_factor(step, steps=steps, config=CONFIG)


def test_warm_up_is_linear_and_reaches_one():
    assert factor(0) == pytest.approx(0.1)
    assert factor(9) == pytest.approx(1.0)


def test_the_middle_is_constant():
    assert {factor(step) for step in range(10, 81)} == {1.0}


def test_the_decay_is_monotone_and_ends_at_the_final_rate():
    values = [factor(step) for step in range(80, 101)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.01)
    assert factor(90) == pytest.approx((1 + 0.01) / 2)


def test_beyond_the_end_the_rate_stays_at_its_final_value():
    assert factor(150) == pytest.approx(0.01)


def test_a_longer_run_shifts_the_decay_only():
    assert factor(90, steps=200) == 1.0
    assert factor(190, steps=200) == pytest.approx(factor(90))
