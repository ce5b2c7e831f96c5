import math

import pytest
import torch

from mda.errors import ConfigError
from mda.metrics import (
    INTERVALS,
    PitHistogram,
    continuous_ranked_probability_score,
    fitted_recalibration,
    mass_near,
    negative_log_likelihood,
)
from mda.mixtures import DepthMixture

PIXELS = 20_000


def mixture(*, family="normal", space="log", scale=0.1, locs=(0.3, 1.2), weights=(0.25, 0.75), pixels=PIXELS):
    return DepthMixture(
        locs=torch.tensor(locs).expand(pixels, -1).double(),
        scales=torch.full((pixels, len(locs)), scale).double(),
        log_weights=torch.tensor(weights).log().expand(pixels, -1).double(),
        family=family,
        space=space,
    )


def drawn(density: DepthMixture) -> torch.Tensor:
    """One depth of each pixel, by inversion."""
    generator = torch.Generator().manual_seed(0)
    return density.quantile(
        torch.rand(density.batch_shape, generator=generator, dtype=torch.float64).clamp(1e-6, 1 - 1e-6)
    )


ALL = torch.ones(PIXELS, dtype=torch.bool)


@pytest.mark.parametrize("family", ["normal", "laplace"])
@pytest.mark.parametrize("space", ["log", "linear"])
def test_depths_drawn_from_a_density_are_calibrated(family, space):
    density = mixture(family=family, space=space, locs=(1.3, 2.2))
    histogram = PitHistogram.of(density, drawn(density), ALL)
    assert histogram.count == PIXELS
    assert histogram.quantile_error < 0.006
    for share in INTERVALS:
        assert histogram.coverage(share).mean == pytest.approx(share, abs=0.01)


def test_narrow_densities_are_found_out_and_mended():
    true = mixture()
    target = drawn(true)
    narrow = true.recalibrated(0.4)
    before = PitHistogram.of(narrow, target, ALL)
    assert before.quantile_error > 0.05
    assert before.coverage(0.9).mean < 0.75
    factor = fitted_recalibration(narrow, target)
    assert factor == pytest.approx(2.5, rel=0.03)
    after = narrow.recalibrated(factor)
    assert PitHistogram.of(after, target, ALL).quantile_error < 0.006
    loss_before, loss_after = (negative_log_likelihood(m, target, ALL).mean for m in (narrow, after))
    assert loss_after < loss_before - 0.3


def test_wide_densities_get_a_factor_below_one():
    assert (
        fitted_recalibration(mixture(scale=0.3, weights=(0.5, 0.5)), drawn(mixture(scale=0.1, weights=(0.5, 0.5))))
        < 0.6
    )


def test_a_factor_of_one_changes_nothing_and_decisions_by_component_stay():
    density = mixture(pixels=3)
    assert density.recalibrated(1.0) is density
    assert torch.equal(density.recalibrated(2.0).decode("heaviest"), density.decode("heaviest"))
    assert torch.equal(density.recalibrated(2.0).scales, 2 * density.scales)


def test_a_certain_and_wrong_density_has_the_error_of_a_step():
    density = mixture(scale=1e-3)
    histogram = PitHistogram.of(density, torch.full((PIXELS,), 100.0).double(), ALL)
    # All truth lies above all quantiles: the mean of p itself.
    assert histogram.quantile_error == pytest.approx(0.5, abs=1e-9)
    assert histogram.coverage(0.95).mean == 0


def test_the_middle_of_one_component_has_the_known_likelihood_in_ln_depth():
    # One normal component in linear depth at 2 m, sigma 0.1 m: in ln depth the density is 2 times higher.
    density = mixture(space="linear", locs=(2.0,), weights=(1.0,), pixels=1)
    at = torch.tensor([2.0]).double()
    expected = math.log(0.1) + 0.5 * math.log(2 * math.pi) - math.log(2)
    assert negative_log_likelihood(density, at, ALL[:1]).mean == pytest.approx(expected)


def test_likelihood_integrates_to_one_in_ln_depth():
    for space in ("log", "linear"):
        density = mixture(space=space, locs=(1.3, 2.2), pixels=4001)
        log_depth = torch.linspace(-3, 4, 4001).double()
        loss = negative_log_likelihood(density, log_depth.exp(), torch.ones(4001, dtype=torch.bool)).values
        assert torch.trapezoid((-loss).exp(), log_depth) == pytest.approx(1, abs=1e-3)


def test_truth_over_scale_does_not_depend_on_the_scale_of_linear_mixtures():
    density = mixture(space="linear", locs=(1.3, 2.2))
    target = drawn(density)
    bigger = DepthMixture(
        locs=7 * density.locs, scales=7 * density.scales, log_weights=density.log_weights, space="linear"
    )
    first, second = (negative_log_likelihood(m, t, ALL).mean for m, t in ((density, target), (bigger, 7 * target)))
    assert first == pytest.approx(second, abs=1e-9)


def test_crps_of_one_normal_at_its_centre():
    density = mixture(space="linear", locs=(2.0,), weights=(1.0,), pixels=1)
    score = continuous_ranked_probability_score(density, torch.tensor([2.0]).double(), ALL[:1]).mean
    # sigma (2 phi(0) - 1 / sqrt(pi)), Gneiting and Raftery 2007.
    assert score == pytest.approx(0.1 * (2 / math.sqrt(2 * math.pi) - 1 / math.sqrt(math.pi)))


def test_masked_pixels_may_hold_anything_and_shards_add_up():
    density = mixture(pixels=10)
    target = drawn(density)
    mask = torch.arange(10) < 6
    target[~mask] = torch.nan
    for metric in (negative_log_likelihood, continuous_ranked_probability_score):
        assert math.isfinite(metric(density, target, mask).mean)
    whole = PitHistogram.of(density, target, mask)
    parts = [PitHistogram.of(density[part], target[part], mask[part]) for part in (slice(0, 4), slice(4, 10))]
    assert torch.equal((parts[0] + parts[1] + PitHistogram.empty()).counts, whole.counts)
    assert whole.count == 6


def test_nothing_is_nan():
    assert math.isnan(PitHistogram.empty().quantile_error)
    assert math.isnan(PitHistogram.empty().coverage(0.9).mean)
    assert math.isnan(fitted_recalibration(mixture(pixels=0), torch.zeros(0)))


def test_intervals_that_end_within_bins_are_refused():
    with pytest.raises(ConfigError, match="multiples"):
        PitHistogram.empty().coverage(0.333)


def test_mass_near_a_decoded_depth():
    density = mixture(space="log", locs=(0.0, 2.0), weights=(0.3, 0.7), scale=1e-4, pixels=1)
    assert mass_near(density, density.decode("heaviest")).item() == pytest.approx(0.7, abs=1e-6)
    between = torch.tensor([3.0]).double()
    assert mass_near(density, between).item() == pytest.approx(0, abs=1e-6)
