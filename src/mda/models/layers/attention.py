"""Multi-head self-attention with optional normalised, rotated queries and keys."""

from torch import nn
from torch.nn import functional

from mda.models.layers.cache import KeyValueCache
from mda.models.layers.rope import rotate
from mda.shapes import Float, Int, Tensor

# Of the layer norms of queries and keys, in all published networks.
_QK_EPS = 1e-5


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d)) v over the tokens of a sequence, d the width of a head.

    Args:
        dim: width of the tokens.
        heads: number of heads.
        qk_norm: normalise queries and keys over the width of a head (one layer norm each for all heads).
        rope: turn queries and keys by the positions of their tokens.
    """

    def __init__(self, dim: int, heads: int, *, qk_norm: bool = False, rope: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.rope = rope
        self.qkv = nn.Linear(dim, 3 * dim)
        self.q_norm = nn.LayerNorm(dim // heads, eps=_QK_EPS) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(dim // heads, eps=_QK_EPS) if qk_norm else nn.Identity()
        self.proj = nn.Linear(dim, dim)

    def forward(
        self,
        x: Float[Tensor, "n t d"],
        positions: Int[Tensor, "t 2"] | None = None,
        mask: Tensor | None = None,
        cache: KeyValueCache | None = None,
    ) -> Float[Tensor, "n t d"]:
        """Attend within each of the n sequences.

        Args:
            x: tokens.
            positions: of the tokens, for the rotation.
            mask: that of torch's scaled_dot_product_attention.
            cache: what came before in a stream, which is attended to as well; `x` is added to it.
        """
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.rope and positions is not None:
            q, k = rotate(q, positions), rotate(k, positions)
        # Norm and rotation may have left half precision (autocast); the kernels want one type.
        q, k = q.to(v.dtype), k.to(v.dtype)
        if cache is not None:
            k, v = cache.extend(k, v)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(y.transpose(1, 2).flatten(2))
