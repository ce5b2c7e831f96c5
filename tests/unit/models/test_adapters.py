import pytest
import torch

from mda.errors import CheckpointError
from mda.models.adapters import (
    Mismatch,
    Scheme,
    from_published,
    load_strictly,
    shapes_of,
    strip_wrappers,
    to_published,
)
from tests.unit.models.networks import any_view_network, mixture_network, mono_network, released

NORM = [f"head.scratch.output_conv2_aux.{level}.2" for level in range(4)]


def blank():
    """A network whose weights are all NaN, so that one that is not loaded shows."""
    network = any_view_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(torch.nan)
    return network


def same(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize(("make", "scheme"), [(mixture_network, Scheme.DA3), (mono_network, Scheme.DA3_MONO)])
def test_round_trip_through_published_names(make, scheme) -> None:
    network, other = make(), make()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    published = to_published(network.state_dict(), scheme)
    assert not any(name.startswith(("camera_", "mixture_")) for name in published)
    load_strictly(other, published, scheme)
    assert same(network, other)


def test_our_own_names_are_understood() -> None:
    network, other = any_view_network(), blank()
    load_strictly(other, network.state_dict(), Scheme.DA3)
    assert same(network, other)


@pytest.mark.parametrize("prefix", ["model.", "net.net.", "net.", "network.", "_orig_mod.model.", "net._orig_mod.net."])
def test_wrappers_are_stripped(prefix) -> None:
    network, other = any_view_network(), blank()
    load_strictly(other, {prefix + name: tensor for name, tensor in released(network).items()}, Scheme.DA3)
    assert same(network, other)


def test_only_one_prefix_is_stripped_and_names_may_not_collide() -> None:
    assert set(strip_wrappers({"net.net.a": torch.ones(1), "model.net.b": torch.ones(1)})) == {"a", "net.b"}
    with pytest.raises(CheckpointError, match="both be called 'a'"):
        strip_wrappers({"net.a": torch.ones(1), "model.a": torch.ones(1)})


@pytest.mark.parametrize("kept", [(0,), (3,), (1, 2), (0, 1, 2, 3)])
def test_any_subset_of_the_tied_norms_will_do(kept) -> None:
    network, other = any_view_network(), blank()
    state = released(network)
    for level, name in enumerate(NORM):
        if level not in kept:
            del state[f"{name}.weight"], state[f"{name}.bias"]
    load_strictly(other, state, Scheme.DA3)
    assert torch.equal(other.head.ray_norm.weight, network.head.ray_norm.weight)


def test_no_copy_of_the_tied_norm_is_an_error() -> None:
    state = {name: tensor for name, tensor in released(any_view_network()).items() if not name.startswith(tuple(NORM))}
    with pytest.raises(CheckpointError, match=r"missing \(2\)"):
        load_strictly(blank(), state, Scheme.DA3)


def test_copies_that_differ_are_an_error() -> None:
    state = released(any_view_network())
    state[f"{NORM[2]}.bias"] += 1
    with pytest.raises(CheckpointError, match="unequal copies"):
        load_strictly(blank(), state, Scheme.DA3)


def test_every_single_missing_key_is_named() -> None:
    network = mixture_network()
    state, shapes = released(network), shapes_of(network)
    for name in state:
        if not name.startswith(tuple(NORM)):
            left = {key: value for key, value in state.items() if key != name}
            assert from_published(left, shapes, Scheme.DA3)[1] == Mismatch(missing=(name,))


def test_all_that_is_wrong_is_listed_at_once_and_nothing_is_changed() -> None:
    target = any_view_network()
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    state = released(any_view_network())
    del state["cam_dec.fc_t.bias"]
    state["stranger.weight"] = torch.ones(2)
    state["backbone.pretrained.norm.weight"] = torch.ones(3)
    with pytest.raises(CheckpointError) as error:
        load_strictly(target, state, Scheme.DA3, source="some.ckpt", hint=lambda _: "Ask somebody.")
    for part in ("some.ckpt", "cam_dec.fc_t.bias", "stranger.weight", "[3] instead of [32]", "Ask somebody."):
        assert part in str(error.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in target.state_dict().items())


def test_heads_that_we_do_not_have_are_dropped_but_not_their_parts_elsewhere() -> None:
    network, target = any_view_network(gaussians=True), blank()
    state = released(network) | {"epoch_fraction": torch.zeros(()), "train_total_images": torch.zeros(())}
    assert any(name.startswith("gs_head.") for name in state)
    load_strictly(target, state, Scheme.DA3)
    with pytest.raises(CheckpointError, match="unexpected"):
        load_strictly(target, state | {"track_head.weight": torch.ones(1)}, Scheme.DA3)


def test_tensors_are_taken_over_without_a_copy_and_cast_where_needed() -> None:
    network, target = any_view_network(), any_view_network()
    state = released(network)
    load_strictly(target, state, Scheme.DA3)
    name = "backbone.pretrained.pos_embed"
    assert target.backbone.pos_embed.data_ptr() == state[name].data_ptr()
    assert target.backbone.pos_embed.requires_grad
    load_strictly(target, {key: value.half() for key, value in state.items()}, Scheme.DA3)
    assert target.backbone.pos_embed.dtype == torch.float32
