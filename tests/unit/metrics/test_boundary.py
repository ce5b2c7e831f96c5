import math

import pytest
import torch

from mda.metrics import TrueBoundary

POINTS = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 5.0]])


def test_the_same_points_have_no_distance():
    found = TrueBoundary(POINTS).distances(POINTS)
    assert (found.accuracy.mean, found.completeness.mean) == (0, 0)
    assert found.accuracy.tally.count == found.completeness.tally.count == 3


def test_distances_go_to_the_nearest_point_in_each_direction():
    found = TrueBoundary(POINTS).distances(torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.5, 1.0]]))
    assert found.accuracy.values.tolist() == pytest.approx([1, 0.5])
    assert found.completeness.values.tolist() == pytest.approx([0.5, math.sqrt(1.25), 3])


def test_a_flying_point_costs_accuracy_and_landing_on_the_other_surface_does_not():
    flying, other = POINTS.clone(), POINTS.clone()
    flying[1] = torch.tensor([0.0, 0.0, 3.0])
    other[1] = POINTS[2]
    truth = TrueBoundary(POINTS)
    assert truth.distances(flying).accuracy.mean == pytest.approx(2 / 3)
    assert truth.distances(other).accuracy.mean == 0
    assert truth.distances(other).completeness.mean == pytest.approx(1 / 3)


def test_points_that_are_not_finite_are_left_out():
    pred = torch.cat([POINTS, torch.tensor([[0.0, torch.nan, 1.0]])])
    found = TrueBoundary(POINTS).distances(pred)
    assert found.accuracy.tally.count == 3
    assert found.accuracy.mean == 0


@pytest.mark.parametrize(("true", "pred"), [(POINTS[:0], POINTS), (POINTS, POINTS[:0]), (POINTS, POINTS * torch.nan)])
def test_nothing_to_compare_is_nan(true, pred):
    found = TrueBoundary(true).distances(pred)
    assert math.isnan(found.accuracy.mean)
    assert math.isnan(found.completeness.mean)
