import math

import pytest
import torch
from scipy import stats

from mda.errors import ConfigError
from mda.mixtures import ALPHA, Family

FAMILIES = list(Family)
REFERENCE = {Family.NORMAL: stats.norm, Family.LAPLACE: stats.laplace}


@pytest.mark.parametrize("family", FAMILIES)
def test_density_distribution_and_quantile_are_scipys(family):
    z = torch.linspace(-6, 6, 61, dtype=torch.float64)
    p = torch.tensor([1e-9, 0.01, 0.3, 0.5, 0.7, 0.999], dtype=torch.float64)
    reference = REFERENCE[family]
    torch.testing.assert_close(family.log_density(z), torch.from_numpy(reference.logpdf(z.numpy())))
    torch.testing.assert_close(family.cdf(z), torch.from_numpy(reference.cdf(z.numpy())))
    torch.testing.assert_close(family.quantile(p), torch.from_numpy(reference.ppf(p.numpy())))
    assert family.variance(torch.tensor(3.0)) == pytest.approx(reference.var(scale=3.0))


@pytest.mark.parametrize("family", FAMILIES)
def test_confidence_is_the_published_width(family):
    confidence = torch.tensor([1.0, 4.0, 1e8], dtype=torch.float64)
    scale = family.scale_from_confidence(confidence)
    width = scale if family is Family.LAPLACE else scale**2
    torch.testing.assert_close(width, ALPHA / confidence)
    torch.testing.assert_close(family.confidence_from_scale(scale), confidence)


@pytest.mark.parametrize(("family", "scale"), [("normal", 0.7), ("laplace", 0.3)])
def test_moments_of_the_exponential(family, scale):
    family = Family(family)
    x = torch.linspace(-40, 40, 400_001, dtype=torch.float64)
    density = family.log_density((x - 0.4) / scale).exp() / scale
    mean = torch.trapezoid(x.exp() * density, x)
    variance = torch.trapezoid((x.exp() - mean) ** 2 * density, x)
    found = family.exp_moments(torch.tensor(0.4, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64))
    torch.testing.assert_close(torch.stack(found), torch.stack([mean, variance]), rtol=1e-6, atol=0)


def test_laplace_moments_of_the_exponential_may_not_exist():
    mean, variance = Family.LAPLACE.exp_moments(torch.zeros(3), torch.tensor([0.4, 0.6, 1.0]))
    assert mean.isfinite().tolist() == [True, True, False]
    assert variance.isfinite().tolist() == [True, False, False]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("other", [None, 0.5, 0.5000001, 2.0])
@pytest.mark.parametrize("gap", [0.0, 0.8, -3.0])
def test_expected_distance_is_the_integral(family, other, gap):
    scale = 0.5
    x = torch.linspace(-25, 25, 200_001, dtype=torch.float64)
    density = family.log_density((x - gap) / scale).exp() / scale
    # E|x - Y| for a fixed x is |x| for a point at 0, else again a known integral: the one-component form.
    to_other = x.abs() if other is None else family.expected_distance(x, torch.full_like(x, other))
    integral = torch.trapezoid(to_other * density, x)
    arguments = [torch.tensor(v, dtype=torch.float64) for v in (gap, scale)]
    second = None if other is None else torch.tensor(other, dtype=torch.float64)
    torch.testing.assert_close(family.expected_distance(*arguments, second), integral, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_expected_distance_has_gradients_where_scales_are_equal(family):
    gap = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.5, 0.5], dtype=torch.float64, requires_grad=True)
    family.expected_distance(gap, scale, scale.detach().clone()).sum().backward()
    assert gap.grad.isfinite().all()
    assert scale.grad.isfinite().all()
    assert scale.grad[1] > 0


def test_a_wrong_word_is_answered_with_the_right_ones():
    with pytest.raises(ConfigError, match=r"family 'gauss' is not known.*normal, laplace"):
        Family("gauss")
    assert math.isclose(ALPHA, 0.2)
