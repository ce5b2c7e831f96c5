"""VGGT: what each view sees, one view at a time or all at once, and where its parts come from."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.mixtures import Family
from mda.models.adapters import Scheme, to_published
from mda.models.backbones import AggregatorConfig, AttentionMode
from mda.models.checkpoints import read_state_dict
from mda.models.layers import KeyValueCache
from mda.models.loading import mixture_from_plain
from mda.models.vggt import VggtConfig, VggtNetwork, world_from_cam
from mda.structures import NetworkOutput
from tests.unit.models.networks import lively

HW = (28, 42)
VIEWS = 6
WINDOW = 2


def network(mode: AttentionMode = AttentionMode.FULL, *, components: int | None = 4) -> VggtNetwork:
    torch.manual_seed(0)
    aggregator = AggregatorConfig(
        dim=32, heads=2, encoder_depth=1, depth=4, out_layers=(0, 1, 2, 3), grid=5, mode=mode, window=WINDOW
    )
    config = VggtConfig(
        aggregator=aggregator,
        features=16,
        channels=(8, 12, 16, 20),
        components=components,
        points=components is None,
        camera_heads=4,
        camera_blocks=2,
    )
    return lively(config.build().eval())


@pytest.fixture
def clips() -> torch.Tensor:
    return torch.randn(2, VIEWS, 3, *HW, generator=torch.Generator().manual_seed(1))


def difference(one: NetworkOutput, other: NetworkOutput, view: int, other_view: int | None = None) -> float:
    other_view = view if other_view is None else other_view
    depth = (one.mixture.locs[:, view] - other.mixture.locs[:, other_view]).abs().max()
    pose = (one.pose_encoding[:, view] - other.pose_encoding[:, other_view]).abs().max()
    return float(torch.maximum(depth, pose))


@torch.no_grad()
def test_every_view_gets_a_mixture_and_a_camera_and_no_sky(clips) -> None:
    output = network()(clips)
    assert output.mixture.batch_shape == (2, VIEWS, *HW)
    assert output.mixture.num_components == 4
    assert output.mixture.family is Family.NORMAL
    assert output.cameras.batch_shape == (2, VIEWS)
    assert output.sky_log_odds is None
    assert output.points is None


@torch.no_grad()
def test_the_plain_network_gives_one_depth_and_points_where_asked(clips) -> None:
    plain = network(components=None)
    assert plain(clips).points is None
    output = plain(clips, points=True)
    assert output.mixture.family is Family.LAPLACE
    assert output.mixture.num_components == 1
    assert output.points.positions.shape == (2, VIEWS, *HW, 3)
    assert (output.points.confidence > 1).all()


@pytest.mark.parametrize("mode", [AttentionMode.CAUSAL, AttentionMode.WINDOW])
class TestCausal:
    @torch.no_grad()
    def test_a_stream_gives_what_the_masked_batch_gives(self, mode, clips) -> None:
        masked, stream = network(mode), network(mode).stream()
        whole = masked(clips)
        for view in range(VIEWS):
            assert difference(whole, stream.push(clips[:, view]), view, 0) < 1e-5

    @torch.no_grad()
    def test_the_past_does_not_depend_on_the_future(self, mode, clips) -> None:
        causal = network(mode)
        whole, part = causal(clips), causal(clips[:, :3])
        assert max(difference(whole, part, view) for view in range(3)) < 1e-5

    @torch.no_grad()
    def test_a_view_depends_on_the_one_before(self, mode, clips) -> None:
        causal, changed = network(mode), clips.clone()
        changed[:, 3] += 1
        assert difference(causal(clips), causal(changed), 4) > 1e-3


@torch.no_grad()
def test_in_window_mode_only_the_first_view_and_the_window_are_remembered(clips) -> None:
    stream = network(AttentionMode.WINDOW).stream()
    kept = []
    for view in range(VIEWS):
        stream.push(clips[:, view])
        kept.append({len(cache) for cache in stream._tokens.caches})
    assert kept == [{min(view + 1, WINDOW + 1)} for view in range(VIEWS)]


def test_masks_say_which_view_sees_which() -> None:
    device = torch.device("cpu")
    assert AttentionMode.FULL.mask(3, 2, device) is None
    assert AttentionMode.CAUSAL.mask(3, 2, device).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert AttentionMode.WINDOW.mask(5, 2, device)[4].int().tolist() == [1, 0, 0, 1, 1]


def test_a_cache_without_window_keeps_all_in_order() -> None:
    cache = KeyValueCache()
    views = torch.arange(5.0).reshape(5, 1, 1, 1, 1)
    for view in views:
        keys, values = cache.extend(view, -view)
    assert keys.flatten().tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(values, -keys)


@torch.no_grad()
def test_with_full_attention_the_order_of_later_views_does_not_matter(clips) -> None:
    full = network()
    straight, turned = full(clips), full(clips[:, [0, 5, 4, 3, 2, 1]])
    assert difference(straight, turned, 5, 1) < 1e-5
    # The first view has tokens of its own.
    assert difference(straight, full(clips.flip(1)), 0, VIEWS - 1) > 1e-3


@torch.no_grad()
def test_clips_of_a_batch_do_not_see_each_other(clips) -> None:
    full = network()
    together, alone = full(clips), full(clips[1:])
    assert torch.allclose(together.mixture.locs[1], alone.mixture.locs[0], atol=1e-5)
    assert torch.allclose(together.pose_encoding[1], alone.pose_encoding[0], atol=1e-5)


def test_the_encoding_of_the_network_is_cam_from_world() -> None:
    encoding = torch.tensor([1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert torch.allclose(world_from_cam(encoding, HW).centers, torch.tensor([-1.0, -2.0, -3.0]))


def test_what_the_network_cannot_do_is_refused(clips) -> None:
    mixture = network()
    with pytest.raises(ConfigError, match="one at a time"):
        mixture.stream()
    with pytest.raises(ConfigError, match="no head for points"):
        mixture(clips, points=True)
    cameras = Cameras(
        world_from_cam=torch.eye(4).expand(2, VIEWS, 4, 4), intrinsics=torch.eye(3).expand(2, VIEWS, 3, 3), image_hw=HW
    )
    with pytest.raises(ConfigError, match="known cameras"):
        mixture(clips, cameras)
    with pytest.raises(ConfigError, match="14"):
        mixture(clips[..., :40])
    with pytest.raises(ConfigError, match="last round, 3, found 2"):
        replace(mixture.config.aggregator, out_layers=(0, 2))


def test_a_mixture_network_starts_from_the_plain_one() -> None:
    plain, mixture = network(components=None), network()
    state = {name: value.clone() for name, value in to_published(plain.state_dict(), Scheme.VGGT).items()}
    mixture_from_plain(mixture, {**state, "track_head.weight": torch.zeros(3)}, Scheme.VGGT)
    assert torch.equal(mixture.aggregator.encoder.pos_embed, plain.aggregator.encoder.pos_embed)
    assert torch.equal(mixture.mixture_head.trunk.narrow.weight, plain.depth_head.trunk.narrow.weight)
    # Components are noisy copies of the branch: nearer to it than noise of its own size, and not all the same.
    copies = [component.hidden.weight for component in mixture.mixture_head.components]
    source = plain.depth_head.branch.hidden.weight
    assert all(0 < (copy - source).abs().mean() < 0.2 * source.abs().mean() for copy in copies)
    assert not torch.equal(copies[0], copies[1])


@pytest.mark.parametrize(
    ("file", "order"),
    [
        ("model.pt", ("0.weight", "0.bias", "2.weight", "2.bias")),
        ("model.safetensors", ("0.bias", "0.weight", "2.bias", "2.weight")),
    ],
)
def test_components_are_noisy_copies_drawn_in_the_order_of_the_file(tmp_path, file, order) -> None:
    plain, mixture = network(components=None), network()
    state = {name: value.clone() for name, value in to_published(plain.state_dict(), Scheme.VGGT).items()}
    (save_file if file.endswith("safetensors") else torch.save)(state, tmp_path / file)
    mixture_from_plain(mixture, read_state_dict(tmp_path / file), Scheme.VGGT)
    started = to_published(mixture.state_dict(), Scheme.VGGT)
    generator = torch.Generator().manual_seed(0)
    count = len(mixture.mixture_head.components)
    for name in order:
        original = state[f"depth_head.scratch.output_conv2.{name}"]
        for suffix in ("", *(f"_{number}" for number in range(2, count + 1))):
            ours = started[f"depth_head_mog.scratch.output_conv2{suffix}.{name}"]
            # Depth and confidence of the last layer; the first layer as a whole.
            pairs = ((ours[0], original[0]), (ours[2], original[1])) if name[0] == "2" else ((ours, original),)
            for made, source in pairs:
                noise = torch.randn(source.shape, generator=generator)
                assert torch.equal(made, source + noise * (0.1 * source.abs().mean()))
