import pytest

from mda.training.config import OptimiserConfig, Schedule
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


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 3e-5), (9, 3e-5), (10, 3e-5), (11, 2.9991e-5), (55, 1.5500e-5), (98, 1.0353e-6), (99, 1.0088e-6)],
)
def test_the_published_schedule_has_its_recorded_rates(step, rate):
    config = OptimiserConfig(rate=3e-5, final_rate=1e-6, schedule=Schedule.COSINE, warmup_rate=3e-5, warmup_steps=10)
    assert 3e-5 * rate_factor(step, steps=100, config=config) == pytest.approx(rate, rel=5e-5)


def test_the_cosine_schedule_warms_up_from_its_first_rate():
    config = OptimiserConfig(rate=1e-3, schedule=Schedule.COSINE, warmup_rate=1e-4, warmup_steps=10)
    values = [rate_factor(step, steps=100, config=config) for step in range(11)]
    assert values[0] == pytest.approx(0.1)
    assert values[9:] == pytest.approx([1.0, 1.0])
    assert values[:10] == sorted(values[:10])
