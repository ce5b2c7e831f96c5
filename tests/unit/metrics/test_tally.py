import math

import pytest
import torch

from mda.errors import ConfigError
from mda.metrics import Scores, Tally


def test_mean_is_sum_over_count():
    assert Tally(sum=3.0, count=4).mean == 0.75


def test_empty_is_nan_and_the_neutral_element():
    assert math.isnan(Tally().mean)
    assert Tally(sum=1.5, count=2) + Tally() == Tally(sum=1.5, count=2)
    assert Tally.pooled([]) == Tally()


def test_shards_weigh_by_their_counts_not_by_their_means():
    shards = [Tally(sum=1.0, count=1), Tally(sum=0.0, count=9)]
    assert (shards[0] + shards[1]).mean == pytest.approx(0.1)
    assert Tally.pooled(shards).mean == pytest.approx(0.1)


def test_pooling_does_not_depend_on_the_order():
    shards = [Tally(sum=value, count=1) for value in (1e16, 1.0, -1e16, 1.0)]
    assert Tally.pooled(shards).sum == Tally.pooled(reversed(shards)).sum == 2.0


def test_scores_outside_the_mask_do_not_count():
    scores = Scores(values=torch.tensor([1.0, torch.nan, 3.0]), mask=torch.tensor([True, False, True]))
    assert scores.tally == Tally(sum=4.0, count=2)
    assert scores.mean == 2.0


def test_truth_values_are_counted():
    scores = Scores(values=torch.tensor([True, False, True, True]), mask=torch.tensor([True, True, True, False]))
    assert scores.tally == Tally(sum=2.0, count=3)


def test_sums_are_exact_where_single_precision_is_not():
    count = 2**24 + 2
    scores = Scores(values=torch.ones(count), mask=torch.ones(count, dtype=torch.bool))
    assert scores.tally.sum == count


def test_nan_inside_the_mask_is_not_hidden():
    assert math.isnan(Scores(values=torch.tensor([1.0, torch.nan]), mask=torch.tensor([True, True])).mean)


def test_mask_of_another_shape_is_refused():
    with pytest.raises(ConfigError, match=r"\(3,\) and \(4,\)"):
        Scores(values=torch.ones(3), mask=torch.ones(4, dtype=torch.bool))
