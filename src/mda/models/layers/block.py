"""The transformer block of every network here."""

import torch
from torch import nn

from mda.models.layers.attention import Attention
from mda.models.layers.cache import KeyValueCache
from mda.models.layers.feedforward import FeedForward
from mda.models.layers.start import start_transformer
from mda.shapes import Float, Int, Tensor

# Of the layer norms of a DINOv2 block; the camera networks and VGGT's aggregator use 1e-5.
DINO_EPS = 1e-6


class LayerScale(nn.Module):
    """x + gamma * branch, with one learned factor per channel."""

    def __init__(self, dim: int, value: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), value))

    def forward(self, x: Float[Tensor, "*b d"], branch: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Add the scaled branch; the result keeps the precision of the wider operand (the residual stream)."""
        return torch.addcmul(x, self.gamma, branch.to(x.dtype))


class Block(nn.Module):
    """Pre-norm block: x + g1 * attention(norm1(x)), then x + g2 * feed_forward(norm2(x)).

    Args:
        dim: width of the tokens.
        heads: number of attention heads.
        feed_forward: which feed-forward net.
        ratio: its inner width in units of `dim`.
        qk_norm: normalise queries and keys.
        rope: turn them by token positions, which `forward` must then be given.
        eps: of norm1 and norm2.
        layer_scale: first value of g1 and g2. Published weights replace it; from scratch a small value keeps deep
            networks close to the identity at first.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        feed_forward: FeedForward = FeedForward.MLP,
        ratio: float = 4.0,
        qk_norm: bool = False,
        rope: bool = False,
        eps: float = DINO_EPS,
        layer_scale: float = 0.1,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, heads, qk_norm=qk_norm, rope=rope)
        self.ls1 = LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = feed_forward.build(dim, ratio)
        self.ls2 = LayerScale(dim, layer_scale)
        start_transformer(self)

    def forward(
        self,
        x: Float[Tensor, "n t d"],
        positions: Int[Tensor, "t 2"] | None = None,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "n t d"]:
        """Apply the block to n sequences of t tokens; `mask` and `cache` as in `Attention`."""
        x = self.ls1(x, self.attn(self.norm1(x), positions, mask, cache))
        return self.ls2(x, self.mlp(self.norm2(x)))
