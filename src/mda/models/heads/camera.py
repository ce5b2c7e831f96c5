"""VGGT's camera head: a pose that is refined in four rounds."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from mda.models.layers import Block, KeyValueCache, Mlp
from mda.shapes import Bool, Float, Tensor

_ENCODING = 9
_EPS = 1e-5
_MODULATED_EPS = 1e-6


@dataclass(kw_only=True)
class CameraState:
    """What a stream remembers: keys and values of past views for each block of each round."""

    caches: list[list[KeyValueCache]]


class CameraHead(nn.Module):
    """Pose encoding of `cam_from_world` from the camera token of each view.

    Each round embeds the pose so far, shifts, scales and gates the normalised token with it, lets the views look at
    each other, and adds a correction. Only the last round counts.

    Args:
        dim: width of the camera tokens.
        heads, blocks: of the transformer over the views.
        rounds: number of refinements.
    """

    def __init__(self, dim: int, *, heads: int = 16, blocks: int = 4, rounds: int = 4) -> None:
        super().__init__()
        self.rounds = rounds
        self.token_norm = nn.LayerNorm(dim, eps=_EPS)
        self.first_pose = nn.Parameter(torch.zeros(1, 1, _ENCODING))
        self.embed_pose = nn.Linear(_ENCODING, dim)
        self.modulation = nn.Linear(dim, 3 * dim)
        self.modulated_norm = nn.LayerNorm(dim, eps=_MODULATED_EPS, elementwise_affine=False)
        self.blocks = nn.ModuleList(Block(dim, heads, eps=_EPS, layer_scale=0.01) for _ in range(blocks))
        self.norm = nn.LayerNorm(dim, eps=_EPS)
        self.pose_branch = Mlp(dim, dim // 2, _ENCODING)

    def start_stream(self, window: int | None) -> CameraState:
        """Memory for views that come one at a time; `window` as in `KeyValueCache`."""
        return CameraState(caches=[[KeyValueCache(window) for _ in self.blocks] for _ in range(self.rounds)])

    def forward(
        self,
        tokens: Float[Tensor, "b v d"],
        mask: Bool[Tensor, "*n q v"] | None = None,
        state: CameraState | None = None,
    ) -> tuple[Float[Tensor, "b v 9"], ...]:
        """Encoding after each round, fields of view through a ReLU.

        Args:
            tokens: camera token of each view.
            mask: which view (row) sees which (column), see `mda.models.layers.sight`; None means all.
            state: of a stream, brought up to date here; `tokens` then is its next view alone.
        """
        tokens = self.token_norm(tokens)
        encoding, results = self.first_pose.expand(*tokens.shape[:2], -1), []
        for index in range(self.rounds):
            # A round corrects what the one before said, but is not trained through it.
            condition = self.modulation(functional.silu(self.embed_pose(encoding.detach() if index else encoding)))
            shift, scale, gate = condition.chunk(3, dim=-1)
            x = gate * (self.modulated_norm(tokens) * (1 + scale) + shift) + tokens
            for number, block in enumerate(self.blocks):
                x = block(x, None, mask, None if state is None else state.caches[index][number])
            correction = self.pose_branch(self.norm(x))
            encoding = encoding.detach() + correction if index else correction
            results.append(torch.cat([encoding[..., :7], encoding[..., 7:].relu()], dim=-1))
        return tuple(results)
