import pytest
import torch

from mda.losses.reduce import Masked
from mda.losses.regularisers import depth_ratio, point_scale_penalty, scale_penalty


def ratios(*values):
    each = torch.tensor(values)[:, None, None, None].expand(-1, 1, 12, 12)
    return Masked(values=each, mask=torch.ones_like(each, dtype=torch.bool))


def test_ratio_leaves_out_what_is_too_near_or_unknown():
    target = torch.tensor([[[[0.005, 2.0, 3.0]]]])
    ratio = depth_ratio(torch.full_like(target, 0.5), target, torch.tensor([[[[True, True, False]]]]))
    assert ratio.mask.tolist() == [[[[False, True, False]]]]
    assert ratio.values[0, 0, 0, 1] == 4


def test_ratio_to_a_depth_of_zero_is_finite():
    pred = torch.zeros(1, 1, 1, 2, requires_grad=True)
    ratio = depth_ratio(pred, torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 2, dtype=torch.bool))
    ratio.tally().mean.backward()
    assert ratio.values.isfinite().all()
    assert pred.grad.isfinite().all()


def test_scale_penalty_weighs_both_ways():
    # Clips at twice and half the scale cost the same: (2 - 1)^2 + (1/2 - 1)^2.
    assert scale_penalty(ratios(2.0)).item() == pytest.approx(1.25)
    assert scale_penalty(ratios(0.5)).item() == pytest.approx(1.25)
    assert scale_penalty(ratios(1.0, 2.0)).item() == pytest.approx(0.625)


def test_point_scale_penalty_is_a_mean_over_clips_with_points():
    term = ratios(3.0, 1.0, 5.0)
    mask = term.mask.clone()
    mask[2] = False
    assert point_scale_penalty(Masked(values=term.values, mask=mask)).item() == pytest.approx(2)
    assert point_scale_penalty(Masked(values=term.values, mask=torch.zeros_like(mask))).item() == 0


def test_absurd_ratios_stay_finite():
    assert scale_penalty(ratios(1e20)).isfinite()
