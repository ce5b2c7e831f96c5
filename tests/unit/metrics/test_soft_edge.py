import math

import pytest
import torch

from mda.metrics import Tally, soft_edge_error
from tests.unit.metrics.step_scene import BACK, FRONT, HEIGHT, averaged_at_edges, step_depth, step_truth


def test_either_surface_is_free():
    truth = step_truth()
    other = torch.where(truth.edge, truth.front * truth.back / truth.depth, truth.depth)
    for depth in (truth.depth, other, step_depth(at=11), step_depth(at=13)):
        found = soft_edge_error(depth, truth).tally
        assert found.count == 2 * HEIGHT
        assert found.sum == pytest.approx(0, abs=1e-5)


def test_between_costs_the_distance_to_the_nearer_surface():
    truth = step_truth()
    middle = (FRONT + BACK) / 2
    expected = min(math.log(middle / FRONT), math.log(BACK / middle))
    assert soft_edge_error(averaged_at_edges(truth), truth).mean == pytest.approx(expected, rel=1e-6)


def test_what_is_beyond_the_window_and_the_edges_does_not_matter():
    truth = step_truth()
    depth = torch.where(truth.edge, truth.depth, 77.0)
    assert soft_edge_error(depth, truth).mean == 0


def test_deleted_and_invalid_pixels_are_not_scored():
    truth = step_truth()
    assert soft_edge_error(torch.where(truth.edge, torch.nan, truth.depth), truth).tally == Tally()
