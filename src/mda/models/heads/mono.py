"""Depth and sky of single views (Depth Anything 3 mono and metric)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from mda.models.heads.chunks import in_chunks
from mda.models.heads.dense import Branch, DenseTrunk, run_branches
from mda.shapes import Bool, Float, Tensor

# Published release: sky from this value of the sky map on; filled at this quantile of the other pixels' depth, if
# both kinds have more than this many pixels.
SKY_THRESHOLD = 0.3
_SKY_QUANTILE = 0.99
_MIN_PIXELS = 10
_SURE = 1e-4


@dataclass(frozen=True, kw_only=True)
class MonoMaps:
    """Depth and sky value (>= 0, sky from 0.3 on) per pixel."""

    depth: Float[Tensor, "n h w"]
    sky: Float[Tensor, "n h w"]


class MonoHead(nn.Module):
    """depth = exp(a), sky = relu(b) on a trunk without norm and coordinates."""

    def __init__(self, dim: int, *, features: int, channels: Sequence[int], patch: int = 14) -> None:
        super().__init__()
        self.trunk = DenseTrunk(dim, features=features, channels=channels, patch=patch, norm=False, uv=False)
        self.depth = Branch(self.trunk.out_dim, 1)
        self.sky = Branch(self.trunk.out_dim, 1)

    def forward(
        self, levels: Sequence[Float[Tensor, "n p d"]], image_hw: tuple[int, int], *, chunk: int | None = None
    ) -> MonoMaps:
        """Maps of n views; `chunk` are computed at a time (None: by the device), without effect on the result."""

        def run(*part: Tensor) -> tuple[Tensor, ...]:
            full = self.trunk.full_map(self.trunk.maps(part, image_hw), image_hw)
            raw = run_branches(full, [self.depth, self.sky])
            return raw[:, 0].exp(), raw[:, 1].relu()

        depth, sky = in_chunks(run, levels, chunk)
        return MonoMaps(depth=depth, sky=sky)


def sky_log_odds(value: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
    """Log odds of sky from the head's value, which is trained towards 0 and 1: logit(value) - logit(0.3).

    So the published threshold, 0.3, lies at even odds. The value is kept within 1e-4 .. 1 - 1e-4.
    """
    threshold = math.log(SKY_THRESHOLD / (1 - SKY_THRESHOLD))
    return value.clamp(_SURE, 1 - _SURE).logit() - threshold


def fill_sky(depth: Float[Tensor, "b v h w"], sky: Bool[Tensor, "b v h w"]) -> Float[Tensor, "b v h w"]:
    """Depth whose sky pixels lie at the 0.99 quantile of the other pixels of their clip.

    A clip with ten or fewer pixels of either kind stays as it is. The published release takes the quantile of a random
    sample where there are many pixels; here it is that of all of them.
    """
    return torch.stack([_fill_clip(clip, mask) for clip, mask in zip(depth, sky, strict=True)])


def _fill_clip(depth: Float[Tensor, "v h w"], sky: Bool[Tensor, "v h w"]) -> Float[Tensor, "v h w"]:
    """`fill_sky` of one clip."""
    solid = depth[~sky]
    if min(len(solid), depth.numel() - len(solid)) <= _MIN_PIXELS:
        return depth
    place = _SKY_QUANTILE * (len(solid) - 1)
    # The two neighbouring order statistics; torch.quantile refuses more than 16 M values.
    below = int(place)
    low = solid.kthvalue(below + 1).values
    high = solid.kthvalue(min(below + 2, len(solid))).values
    return torch.where(sky, torch.lerp(low, high, place - below), depth)
