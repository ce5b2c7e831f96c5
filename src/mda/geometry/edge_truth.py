"""Ground truth around depth discontinuities: which pixels lie at one, and the two surfaces that meet there."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from mda.geometry.edges import depth_discontinuities, dilate, window_max
from mda.shapes import Bool, Float, Tensor

# Depth must jump by more than this share for a discontinuity to be an edge.
EDGE_RATIO = 0.1


@dataclass(frozen=True, kw_only=True)
class EdgeTruth:
    """True depth and its discontinuities.

    Attributes:
        depth: true z-depth; means something only where `valid`.
        valid: pixels with known depth (sky is not among them).
        edge: pixels at a discontinuity between two finite surfaces, on either side of it.
        front, back: z-depth of the nearer and the farther of the two surfaces that meet at an edge pixel; mean
            something only where `edge`.
        skyline: pixels at a border between a surface and the sky, on either side of it.
    """

    depth: Float[Tensor, "*b h w"]
    valid: Bool[Tensor, "*b h w"]
    edge: Bool[Tensor, "*b h w"]
    front: Float[Tensor, "*b h w"]
    back: Float[Tensor, "*b h w"]
    skyline: Bool[Tensor, "*b h w"]

    @classmethod
    def from_depth(
        cls,
        depth: Float[Tensor, "*b h w"],
        valid: Bool[Tensor, "*b h w"],
        *,
        sky: Bool[Tensor, "*b h w"] | None = None,
        ratio: float = EDGE_RATIO,
    ) -> "EdgeTruth":
        """Edges of a depth map that brings none: jumps by more than 1 + ratio to a 4-neighbour.

        The two surfaces of an edge pixel are its own and that of the 4-neighbour with the largest ratio of depths, so
        the truth always lies on one of them. A skyline pixel is one whose 3x3 window holds both sky and valid depth.
        """
        edge = depth_discontinuities(depth, valid, ratio=ratio)
        front, back = _with_farthest_neighbour(depth, valid)
        sky = torch.zeros_like(valid) if sky is None else sky
        skyline = (sky & dilate(valid, 1)) | (valid & dilate(sky, 1))
        return cls(depth=depth, valid=valid, edge=edge, front=front, back=back, skyline=skyline)

    @property
    def interior(self) -> Bool[Tensor, "*b h w"]:
        """Valid pixels that are neither edge nor skyline pixels."""
        return self.valid & ~self.edge & ~self.skyline

    @property
    def on_front(self) -> Bool[Tensor, "*b h w"]:
        """Edge pixels whose own true depth is the front one (nearer to it in log depth than to the back one)."""
        return self.edge & (self.depth.square() <= self.front * self.back)

    def surroundings(
        self, radius: int
    ) -> tuple[Bool[Tensor, "*b h w"], Float[Tensor, "*b h w"], Float[Tensor, "*b h w"]]:
        """Valid pixels within `radius` (maximum norm) of an edge pixel, with their local front and back.

        Front and back are the smallest front and the largest back among those edge pixels.
        """
        near = dilate(self.edge, radius) & self.valid
        front = -window_max(torch.where(self.edge, -self.front, -torch.inf), radius)
        back = window_max(torch.where(self.edge, self.back, -torch.inf), radius)
        return near, front, back


def _with_farthest_neighbour(
    depth: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"]
) -> tuple[Float[Tensor, "*b h w"], Float[Tensor, "*b h w"]]:
    """Smaller and larger of each depth and that of the valid 4-neighbour which differs most from it in log depth."""
    known = torch.where(valid, depth, torch.nan)
    padded = functional.pad(known, (1, 1, 1, 1), value=torch.nan)
    height, width = depth.shape[-2:]
    corners = ((0, 1), (2, 1), (1, 0), (1, 2))
    around = torch.stack([padded[..., top : top + height, left : left + width] for top, left in corners])
    around = torch.where(around.isnan(), known, around)
    # The nearest and the farthest of the four: one of them differs most in log depth, the other is not needed.
    nearest, farthest = around.amin(0), around.amax(0)
    nearer = known.square() > nearest * farthest
    other = torch.where(nearer, nearest, farthest)
    return torch.minimum(known, other), torch.maximum(known, other)
