import math

import pytest
import torch

from mda.metrics import edge_matches
from tests.unit.metrics.step_scene import HEIGHT, skyline_truth, step_depth, step_truth


def rates(depth, radius=1):
    found = edge_matches(depth, step_truth(), radius=radius)
    return found.precision.mean, found.recall.mean


def test_truth_matches_itself_at_any_scale_and_radius():
    for radius in (0, 1, 3):
        assert rates(step_depth(), radius) == rates(7 * step_depth(), radius) == (1, 1)


def test_a_shift_by_n_pixels_is_forgiven_from_radius_n_on():
    # The two pixels of each edge: shifted by one, one of two still coincides.
    assert rates(step_depth(at=11), 0) == (0.5, 0.5)
    assert rates(step_depth(at=9), 1) == (0, 0)
    assert rates(step_depth(at=9), 2) == (0.5, 0.5)
    assert rates(step_depth(at=9), 3) == (1, 1)


def test_flat_and_deleted_predictions_have_no_precision_and_no_recall():
    for depth in (torch.ones(1, 12, 24), torch.where(step_truth().edge, torch.nan, step_depth())):
        precision, recall = rates(depth)
        assert math.isnan(precision)
        assert recall == 0


def test_an_invented_edge_costs_precision_alone():
    depth = step_depth()
    depth[..., 20:] *= 2
    assert rates(depth) == (0.5, 1)


def test_skylines_are_left_out():
    truth, _ = skyline_truth()
    found = edge_matches(torch.where(truth.valid, truth.depth, 50.0), truth)
    assert found.precision.tally.count == found.recall.tally.count == 0


@pytest.mark.parametrize("radius", [0, 1])
def test_counts_are_edge_pixels(radius):
    found = edge_matches(step_depth(), step_truth(), radius=radius)
    assert found.recall.tally.count == found.precision.tally.count == 2 * HEIGHT
