"""Top-down fusion of a feature pyramid (DPT, Ranftl et al. 2021), as the published heads do it."""

from collections.abc import Sequence

from torch import nn
from torch.nn import functional

from mda.shapes import Float, Tensor


def resize_bilinear(x: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c oh ow"]:
    """Bilinear resize whose corner samples keep their place (align_corners)."""
    if tuple(x.shape[-2:]) == size:
        return x
    return functional.interpolate(x, size=list(size), mode="bilinear", align_corners=True)


def pointwise(
    x: Float[Tensor, "n c h w"], weight: Float[Tensor, "o c"], bias: Float[Tensor, " o"] | None
) -> Float[Tensor, "n o h w"]:
    """A 1x1 convolution as a matrix product; the result is in channels-last order, the fastest for what follows."""
    return functional.linear(x.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)


class ResidualConvUnit(nn.Module):
    """conv2(relu(conv1(relu(x)))) + skip.

    Args:
        dim: channels.
        activated_skip: the skip is relu(x) (VGGT, whose ReLU works in place) instead of x (Depth Anything 3).
    """

    def __init__(self, dim: int, *, activated_skip: bool = False) -> None:
        super().__init__()
        self.activated_skip = activated_skip
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Apply the unit."""
        activated = functional.relu(x)
        y = self.conv2(functional.relu_(self.conv1(activated)))
        return y.add_(activated if self.activated_skip else x)


class FusionBlock(nn.Module):
    """Add a refined lateral map to the coarser one, refine the sum, and resize it.

    The published blocks resize and then apply the 1x1 convolution. Both are linear and the interpolation weights of a
    sample sum to one, so the order does not matter; here the cheaper one is used.

    Args:
        dim: channels.
        lateral: whether there is a lateral map (the coarsest block has none).
        activated_skip: as in `ResidualConvUnit`.
    """

    def __init__(self, dim: int, *, lateral: bool = True, activated_skip: bool = False) -> None:
        super().__init__()
        self.lateral_unit = ResidualConvUnit(dim, activated_skip=activated_skip) if lateral else None
        self.unit = ResidualConvUnit(dim, activated_skip=activated_skip)
        self.out_conv = nn.Conv2d(dim, dim, 1)

    def forward(
        self, x: Float[Tensor, "n c h w"], size: tuple[int, int], lateral: Float[Tensor, "n c h w"] | None = None
    ) -> Float[Tensor, "n c oh ow"]:
        """Fuse and resize to `size`."""
        if self.lateral_unit is not None and lateral is not None:
            x = self.lateral_unit(lateral).add_(x)
        return resize_bilinear(pointwise(self.unit(x), self.out_conv.weight.flatten(1), self.out_conv.bias), size)


class FusionChain(nn.Module):
    """Fusion from the coarsest of four maps to the finest, whose size is doubled at the end."""

    def __init__(self, dim: int, *, activated_skip: bool = False) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            FusionBlock(dim, lateral=level < 3, activated_skip=activated_skip) for level in range(4)
        )

    def forward(self, pyramid: Sequence[Float[Tensor, "n c _ _"]]) -> Float[Tensor, "n c oh ow"]:
        """Fuse maps that are ordered from fine to coarse."""
        sizes = [(level.shape[-2], level.shape[-1]) for level in pyramid]
        targets = [(2 * sizes[0][0], 2 * sizes[0][1]), *sizes[:3]]
        x = self.blocks[3](pyramid[3], targets[3])
        for level in (2, 1, 0):
            x = self.blocks[level](x, targets[level], pyramid[level])
        return x
