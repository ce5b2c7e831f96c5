import pytest
import torch

from mda.losses.reduce import Masked, Tally, below_quantile, mean_per_clip, median_per_clip


def masked(values, mask=None):
    values = torch.as_tensor(values, dtype=torch.float32)
    return Masked(
        values=values, mask=torch.ones_like(values, dtype=torch.bool) if mask is None else torch.as_tensor(mask)
    )


def test_mean_counts_only_what_the_mask_says():
    tally = masked([1.0, 2.0, 90.0], [True, True, False]).tally()
    assert tally.mean == 1.5
    assert tally.count == 2


def test_mean_of_nothing_is_zero_with_zero_gradient():
    values = torch.tensor([3.0, 4.0], requires_grad=True)
    mean = Masked(values=values, mask=torch.zeros(2, dtype=torch.bool)).tally().mean
    mean.backward()
    assert mean == 0
    assert values.grad.tolist() == [0, 0]


def test_numbers_outside_the_mask_may_be_anything():
    term = masked([[1.0, torch.nan], [torch.inf, 5.0]], [[True, False], [False, False]])
    assert term.tally().mean == 1
    assert term.tally_per_clip().sum.tolist() == [1, 0]


def test_tallies_of_parts_add_up():
    term = masked(torch.rand(7, 5), torch.rand(7, 5) > 0.4)
    each = term.tally_per_clip()
    whole = Tally(sum=each.sum.sum(), count=each.count.sum())
    assert whole.mean == pytest.approx(term.tally().mean.item(), rel=1e-6)


def test_few_values_are_not_filtered():
    term = masked(torch.linspace(0, 500, 1000))
    assert below_quantile(term) is term


@pytest.mark.parametrize("count", [1500, 2001, 5000])
def test_the_largest_fiftieth_is_left_out(count):
    values = torch.randperm(count).float() / count
    mask = torch.ones(count, dtype=torch.bool)
    mask[:100] = False
    kept = below_quantile(Masked(values=values, mask=mask)).mask
    counted = values[mask].sort().values
    threshold = counted[round(0.98 * (len(counted) - 1))]
    assert torch.equal(kept, mask & (values < threshold))
    assert kept.sum() < mask.sum()


def test_ties_at_the_threshold_are_left_out_too():
    values = torch.cat([torch.zeros(1100), torch.ones(900)])
    assert below_quantile(masked(values)).mask.sum() == 1100


def test_all_values_come_back_capped_if_hardly_any_would_be_kept():
    values = torch.cat([torch.zeros(900), torch.full((1100,), 250.0)]).requires_grad_()
    filtered = below_quantile(Masked(values=values, mask=torch.ones(2000, dtype=torch.bool)))
    assert filtered.mask.all()
    assert filtered.values.max() == 100
    filtered.tally().mean.backward()
    assert values.grad[-1] == 0


def test_values_above_the_cap_are_never_kept():
    values = torch.cat([torch.zeros(1900), torch.full((1100,), 250.0)])
    assert below_quantile(masked(values)).mask.sum() == 1900


def test_median_is_the_lower_one_of_each_clip():
    values = torch.stack([torch.randperm(200), torch.randperm(200) + 1000]).float()
    assert median_per_clip(masked(values)).tolist() == [99, 1099]
    mask = torch.ones_like(values, dtype=torch.bool)
    mask[0, values[0] < 1] = False
    assert median_per_clip(masked(values, mask)).tolist() == [100, 1099]


def test_a_scale_needs_more_than_a_hundred_values():
    values = torch.full((2, 150), 7.0)
    mask = torch.ones(2, 150, dtype=torch.bool)
    mask[0, 100:] = False
    assert median_per_clip(masked(values, mask)).tolist() == [1, 7]
    mean, enough = mean_per_clip(masked(values, mask))
    assert mean.tolist() == [1, 7]
    assert enough.tolist() == [False, True]
