"""The trunk of every dense head: four levels of patch features to one map at full resolution (DPT)."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from mda.models.layers import FusionChain, add_uv_embedding, pointwise, resize_bilinear
from mda.shapes import Float, Tensor

_NORM_EPS = 1e-5
_HIDDEN = 32


class PyramidLevel(nn.Module):
    """Projection to `width` channels, embedding of the coordinates if `uv`, resize, 3x3 convolution to `features`."""

    def __init__(self, dim: int, features: int, *, width: int, resize: nn.Module, uv: bool) -> None:
        super().__init__()
        self.uv = uv
        self.project = nn.Conv2d(dim, width, 1)
        self.resize = resize
        self.lateral = nn.Conv2d(width, features, 3, padding=1, bias=False)

    def forward(
        self, tokens: Float[Tensor, "n p d"], grid_hw: tuple[int, int], aspect: float
    ) -> Float[Tensor, "n f h w"]:
        """Map of one level of patch features."""
        # A 1x1 convolution on tokens is a linear layer, and its output is already in channels-last order.
        x = functional.linear(tokens, self.project.weight.flatten(1), self.project.bias)
        x = x.unflatten(1, grid_hw).permute(0, 3, 1, 2)
        return self.lateral(self.resize(add_uv_embedding(x, aspect) if self.uv else x))


class Pyramid(nn.Module):
    """Patch features to four maps of equal width at 4, 2, 1 and 1/2 times the patch grid.

    Args:
        dim: width of the patch features.
        features: width of the maps.
        channels: width of each level before its last convolution.
        norm: one layer norm shared by the levels comes first.
        uv: image coordinates are embedded in the projected features.
    """

    def __init__(self, dim: int, *, features: int, channels: Sequence[int], norm: bool, uv: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=_NORM_EPS) if norm else nn.Identity()
        first, second, _, fourth = channels
        resizes = (
            nn.ConvTranspose2d(first, first, 4, stride=4),
            nn.ConvTranspose2d(second, second, 2, stride=2),
            nn.Identity(),
            nn.Conv2d(fourth, fourth, 3, stride=2, padding=1),
        )
        self.levels = nn.ModuleList(
            PyramidLevel(dim, features, width=width, resize=resize, uv=uv)
            for width, resize in zip(channels, resizes, strict=True)
        )

    def forward(
        self, levels: Sequence[Float[Tensor, "n p d"]], grid_hw: tuple[int, int], aspect: float
    ) -> list[Float[Tensor, "n f _ _"]]:
        """Maps from fine to coarse; `aspect` is width / height of the image."""
        return [level(self.norm(tokens), grid_hw, aspect) for tokens, level in zip(levels, self.levels, strict=True)]


class DenseTrunk(nn.Module):
    """Pyramid, fusion, and a narrow map at full resolution, from which small branches read their outputs.

    Args:
        dim: width of the patch features.
        features: width of the fused maps; the result has half of it.
        channels: widths of the four levels of the pyramid.
        patch: pixels per patch.
        norm, uv: as in `Pyramid`; `uv` also embeds coordinates in the result.
        activated_skip: as in `ResidualConvUnit`.
    """

    def __init__(
        self,
        dim: int,
        *,
        features: int,
        channels: Sequence[int],
        patch: int = 14,
        norm: bool = True,
        uv: bool = True,
        activated_skip: bool = False,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.uv = uv
        self.out_dim = features // 2
        self.pyramid = Pyramid(dim, features=features, channels=channels, norm=norm, uv=uv)
        self.fusion = FusionChain(features, activated_skip=activated_skip)
        self.narrow = nn.Conv2d(features, features // 2, 3, padding=1)

    def maps(
        self, levels: Sequence[Float[Tensor, "n p d"]], image_hw: tuple[int, int]
    ) -> list[Float[Tensor, "n f _ _"]]:
        """The four maps that are to be fused."""
        height, width = image_hw
        return self.pyramid(levels, (height // self.patch, width // self.patch), width / height)

    def full_map(
        self,
        maps: Sequence[Float[Tensor, "n f _ _"]],
        image_hw: tuple[int, int],
        added: Float[Tensor, "n c h w"] | None = None,
    ) -> Float[Tensor, "n c h w"]:
        """The fused map at full resolution; `added` is added to it before the coordinates are embedded."""
        x = resize_bilinear(self.narrow(self.fusion(maps)), image_hw)
        if added is not None:
            x = x + added
        return add_uv_embedding(x, image_hw[1] / image_hw[0]) if self.uv else x


class Branch(nn.Module):
    """A small output branch: 3x3 convolution to 32 channels, ReLU, 1x1 convolution; see `run_branches`."""

    def __init__(self, dim: int, dim_out: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(dim, _HIDDEN, 3, padding=1)
        self.out = nn.Conv2d(_HIDDEN, dim_out, 1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n o h w"]:
        """Output of this branch alone."""
        return pointwise(functional.relu_(self.hidden(x)), self.out.weight.flatten(1), self.out.bias)


def run_branches(x: Float[Tensor, "n c h w"], branches: Sequence[Branch]) -> Float[Tensor, "n o h w"]:
    """Outputs of several branches on the same map, one after the other along the channels.

    They are run as one convolution and one block-diagonal 1x1 convolution, which reads the map once.
    """
    if len(branches) == 1:
        return branches[0](x)
    weight = torch.cat([branch.hidden.weight for branch in branches])
    bias = torch.cat([branch.hidden.bias for branch in branches if branch.hidden.bias is not None])
    hidden = functional.relu_(functional.conv2d(x, weight, bias, padding=1))
    weight = torch.block_diag(*(branch.out.weight.flatten(1) for branch in branches))
    bias = torch.cat([branch.out.bias for branch in branches if branch.out.bias is not None])
    return pointwise(hidden, weight, bias)
