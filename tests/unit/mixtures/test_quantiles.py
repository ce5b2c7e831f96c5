import pytest
import torch

from mda.mixtures import DepthMixture, Family, Space
from tests.unit.mixtures.references import adversarial_mixture, random_mixture


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("space", list(Space))
def test_quantile_inverts_the_distribution_function(family, space):
    mixture = random_mixture(300, 4, 5, family=family, space=space)
    for p in (1e-6, 0.1, 0.5, 0.93):
        torch.testing.assert_close(
            mixture.cdf(mixture.quantile(p)), torch.full((300,), p, dtype=torch.float64), rtol=1e-9, atol=1e-12
        )


def test_one_p_per_pixel():
    mixture = random_mixture(50, 3, 6)
    p = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    torch.testing.assert_close(mixture.cdf(mixture.quantile(p)), p)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_hard_mixtures(dtype):
    mixture = adversarial_mixture(5000, 4, 7, dtype=dtype)
    p = torch.full((5000,), 0.37, dtype=dtype)
    error = (mixture.to(torch.float64).cdf(mixture.quantile(0.37).double()) - p).abs()
    # In single precision a coordinate beside a very narrow component is off by a share of its scale.
    assert error.max() < (1e-3 if dtype == torch.float32 else 1e-11)
    assert error.median() < (1e-6 if dtype == torch.float32 else 1e-14)


def test_a_pixel_does_not_depend_on_the_others():
    mixture = adversarial_mixture(60, 4, 8, dtype=torch.float32)
    together = mixture.quantile(0.5)
    alone = torch.stack([mixture[i : i + 1].quantile(0.5)[0] for i in range(60)])
    assert torch.equal(together, alone)


def test_between_two_surfaces_of_equal_weight():
    mixture = DepthMixture(
        locs=torch.tensor([1.0, 3.0]),
        scales=torch.tensor([0.01, 0.01]),
        log_weights=torch.tensor([0.5, 0.5]).log(),
        space="linear",
    )
    assert 1.0 < mixture.quantile(0.5) < 3.0
    assert mixture.quantile(0.49) == pytest.approx(1.02, abs=0.02)
    assert mixture.quantile(0.51) == pytest.approx(2.98, abs=0.02)
