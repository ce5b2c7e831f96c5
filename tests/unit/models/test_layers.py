import math

import pytest
import torch
from torch.nn import functional

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.models.layers import (
    Attention,
    Block,
    CameraDecoder,
    CameraEncoder,
    FeedForward,
    FusionBlock,
    FusionChain,
    Mlp,
    PatchEmbedding,
    ResidualConvUnit,
    SwiGlu,
    add_uv_embedding,
    check_patch_multiple,
    patch_positions,
    resize_bilinear,
    resize_position_embedding,
    rotate,
    swiglu_width,
    uv_embedding,
)


class TestRotation:
    def test_product_of_query_and_key_depends_on_the_offset_alone(self) -> None:
        q, k = torch.randn(2, 1, 16)
        places = torch.tensor([[3, 5], [1, 9], [13, 25], [11, 29]])
        turned_q, turned_k = rotate(q.expand(4, 16), places), rotate(k.expand(4, 16), places)
        torch.testing.assert_close(turned_q[0] @ turned_k[1], turned_q[2] @ turned_k[3])
        assert not torch.isclose(turned_q[0] @ turned_k[1], turned_q[0] @ turned_k[2])

    def test_first_half_turns_with_the_row_second_with_the_column(self) -> None:
        x = torch.randn(2, 16)
        rows = rotate(x, torch.tensor([[1, 0], [7, 0]]))
        columns = rotate(x, torch.tensor([[0, 1], [0, 7]]))
        torch.testing.assert_close(rows[:, 8:], x[:, 8:])
        torch.testing.assert_close(columns[:, :8], x[:, :8])

    def test_planes_and_frequencies(self) -> None:
        x = torch.zeros(1, 8)
        x[0, 0], x[0, 1] = 1.0, 1.0
        turned = rotate(x, torch.tensor([[1, 0]]))[0]
        # Half of width 4: planes (0, 2) by angle 1 and (1, 3) by angle 100^(-1/2).
        expected = [math.cos(1), math.cos(0.1), math.sin(1), math.sin(0.1), 0, 0, 0, 0]
        torch.testing.assert_close(turned, torch.tensor(expected))

    def test_positions_of_patches(self) -> None:
        own, shared = patch_positions((2, 3), specials=2)
        assert own.tolist() == [[0, 0], [0, 0], [1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]
        assert shared.tolist() == [[0, 0], [0, 0], *[[1, 1]] * 6]


class TestAttention:
    def test_is_softmax_attention(self) -> None:
        attention = Attention(12, 3)
        x = torch.randn(2, 5, 12)
        q, k, v = (part.unflatten(-1, (3, 4)).transpose(1, 2) for part in attention.qkv(x).split(12, dim=-1))
        weights = (q @ k.transpose(-1, -2) / 2).softmax(-1)
        expected = attention.proj((weights @ v).transpose(1, 2).flatten(2))
        torch.testing.assert_close(attention(x), expected)

    def test_queries_and_keys_are_normalised_before_they_turn(self) -> None:
        attention = Attention(16, 2, qk_norm=True, rope=True)
        x, positions = torch.randn(1, 4, 16), torch.tensor([[0, 0], [1, 2], [3, 1], [2, 2]])
        before = attention(x, positions)
        with torch.no_grad():
            attention.qkv.weight[:32] *= 7
            attention.qkv.bias[:32] *= 7
        torch.testing.assert_close(attention(x, positions), before, atol=1e-4, rtol=1e-4)
        assert not torch.allclose(attention(x, positions), attention(x, positions.flip(0)))

    def test_mask_hides_tokens(self) -> None:
        attention = Attention(8, 2)
        x = torch.randn(1, 4, 8)
        mask = torch.ones(4, 4, dtype=torch.bool).tril()
        torch.testing.assert_close(attention(x, mask=mask)[:, :2], attention(x[:, :2], mask=mask[:2, :2]))

    def test_half_precision_context(self) -> None:
        block = Block(16, 2, qk_norm=True, rope=True)
        x = torch.randn(1, 3, 16)
        positions = torch.tensor([[0, 0], [1, 1], [1, 2]])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = block(x, positions)
        assert y.dtype == torch.float32
        torch.testing.assert_close(y, block(x, positions), atol=0.05, rtol=0.05)


class TestBlock:
    def test_small_scales_keep_it_near_the_identity(self) -> None:
        x = torch.randn(1, 5, 16)
        torch.testing.assert_close(Block(16, 2, layer_scale=0.0)(x), x)

    def test_norms_have_the_published_eps(self) -> None:
        block = Block(16, 2, qk_norm=True)
        assert (block.norm1.eps, block.norm2.eps) == (1e-6, 1e-6)
        assert (block.attn.q_norm.eps, block.attn.k_norm.eps) == (1e-5, 1e-5)

    def test_feed_forward_nets(self) -> None:
        x = torch.randn(3, 8)
        mlp, gated = FeedForward.MLP.build(8, 4.0), FeedForward.SWIGLU.build(8, 4.0)
        assert isinstance(mlp, Mlp)
        assert isinstance(gated, SwiGlu)
        torch.testing.assert_close(mlp(x), mlp.fc2(functional.gelu(mlp.fc1(x))))
        gate, value = gated.w12(x)[:, :24], gated.w12(x)[:, 24:]
        torch.testing.assert_close(gated(x), gated.w3(gate * gate.sigmoid() * value))

    def test_width_of_the_gated_net(self) -> None:
        assert swiglu_width(4 * 1536) == 4096
        assert swiglu_width(4 * 64) == 176

    def test_linear_layers_start_small(self) -> None:
        block = Block(64, 4)
        assert 0.015 < block.attn.qkv.weight.std() < 0.025
        assert block.mlp.fc1.bias.abs().max() == 0


class TestUv:
    def test_both_ways_to_add_it_agree_with_the_table(self) -> None:
        x = torch.randn(2, 8, 3, 5)
        expected = x + uv_embedding(8, (3, 5), 5 / 3, like=x)
        watched = x.clone().requires_grad_()
        torch.testing.assert_close(add_uv_embedding(watched, 5 / 3), expected)
        torch.testing.assert_close(add_uv_embedding(x.clone(), 5 / 3), expected)

    def test_spans_and_frequencies(self) -> None:
        table = uv_embedding(8, (1, 2), 3.0, like=torch.zeros(()))
        # One row: y = 0. Two columns: x = -+ 3 / sqrt(10) / 2.
        x = 3 / math.sqrt(10) / 2
        expected = [0.1 * f(s * x * rate) for f in (math.sin, math.cos) for rate in (1, 0.1) for s in (-1, 1)]
        torch.testing.assert_close(table[:4, 0], torch.tensor(expected).reshape(4, 2))
        torch.testing.assert_close(table[4:, 0, 0], torch.tensor([0.0, 0.0, 0.1, 0.1]))


class TestFusion:
    def test_skip_is_raw_or_activated(self) -> None:
        x = torch.randn(1, 4, 5, 5)
        raw, activated = ResidualConvUnit(4), ResidualConvUnit(4, activated_skip=True)
        activated.load_state_dict(raw.state_dict())
        torch.testing.assert_close(raw(x) - activated(x), x - x.relu())

    def test_order_of_resize_and_projection_does_not_matter(self) -> None:
        block = FusionBlock(4)
        x, lateral = torch.randn(2, 1, 4, 3, 5)
        published = block.out_conv(resize_bilinear(block.unit(x + block.lateral_unit(lateral)), (7, 9)))
        torch.testing.assert_close(block(x, (7, 9), lateral), published)

    def test_chain_goes_from_coarse_to_twice_the_finest(self) -> None:
        pyramid = [torch.randn(1, 4, rows, columns) for rows, columns in ((12, 20), (6, 10), (3, 5), (2, 3))]
        assert FusionChain(4)(pyramid).shape == (1, 4, 24, 40)

    def test_gradients_reach_every_weight(self) -> None:
        chain = FusionChain(4)
        pyramid = [torch.randn(1, 4, rows, rows) for rows in (8, 4, 2, 1)]
        chain(pyramid).square().sum().backward()
        assert all(parameter.grad is not None for parameter in chain.parameters())


class TestPatches:
    def test_rows_come_first(self) -> None:
        embedding = PatchEmbedding(8, 2)
        images = torch.randn(1, 3, 4, 6)
        torch.testing.assert_close(embedding(images)[0, 4], embedding(images[:, :, 2:, 2:4])[0, 0])

    def test_stored_grid_is_used_as_it_is(self) -> None:
        stored = torch.randn(1, 1 + 9, 4)
        assert resize_position_embedding(stored, (3, 3), offset=0.1) is stored

    @pytest.mark.parametrize("image_hw", [(14, 15), (0, 14), (13, 28)])
    def test_sizes_that_are_no_multiples_are_refused(self, image_hw) -> None:
        with pytest.raises(ConfigError, match="multiples of 14"):
            check_patch_multiple(image_hw, 14)
        check_patch_multiple((14, 28), 14)


class TestCameras:
    def test_decoder_starts_with_cameras_that_look_ahead(self) -> None:
        encoding = CameraDecoder(16)(torch.randn(2, 3, 16))
        expected = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1.0]).expand(2, 3, 9)
        torch.testing.assert_close(encoding, expected, atol=0.05, rtol=0)
        assert encoding.requires_grad

    def test_field_of_view_is_never_negative(self) -> None:
        decoder = CameraDecoder(8)
        with torch.no_grad():
            decoder.fov.bias.fill_(-1.0)
        assert decoder(torch.randn(4, 8))[:, 7:].abs().max() == 0

    def test_encoder_sees_all_views_of_a_clip_and_no_other_clip(self) -> None:
        encoder = CameraEncoder(32, heads=4)
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        poses = torch.eye(4).repeat(2, 3, 1, 1)
        fov = torch.ones(2, 3, 2)
        before = encoder(Cameras.from_fov(poses, fov, (4, 6)))
        poses[0, 2, 0, 3] = 2.0
        after = encoder(Cameras.from_fov(poses, fov, (4, 6)))
        assert not torch.allclose(before[0, 0], after[0, 0])
        torch.testing.assert_close(before[1], after[1])
