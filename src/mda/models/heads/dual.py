"""Depth and rays from one trunk (Depth Anything 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import nn
from torch.nn import functional

from mda.models.heads.chunks import in_chunks
from mda.models.heads.dense import Branch, DenseTrunk, run_branches
from mda.models.layers import FusionChain, add_uv_embedding
from mda.shapes import Float, Tensor

_NORM_EPS = 1e-5
_RAY_CHANNELS = 7
_LEVELS = 4


@dataclass(frozen=True, kw_only=True)
class DualMaps:
    """Depth with confidence c > 1 per pixel, and (where asked for) rays on a grid of 8 x 8 cells per patch."""

    depth: Float[Tensor, "n h w"]
    confidence: Float[Tensor, "n h w"]
    rays: Float[Tensor, "n rh rw 6"] | None
    ray_confidence: Float[Tensor, "n rh rw"] | None


class RayOutput(nn.Module):
    """3x3 convolution to 32 channels, layer norm (shared between levels, so handed in), ReLU, 1x1 convolution."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(dim, 32, 3, padding=1)
        self.out = nn.Conv2d(32, _RAY_CHANNELS, 1)

    def forward(self, x: Float[Tensor, "n c h w"], norm: nn.LayerNorm) -> Float[Tensor, "n h w 7"]:
        """Ray channels of a map."""
        x = functional.relu(norm(self.hidden(x).permute(0, 2, 3, 1)))
        return functional.linear(x, self.out.weight.flatten(1), self.out.bias)


class DualHead(nn.Module):
    """depth = exp(a), confidence = 1 + exp(b); a second fusion of the same pyramid gives rays and their confidence.

    The published head has ray outputs at four levels, of which only the finest is ever used. The parameters of the
    others are kept, so that a file can be read and written whole, but are not run and not trained.
    """

    def __init__(self, dim: int, *, features: int, channels: Sequence[int], patch: int = 14) -> None:
        super().__init__()
        self.trunk = DenseTrunk(dim, features=features, channels=channels, patch=patch)
        self.depth = Branch(self.trunk.out_dim, 2)
        self.ray_fusion = FusionChain(features)
        half = features // 2
        widths = (features, half, features, half, features, half)
        self.ray_narrow = nn.ModuleList(
            nn.Sequential(*(nn.Conv2d(one, other, 3, padding=1) for one, other in pairwise(widths)))
            for _ in range(_LEVELS)
        )
        self.ray_outputs = nn.ModuleList(RayOutput(half) for _ in range(_LEVELS))
        self.ray_norm = nn.LayerNorm(32, eps=_NORM_EPS)
        for unused in (*self.ray_narrow[:-1], *self.ray_outputs[:-1]):
            unused.requires_grad_(requires_grad=False)

    def forward(
        self,
        levels: Sequence[Float[Tensor, "n p d"]],
        image_hw: tuple[int, int],
        *,
        rays: bool = False,
        chunk: int | None = None,
    ) -> DualMaps:
        """Maps of n views; `chunk` are computed at a time (None: by the device), without effect on the result."""

        def run(*part: Tensor) -> tuple[Tensor, ...]:
            maps = self.trunk.maps(part, image_hw)
            traced = self._trace(maps, image_hw) if rays else ()
            raw = run_branches(self.trunk.full_map(maps, image_hw), [self.depth])
            return raw[:, 0].exp(), 1 + raw[:, 1].exp(), *traced

        depth, confidence, *traced = in_chunks(run, levels, chunk)
        directions, ray_confidence = traced or (None, None)
        return DualMaps(depth=depth, confidence=confidence, rays=directions, ray_confidence=ray_confidence)

    def _trace(self, maps: Sequence[Tensor], image_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Ray channels and their confidence."""
        x = self.ray_narrow[-1](self.ray_fusion(maps))
        raw = self.ray_outputs[-1](add_uv_embedding(x, image_hw[1] / image_hw[0]), self.ray_norm)
        return raw[..., :6], 1 + raw[..., 6].exp()
