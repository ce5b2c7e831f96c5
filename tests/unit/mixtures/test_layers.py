import pytest
import torch

from mda.mixtures import DepthMixture, Family
from mda.mixtures.layers import MIN_MASS
from tests.unit.mixtures.references import coordinate_density, random_mixture


def mixture_of(locs, scales, weights, family="normal"):
    return DepthMixture(
        locs=torch.tensor(locs),
        scales=torch.tensor(scales),
        log_weights=torch.tensor(weights).log(),
        family=family,
        space="linear",
    )


@pytest.mark.parametrize("family", list(Family))
def test_two_surfaces(family):
    layers = mixture_of([3.0, 1.0, 1.01, 3.02], [0.1] * 4, [0.2, 0.3, 0.4, 0.1], family).layers()
    assert layers.count == 2
    assert layers.front_depth == pytest.approx(1.0, abs=0.02)
    assert layers.back_depth == pytest.approx(3.0, abs=0.02)
    assert layers.front_mass == pytest.approx(0.7)
    assert layers.back_mass == pytest.approx(0.3)


@pytest.mark.parametrize("family", list(Family))
def test_three_surfaces_give_the_outer_two(family):
    layers = mixture_of([2.0, 1.0, 4.0], [0.05] * 3, [0.3, 0.4, 0.3], family).layers()
    assert layers.count == 3
    assert (layers.front_depth.item(), layers.back_depth.item()) == pytest.approx((1.0, 4.0), abs=1e-3)


@pytest.mark.parametrize("family", list(Family))
def test_little_mass_is_no_surface(family):
    mixture = mixture_of([1.0, 2.0, 3.0], [0.05] * 3, [0.04, 0.9, 0.06], family)
    layers = mixture.layers()
    assert layers.count == 1
    assert layers.front_depth == layers.back_depth == pytest.approx(2.0, abs=1e-3)
    assert mixture.layers(min_mass=0.05).back_depth == pytest.approx(3.0, abs=1e-3)
    assert mixture.layers(min_mass=0.01).count == 3
    # Where nothing reaches the threshold, the heaviest surface is taken.
    assert mixture.layers(min_mass=0.95).front_depth == pytest.approx(2.0, abs=1e-3)
    assert MIN_MASS == 0.1


def test_overlapping_normals_are_one_surface_at_their_common_peak():
    layers = mixture_of([1.0, 1.15], [0.1, 0.1], [0.5, 0.5]).layers()
    assert layers.count == 1
    assert layers.front_depth == pytest.approx(1.075, abs=1e-3)
    assert layers.front_mass == pytest.approx(1.0)
    assert mixture_of([1.0, 1.3], [0.1, 0.1], [0.5, 0.5]).layers().count == 2


def test_laplace_components_walk_up_to_their_peak():
    # The small ones lie on the slope of the large one and lead up to it, the first over the second.
    mixture = mixture_of([1.0, 1.1, 1.4, 3.0], [0.3, 0.3, 0.2, 0.05], [0.1, 0.1, 0.6, 0.2], "laplace")
    layers = mixture.layers()
    assert layers.count == 2
    assert layers.front_depth == pytest.approx(1.4)
    assert layers.front_mass == pytest.approx(0.8)


@pytest.mark.parametrize("family", list(Family))
def test_laws_on_random_mixtures(family):
    mixture = random_mixture(3000, 4, 1, family=family)
    layers = mixture.layers()
    assert (layers.front_depth <= layers.back_depth).all()
    single = layers.count == 1
    assert 0.1 < single.double().mean() < 0.95
    assert torch.equal(layers.front_depth[single], layers.back_depth[single])
    assert (layers.front_mass + layers.back_mass)[~single].max() <= 1 + 1e-9
    assert layers.front_mass.min() >= MIN_MASS
    # A surface is a peak of the density.
    x = mixture.space.coordinate(layers.front_depth)[:, None]
    step = 0.05 * mixture.scales.amin(-1, keepdim=True)
    here, left, right = (coordinate_density(mixture, x + d)[:, 0] for d in (0, -step, step))
    assert ((here * (1 + 1e-3) >= left) & (here * (1 + 1e-3) >= right)).double().mean() > 0.995


def test_front_and_back_decoders_are_the_layers():
    mixture = random_mixture(100, 4, 2, dtype=torch.float32)
    layers = mixture.layers()
    assert torch.equal(mixture.decode("front"), layers.front_depth)
    assert torch.equal(mixture.decode("back"), layers.back_depth)
