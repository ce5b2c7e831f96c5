import math
from dataclasses import replace

import pytest
import torch

from mda.losses import LossConfig, LossWeights, TrainingLoss
from mda.losses.transparent import layer_nll, transparency_error
from mda.mixtures import DepthMixture, Space
from mda.models.mini import MiniConfig
from mda.training.data_config import ProceduralDataConfig
from mda.training.procedural_data import training_batch

GLAZED = ProceduralDataConfig(
    sizes=[[48, 64]], min_views=1, num_views=1, views_per_batch=1, blur=0.0, colour=0.0, glass=1, seed=20_000_005
)
NETWORK = MiniConfig(
    width=32, heads=2, blocks=2, channels=(32, 32, 32, 32), head_channels=32, frozen_blocks=0, independent=True
)


@pytest.fixture(scope="module")
def batch():
    return training_batch(GLAZED, 0)


def test_both_surfaces_are_compared_with_their_own_components():
    depths = torch.tensor([1.0, 1.0, 4.0, 4.0])[None, None, None, None]
    mixture = DepthMixture.from_confidence(
        depths=depths, confidence=torch.full_like(depths, 20.0), log_weights=torch.full_like(depths, 0.25).log()
    )
    here = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    first, last = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 4.0)
    expected = 0.5 * math.log(2 * math.pi * 0.2 / 20)
    assert float(layer_nll(mixture, (first, here), (last, here))) == pytest.approx(expected, abs=1e-5)
    assert float(layer_nll(mixture, (last, here), (first, here))) > expected + 1
    off = Space.LOG.coordinate(last) - Space.LOG.coordinate(first)
    swapped = expected + 0.5 * float(off.square().sum()) * 20 / 0.2
    assert float(layer_nll(mixture, (last, here), (first, here))) == pytest.approx(swapped, rel=1e-4)
    assert float(layer_nll(mixture, (first, ~here), (last, ~here))) == 0


def test_weights_should_all_be_one_at_glass_and_sum_to_one_elsewhere():
    labelled = torch.tensor([True, True, False]).reshape(1, 1, 1, 3)
    glass = torch.tensor([True, False, False]).reshape(1, 1, 1, 3)
    right = torch.tensor([[9.0, 9.0], [9.0, -9.0], [0.0, 0.0]]).reshape(1, 1, 1, 3, 2)
    assert float(transparency_error(right, glass, labelled)) < 1e-3
    wrong = torch.tensor([[9.0, -9.0], [9.0, 9.0], [0.0, 0.0]]).reshape(1, 1, 1, 3, 2)
    assert float(transparency_error(wrong, glass, labelled)) > 1


@pytest.mark.parametrize("components", [4, 8])
def test_even_odds_of_glass_settle_where_a_pixel_begins_to_count_as_transparent(components):
    labelled, glass = torch.ones(1, 1, 1, 2, dtype=torch.bool), torch.tensor([True, False]).reshape(1, 1, 1, 2)
    activity = torch.zeros(components, requires_grad=True)
    transparency_error(activity.expand(1, 1, 1, 2, components), glass, labelled).backward()
    torch.testing.assert_close(activity.grad, torch.zeros(components), atol=1e-6, rtol=0)


def test_terms_of_glass_are_there_for_networks_and_batches_that_know_it(batch):
    torch.manual_seed(0)
    known = NETWORK.build().eval()(batch.images)
    shares = replace(NETWORK, independent=False).build().eval()(batch.images)
    loss = TrainingLoss()
    with_glass = loss(known, batch.targets, batch.layers)
    assert float(with_glass.terms.layers.detach()) != 0
    assert float(with_glass.terms.transparency.detach()) > 0
    for report in (loss(known, batch.targets), loss(shares, batch.targets, batch.layers)):
        assert float(report.terms.layers) == float(report.terms.transparency) == 0
    off = TrainingLoss(LossConfig(weights=LossWeights(layers=0.0, transparency=0.0)))
    assert float(off(known, batch.targets, batch.layers).terms.layers) == 0


def test_pictures_of_glass_without_depth_teach_where_it_is(batch):
    layers = replace(batch.layers, last_valid=torch.zeros_like(batch.layers.last_valid))
    targets = replace(batch.targets, valid=torch.zeros_like(batch.targets.valid))
    output = NETWORK.build()(batch.images)
    report = TrainingLoss()(output, targets, layers)
    assert float(report.terms.layers.detach()) == 0
    report.total.backward()
    assert float(report.terms.transparency.detach()) > 0


def test_a_network_learns_both_layers_and_the_mask_of_a_scene(batch):
    torch.manual_seed(0)
    # The mask speaks up louder than usual, so that seconds are enough.
    network, loss = NETWORK.build(), TrainingLoss(LossConfig(weights=LossWeights(transparency=5.0)))
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        loss(network(batch.images), batch.targets, batch.layers).total.backward()
        optimiser.step()
    with torch.no_grad():
        output = network.eval()(batch.images)
        scale = loss(output, batch.targets, batch.layers).scale
    found, glass = output.layers, batch.layers.glass
    overlap = (found.transparent & glass).sum() / (found.transparent | glass).sum()
    assert overlap > 0.6
    both = found.transparent & glass & batch.layers.last_valid
    last = (found.last_depth * scale / batch.layers.last_depth).log().abs()[both].median()
    first = (found.first_depth * scale / batch.targets.depth).log().abs()[both].median()
    assert first < 0.3
    assert last < 0.3
    assert (found.last_depth / found.first_depth)[both].median() > 1.1
