import math

import pytest
import torch

from mda.errors import ConfigError
from mda.metrics import coverage_of, flying_between_true_surfaces, most_confident, smoothness, without
from tests.unit.metrics.step_scene import averaged_at_edges, step_depth, step_truth

EVERY = torch.ones(1, 10, 10, dtype=torch.bool)


@pytest.mark.parametrize("coverage", [1.0, 0.97, 0.5, 0.011])
def test_the_most_confident_share_is_kept(coverage):
    confidence = torch.randperm(100).reshape(1, 10, 10).float()
    kept = most_confident(confidence, EVERY, coverage)
    count = math.ceil(round(100 * coverage, 9))
    assert kept.sum() == count
    assert (confidence[kept] >= 100 - count).all()


def test_only_pixels_asked_about_are_ranked():
    confidence = torch.arange(100.0).reshape(1, 10, 10)
    among = confidence < 50
    kept = most_confident(confidence, among, 0.5)
    assert torch.equal(kept, (confidence >= 25) & among)


def test_equal_confidences_stay_together_and_nan_goes_first():
    assert most_confident(torch.ones(1, 10, 10), EVERY, 0.5).all()
    confidence = torch.ones(1, 10, 10)
    confidence[:, 0] = torch.nan
    assert torch.equal(most_confident(confidence, EVERY, 0.9), confidence == 1)


@pytest.mark.parametrize("coverage", [0.0, -1.0, 1.5, math.nan])
def test_impossible_coverages_are_refused(coverage):
    with pytest.raises(ConfigError, match="coverage"):
        most_confident(torch.ones(1, 10, 10), EVERY, coverage)


def test_the_gradient_filter_deletes_flying_points_and_right_ones_alike():
    truth = step_truth()
    for depth in (truth.depth, averaged_at_edges(truth)):
        filtered = without(depth, smoothness(depth) > -math.log1p(0.1))
        assert flying_between_true_surfaces(filtered, truth).tally.count == 0
        assert coverage_of(filtered, truth.edge).mean == 0
        assert coverage_of(filtered, truth.interior).mean > 0.8


def test_smoothness_is_minus_the_largest_step():
    found = smoothness(step_depth())
    assert found[0, 5, 11] == found[0, 5, 12] == pytest.approx(-math.log(2.5))
    assert found[0, 5, 10] == found[0, 5, 13] == 0
    assert smoothness(step_depth() * 40)[0, 5, 11] == pytest.approx(-math.log(2.5))
