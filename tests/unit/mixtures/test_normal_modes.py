import pytest
import torch

from mda.mixtures import DepthMixture
from mda.mixtures import normal_modes as module
from mda.mixtures.normal_modes import Effort, normal_modes
from tests.unit.mixtures.references import (
    adversarial_mixture,
    brute_force_height,
    coordinate_density,
    nll,
    random_mixture,
)


def modes(mixture, chunk=None):
    with torch.no_grad():
        return normal_modes(mixture.locs, mixture.scales, mixture.log_weights, chunk)


def gap_to_brute_force(mixture, found):
    return brute_force_height(mixture) - coordinate_density(mixture, found.double()[..., None])[..., 0].log()


@pytest.mark.parametrize("components", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_random_mixtures(components, dtype):
    mixture = random_mixture(1000, components, 10 + components, dtype=dtype)
    assert gap_to_brute_force(mixture, modes(mixture)).max() < 1e-6


@pytest.mark.parametrize("components", [2, 3, 4, 6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adversarial_mixtures(components, dtype):
    mixture = adversarial_mixture(2000, components, 20 + components, dtype=dtype)
    assert gap_to_brute_force(mixture, modes(mixture)).max() < 1e-6


def test_mode_that_no_center_leads_up_to():
    # Two wide components meet in the middle; two narrow ones sit on their centres and trap every climb from a centre.
    weights = torch.tensor([0.4996, 0.4996, 0.0004, 0.0004], dtype=torch.float64)
    mixture = DepthMixture(
        locs=torch.tensor([-0.9, 0.9, -0.9, 0.9], dtype=torch.float64),
        scales=torch.tensor([1.0, 1.0, 0.02, 0.02], dtype=torch.float64),
        log_weights=weights.log(),
        space="linear",
    )
    at_centers = mixture.log_prob(torch.tensor(0.9, dtype=torch.float64))
    slopes = mixture.log_prob(torch.tensor(0.85, dtype=torch.float64))
    assert slopes < at_centers  # a climb from the centres does not reach the middle
    assert modes(mixture).item() == pytest.approx(0.0, abs=1e-6)


def test_three_modes_in_the_core_of_one_wide_component():
    mixture = DepthMixture(
        locs=torch.tensor([0.0, -0.8, 0.8, 0.1], dtype=torch.float64),
        scales=torch.tensor([1.0, 0.05, 0.05, 0.05], dtype=torch.float64),
        log_weights=torch.tensor([0.99, 0.0033, 0.0034, 0.0033], dtype=torch.float64).log(),
        space="linear",
    )
    assert gap_to_brute_force(mixture, modes(mixture)).abs() < 1e-9


def hard_rows():
    """Rows like those that recorded decoder cases single out; depths of four hypotheses, confidences, log weights."""
    third = torch.tensor([0.25] * 4).log()
    return {
        "all equal": ([2.0] * 4, [50.0] * 4, third),
        "exact tie": ([1.0, 1.0, 3.0, 3.0], [100.0] * 4, third),
        "four surfaces, weights equal to 1e-6": (
            [1.0, 2.0, 4.0, 8.0],
            [300.0] * 4,
            third + torch.tensor([0, 1e-6, -1e-6, 0]),
        ),
        "one confidence 1e6": ([1.0, 1.5, 2.0, 2.5], [2.0, 1e6, 2.0, 2.0], third),
        "confidence near 1": ([1.0, 1.5, 2.0, 2.5], [1 + 1e-6] * 4, third),
        "one confidence 1e8": ([1.3, 11.7, 2.0, 2.5], [2.0, 1e8, 2.0, 2.0], third),
        "all confidences 1e8": ([1.3, 11.7, 11.70001, 2.5], [1e8] * 4, third),
        "three at log weight -80": (
            [1.0, 2.0, 3.0, 4.0],
            [10.0, 20.0, 1e8, 40.0],
            torch.tensor([0.0, -80.0, -80.0, -80.0]),
        ),
        "same depth": ([2.0] * 4, [2.0, 20.0, 200.0, 2000.0], torch.tensor([0.7, 0.1, 0.1, 0.1]).log()),
        "overlapping pairs": ([1.0, 1.2, 1.0, 1.2], [12.0] * 4, third),
        "overlapping pairs with spikes": (
            [1.0, 1.9, 1.0, 1.9],
            [3.0, 3.0, 3e5, 3e5],
            torch.tensor([0.4998, 0.4998, 2e-4, 2e-4]).log(),
        ),
        "tiny depths": ([1e-4, 2e-4, 5e-4, 1e-3], [5.0, 50.0, 500.0, 2.0], third),
        "far depths": ([1e3, 1.1e3, 9e3, 1e4], [5.0, 50.0, 500.0, 400.0], third),
        "1e-7 apart": ([2.0, 2.0 + 2.4e-7, 2.0, 2.0 - 2.4e-7], [1e4] * 4, third),
        "scales far apart": ([1e-4, 1e4, 1.0, 1.0], [1e8, 1.5, 1e4, 2.0], third),
    }


@pytest.mark.parametrize("space", ["log", "linear"])
@pytest.mark.parametrize("name", hard_rows())
def test_hard_rows_in_single_precision(name, space):
    depths, confidence, log_weights = hard_rows()[name]

    def build(dtype):
        return DepthMixture.from_confidence(
            depths=torch.tensor(depths, dtype=torch.float32).to(dtype),
            confidence=torch.tensor(confidence, dtype=torch.float32).to(dtype),
            log_weights=log_weights.to(dtype),
            space=space,
        )

    exact = build(torch.float64)
    gap = nll(exact, build(torch.float32).decode("mode")) + brute_force_height(exact)
    # The returned single-precision depth, judged in double precision from the network's outputs.
    # In linear space half a unit in the last place is 0.01 scales of a component of confidence 1e8.
    assert gap <= (1e-5 if space == "log" else 1e-4)


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000, 10**6])
def test_chunks_do_not_change_a_bit(chunk):
    pixels = {1: 30, 7: 200}.get(chunk, 3000)
    mixture = adversarial_mixture(pixels, 4, 30, dtype=torch.float32)
    assert torch.equal(modes(mixture, chunk), modes(mixture))
    shuffled = torch.randperm(pixels)
    assert torch.equal(modes(mixture[shuffled], chunk), modes(mixture)[shuffled])


def test_many_threads_do_not_change_a_bit():
    mixture = random_mixture(40_000, 4, 31, dtype=torch.float32)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        single = modes(mixture)
        torch.set_num_threads(3)
        assert torch.equal(modes(mixture), single)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("spacing", [1.0, 0.6, 0.25])
def test_every_mode_has_a_node_within_the_loss(spacing):
    """The theorem that the search rests on, for the highest mode."""
    effort = Effort(spacing=spacing, rounds=1, climb_steps=1)
    mixture = adversarial_mixture(2000, 4, 32)
    nodes = (mixture.locs[..., None] + mixture.scales[..., None] * torch.tensor(effort.nodes)).flatten(1)
    highest = coordinate_density(mixture, nodes).amax(-1).log()
    assert (brute_force_height(mixture) - highest).max() <= -torch.log1p(-torch.tensor(effort.loss)) + 1e-12
    assert max(effort.nodes) + spacing / 2 >= 1.5


def test_certainty_is_never_wrong():
    effort = module._EFFORTS[0]
    mixture = adversarial_mixture(6000, 4, 33, dtype=torch.float32)
    with torch.no_grad():
        found, certain = module._search(effort, (mixture.locs, mixture.scales, mixture.log_weights), None)
    assert 0.5 < certain.float().mean() < 0.99
    assert gap_to_brute_force(mixture[certain], found[certain]).max() < 1e-6
    assert gap_to_brute_force(mixture[~certain], found[~certain]).max() > 1e-3


def test_ordinary_pixels_are_settled_at_once():
    mixture = random_mixture(10_000, 4, 34, dtype=torch.float32)
    with torch.no_grad():
        _, certain = module._search(module._EFFORTS[0], (mixture.locs, mixture.scales, mixture.log_weights), None)
    assert certain.float().mean() > 0.9


def test_nan_stays_in_its_pixel():
    mixture = random_mixture(100, 4, 35, dtype=torch.float32)
    locs = mixture.locs.clone()
    locs[17, 2] = torch.nan
    broken = DepthMixture(locs=locs, scales=mixture.scales, log_weights=mixture.log_weights)
    keep = torch.arange(100) != 17
    assert torch.equal(modes(broken)[keep], modes(mixture)[keep])
    assert modes(broken)[17].isnan()
