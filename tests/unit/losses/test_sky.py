import pytest
import torch
from torch.nn import functional

from mda.losses.sky import largest_weight, sky_cross_entropy


def test_cross_entropy_of_labelled_pixels():
    odds = torch.tensor([2.0, -1.0, 5.0])
    term = sky_cross_entropy(odds, torch.tensor([True, False, False]), torch.tensor([False, True, False]))
    expected = functional.binary_cross_entropy_with_logits(odds, torch.tensor([1.0, 0.0, 0.0]), reduction="none")
    assert torch.allclose(term.values[:2], expected[:2])
    assert term.mask.tolist() == [True, True, False]


def test_extreme_odds_are_finite():
    odds = torch.tensor([-1e10, 1e10], requires_grad=True)
    sky = torch.tensor([True, False])
    sky_cross_entropy(odds, sky, ~sky).tally().mean.backward()
    assert odds.grad.tolist() == [-0.5, 0.5]


@pytest.mark.parametrize("odds", [-3.0, 0.0, 4.0])
def test_largest_weight_is_that_of_the_joint_softmax(odds):
    log_weights = torch.randn(6, 3).log_softmax(-1)
    joint = torch.cat([log_weights, torch.full((6, 1), odds)], dim=-1).softmax(-1)
    mask = torch.tensor([True, True, False, True, False, True])
    found = largest_weight(log_weights, torch.full((6,), odds), mask)
    assert torch.allclose(found, joint.amax(-1)[mask])


def test_largest_weight_without_sky():
    log_weights = torch.randn(6, 3).log_softmax(-1)
    everywhere = torch.ones(6, dtype=torch.bool)
    assert torch.allclose(largest_weight(log_weights, None, everywhere), log_weights.exp().amax(-1))
