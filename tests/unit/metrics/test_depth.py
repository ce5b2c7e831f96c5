import math

import pytest
import torch

from mda.metrics import Tally, abs_rel, align_scale, delta, root_mean, squared_error, squared_log_error

TARGET = torch.tensor([[[1.0, 2.0, 4.0, 8.0]]])
PRED = torch.tensor([[[1.2, 2.0, 3.0, 16.0]]])
ALL = torch.ones(1, 1, 4, dtype=torch.bool)


def test_abs_rel_of_a_hand_made_case():
    assert abs_rel(PRED, TARGET, ALL).values.flatten().tolist() == pytest.approx([0.2, 0, 0.25, 1])
    assert abs_rel(PRED, TARGET, TARGET < 5).mean == pytest.approx(0.15)


def test_delta_counts_both_directions_and_is_strict():
    assert delta(PRED, TARGET, ALL).values.flatten().tolist() == [True, True, False, False]
    exact = torch.tensor([[[1.25, 2.0 / 1.25, 4.0, -8.0]]])
    assert delta(exact, TARGET, ALL).values.flatten().tolist() == [False, False, True, False]
    assert delta(exact, TARGET, ALL, threshold=1.26).values.flatten().tolist() == [True, True, True, False]


def test_rmse_and_log_rmse():
    squares = squared_error(PRED, TARGET, ALL).tally
    assert root_mean(squares) == pytest.approx(math.sqrt((0.04 + 1 + 64) / 4))
    logs = squared_log_error(PRED, TARGET, ALL).tally
    expected = math.sqrt((math.log(1.2) ** 2 + math.log(0.75) ** 2 + math.log(2) ** 2) / 4)
    assert root_mean(logs) == pytest.approx(expected)


def test_perfect_depth_has_no_error():
    for metric in (abs_rel, squared_error, squared_log_error):
        assert metric(TARGET, TARGET, ALL).mean == 0
    assert delta(TARGET, TARGET, ALL).mean == 1


def test_nothing_to_score_is_nan():
    none = torch.zeros_like(ALL)
    for metric in (abs_rel, delta, squared_error, squared_log_error):
        assert math.isnan(metric(PRED, TARGET, none).mean)
    assert math.isnan(root_mean(Tally()))


def test_a_broken_prediction_is_not_dropped():
    broken = torch.tensor([[[torch.nan, 2.0, 4.0, 8.0]]])
    assert math.isnan(abs_rel(broken, TARGET, ALL).mean)
    assert delta(broken, TARGET, ALL).mean == 0.75


def test_scale_undoes_a_factor_exactly_with_one_scale_per_clip():
    target = torch.rand(2, 3, 5, 7) + 0.5
    factors = torch.tensor([4.0, 0.125])
    mask = torch.rand(2, 3, 5, 7) > 0.3
    assert torch.equal(align_scale(target / factors[:, None, None, None], target, mask), factors)


def test_scale_ignores_what_is_masked_out_or_no_depth():
    target = torch.ones(1, 3, 4)
    pred = torch.full((1, 3, 4), 0.5)
    pred[0, 0] = torch.tensor([torch.nan, torch.inf, torch.inf, -3.0])
    pred[0, 1] = -3.0
    target[0, 2, 0] = torch.nan
    assert align_scale(pred, target, target.isfinite()) == 2.0


def test_scale_minimises_the_log_error():
    target, pred = torch.rand(1, 9, 11) + 0.5, torch.rand(1, 9, 11) + 0.5
    mask = torch.ones_like(target, dtype=torch.bool)
    best = align_scale(pred, target, mask)

    def cost(scale):
        return ((scale * pred).log() - target.log()).abs().sum()

    assert all(cost(best) <= cost(best * factor) for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0))


def test_outliers_below_one_half_do_not_move_the_scale():
    target = torch.ones(1, 3, 3)
    pred = torch.full((1, 3, 3), 0.25)
    pred[0, 0] = 1e6
    assert align_scale(pred, target, torch.ones_like(pred, dtype=torch.bool)) == 4.0


def test_nothing_to_align_is_nan():
    assert align_scale(PRED, TARGET, torch.zeros_like(ALL)).isnan()
