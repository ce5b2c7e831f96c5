import torch

from mda.mixtures import DepthMixture, first_half, transparent_layers


def mixture(depths, weights):
    return DepthMixture.from_confidence(
        depths=torch.tensor([depths]),
        confidence=torch.full((1, len(depths)), 50.0),
        log_weights=torch.tensor([weights]).log(),
    )


def test_where_all_components_are_active_there_are_two_surfaces():
    found = transparent_layers(mixture([1.0, 1.1, 3.0, 3.1], [0.4, 0.1, 0.1, 0.4]), torch.full((1, 4), 3.0))
    assert found.transparent.all()
    assert torch.allclose(found.first_depth, torch.tensor([1.0]))
    assert torch.allclose(found.last_depth, torch.tensor([3.1]))


def test_where_one_is_active_it_is_the_only_surface():
    activity = torch.tensor([[-3.0, -3.0, 3.0, -3.0]])
    found = transparent_layers(mixture([1.0, 1.1, 3.0, 3.1], [0.05, 0.05, 0.8, 0.1]), activity)
    assert not found.transparent.any()
    assert torch.equal(found.first_depth, found.last_depth)
    assert torch.allclose(found.first_depth, torch.tensor([3.0]))


def test_the_first_surface_is_never_behind_the_last():
    found = transparent_layers(mixture([5.0, 2.0], [0.5, 0.5]), torch.full((1, 2), 3.0))
    assert torch.allclose(found.first_depth, torch.tensor([2.0]))
    assert torch.allclose(found.last_depth, torch.tensor([5.0]))


def test_one_component_knows_no_second_surface():
    found = transparent_layers(mixture([2.0], [1.0]), torch.full((1, 1), 3.0))
    assert not found.transparent.any()
    assert first_half(1) == 1
    assert first_half(4) == 2
    assert first_half(5) == 3
