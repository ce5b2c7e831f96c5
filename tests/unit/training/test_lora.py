import pytest
import torch

from mda.errors import ConfigError
from mda.training.config import LoraSettings
from mda.training.groups import choose_trained, members
from mda.training.lora import add_adapters, merged
from tests.unit.training.networks import KINDS, mini

pytest.importorskip("peft")
SETTINGS = LoraSettings(rank=3, alpha=5.0, within=["backbone"])


@pytest.mark.parametrize("kind", KINDS)
def test_merged_weights_are_those_of_the_network_without_adapters_and_give_the_same_output(kind):
    network, twin = KINDS[kind]().eval(), KINDS[kind]().eval()
    names = set(network.state_dict())
    add_adapters(network, SETTINGS)
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    state = merged(network.state_dict(), SETTINGS)
    assert set(state) == names
    twin.load_state_dict(state)
    side = 2 * network.patch
    images = torch.randn(1, 2, 3, side, side)
    with torch.no_grad():
        adapted, plain = network(images), twin(images)
    assert torch.allclose(adapted.mixture.locs, plain.mixture.locs, atol=1e-4)
    assert torch.allclose(adapted.pose_encoding, plain.pose_encoding, atol=1e-4)


def test_only_adapters_learn_within_and_the_rest_as_before():
    network = mini()
    choose_trained(network, ["head"], [])
    heads = set(members(network, "head"))
    layers = add_adapters(network, SETTINGS)
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert all(any(name.startswith(f"{layer}.lora_") for layer in layers) for name in learning - heads)
    assert heads <= learning
    assert len(learning - heads) == 2 * len(layers)


def test_a_fresh_adapter_changes_nothing():
    torch.manual_seed(0)
    network, images = mini().eval(), torch.randn(1, 1, 3, 32, 32)
    with torch.no_grad():
        before = network(images).mixture.locs
        add_adapters(network, SETTINGS)
        assert torch.equal(network(images).mixture.locs, before)


def test_groups_without_linear_layers_are_refused():
    with pytest.raises(ConfigError, match="no linear layers in trunk"):
        add_adapters(mini(), LoraSettings(rank=2, within=["trunk"]))
