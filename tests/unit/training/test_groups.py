import pytest

from mda.errors import ConfigError
from mda.training.config import OptimiserConfig
from mda.training.groups import choose_trained, group_names, members, parameter_groups
from tests.unit.training.networks import KINDS, da3, mini, vggt


def learning(network) -> set[str]:
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("kind", KINDS)
def test_heads_and_backbone_share_nothing_and_leave_nothing_out(kind):
    network = KINDS[kind]()
    parts = [set(members(network, group)) for group in ("head", "camera_decoder", "backbone")]
    if "camera_encoder" in group_names(network):
        parts += [set(members(network, "camera_encoder")), set(members(network, "plain_head"))]
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert set().union(*parts) == {name for name, _ in network.named_parameters()}


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_within_and_across_views_are_told_apart(kind):
    network = KINDS[kind]()
    local, across = (set(members(network, f"backbone.{part}")) for part in ("local", "global"))
    assert local.isdisjoint(across)
    assert local | across <= set(members(network, "backbone"))


def test_odd_blocks_from_the_special_start_on_look_across_views():
    network = da3()
    start = network.config.backbone.special_start
    blocks = {int(name.split(".")[2]) for name in members(network, "backbone.global")}
    assert blocks == {index for index in range(start, network.config.backbone.depth) if index % 2}


@pytest.mark.parametrize("make", [da3, vggt])
def test_the_published_choice_trains_the_mixture_head_and_the_camera_decoder(make):
    network = make()
    count = choose_trained(network, ["head", "camera_decoder"], [])
    assert learning(network) == set(members(network, "head")) | set(members(network, "camera_decoder"))
    assert count == sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_beginnings_of_names_are_groups_and_freezing_wins():
    network = mini()
    choose_trained(network, ["head", "blocks.1."], ["head."])
    assert {name.split(".")[0] for name in learning(network)} >= {"climb8", "blocks"}
    assert not any(name.startswith(("head.", "blocks.0.")) for name in learning(network))


def test_an_unknown_group_lists_those_that_there_are():
    with pytest.raises(ConfigError, match=r"'heads' is neither.*backbone\.global.*camera_decoder"):
        choose_trained(da3(), ["heads"], [])
    with pytest.raises(ConfigError, match="Nothing is left"):
        choose_trained(mini(), ["head"], ["head"])


def rates(network, config: OptimiserConfig) -> dict[str, float]:
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = parameter_groups(network, config)
    return {names[id(p)]: group["lr"] / config.rate for group in groups for p in group["params"]}


def test_every_trainable_parameter_is_in_one_group_and_vectors_decay_only_if_asked():
    network = mini()
    groups = parameter_groups(network, OptimiserConfig())
    assert sum(len(group["params"]) for group in groups) == len(learning(network))
    assert all((group["weight_decay"] > 0) == all(p.ndim > 1 for p in group["params"]) for group in groups)
    assert all(group["weight_decay"] > 0 for group in parameter_groups(network, OptimiserConfig(decay_vectors=True)))


def test_the_most_special_factor_wins():
    found = rates(mini(), OptimiserConfig(trunk_factor=0.5, factors={"backbone": 0.1, "backbone.global": 0.2}))
    assert found["blocks.0.norm1.weight"] == pytest.approx(0.1)
    assert found["blocks.1.norm1.weight"] == pytest.approx(0.2)
    assert found["head.weight"] == pytest.approx(1.0)
    assert found["trunk.blocks.9.expand.weight"] == pytest.approx(0.05)


def test_earlier_blocks_learn_more_slowly():
    network = da3()
    found = rates(network, OptimiserConfig(layer_decay=0.5))
    depth = network.config.backbone.depth
    for index in range(depth):
        assert found[f"backbone.blocks.{index}.norm1.weight"] == pytest.approx(0.5 ** (depth - 1 - index))
    assert found["backbone.patch_embed.proj.weight"] == pytest.approx(0.5 ** (depth - 1))
    assert found["mixture_head.trunk.narrow.weight"] == 1.0
