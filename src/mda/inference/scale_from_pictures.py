"""The size of a depth map beside known cameras, from the pictures alone.

Depth of a view, enlarged by some factor, says where each of its pixels is seen in another view of which the camera is
known. With the right factor the two pictures show the same there. Many factors are tried, and the one of best agreement
is taken: a plane sweep in which the planes are the depth map itself.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from mda.geometry import Cameras, points_from_depth, project, rigid_inverse
from mda.shapes import Bool, Float, Int, Tensor, UInt8

# Pictures are compared at this length of their longer side, after a blur over this many pixels: small errors of depth
# must not matter, and neither should time.
_LONG_SIDE = 160
_BLUR = 5
# Of the blurred pictures every second row and column is compared: the others say the same.
_STEP = 2
# Pairs of views that are compared, evenly chosen where there are more; both directions of a pair count.
_MOST_PAIRS = 24
# Factors from the one at which the longest baseline is twice the median depth to that at which it shifts the picture by
# one pixel, in this ratio to the next.
_NEAREST = 0.5
_RATIO = 1.15
# Share of the pixels of one view that another must see for the two to be compared.
_LEAST_OVERLAP = 0.2
# Correlation that the best factor must reach, and what it must be ahead of the first and the last one.
_LEAST_AGREEMENT = 0.5
_LEAST_LEAD = 0.01


def scale_from_pictures(
    images: UInt8[Tensor, "v h w 3"],
    depth: Float[Tensor, "v h w"],
    sky: Bool[Tensor, "v h w"] | None,
    cameras: Cameras,
) -> float | None:
    """The factor by which depth must be enlarged to fit the cameras.

    Args:
        images: RGB.
        depth: z-depth in any unit, one for all views.
        sky: pixels that do not count, or None.
        cameras: batch shape [v].

    Returns:
        The factor, or None where no factor makes the pictures agree better than others do.
    """
    cameras = cameras.relative_to_first().to(torch.float32)
    baseline = float((cameras.centers[:, None] - cameras.centers).norm(dim=-1).max())
    finite = depth if sky is None else depth[~sky]
    middle = float(finite.median()) if finite.numel() else 0.0
    if not (baseline > 0 and 0 < middle < math.inf):
        return None
    # In units of the baseline: whatever unit the cameras have, the same is computed.
    pairs = _compared(images, depth / middle, sky, cameras.scaled(1 / baseline))
    most = max(float(pairs.cameras.intrinsics[0, 0, 0]), 4 * _NEAREST)
    steps = math.ceil(math.log(most / _NEAREST) / math.log(_RATIO)) + 1
    factors = _NEAREST * _RATIO ** torch.arange(steps, dtype=torch.float64)
    agreement = torch.tensor([pairs.agreement(float(factor)) for factor in factors], dtype=torch.float64)
    best = int(agreement.argmax())
    lead = float(agreement[best] - torch.maximum(agreement[0], agreement[-1]))
    if agreement[best] < _LEAST_AGREEMENT or lead < _LEAST_LEAD:
        return None
    # The top of the parabola through the best factor and its neighbours, which it has because it leads the ends.
    before, top, after = agreement[best - 1 : best + 2].tolist()
    shift = 0.5 * (before - after) / min(before - 2 * top + after, -1e-12)
    return float(factors[best]) * _RATIO**shift * baseline / middle


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """Pairs of views of which one is looked for in the other.

    Attributes:
        points: [p, n, 3] points of the one, in its own axes.
        grey: [p, n] its picture there.
        counts: [p, n] points that count.
        pictures: [p, r, c] picture of the other.
        cameras: batch shape [p], the other in the axes of the one.
    """

    points: Float[Tensor, "p n 3"]
    grey: Float[Tensor, "p n"]
    counts: Bool[Tensor, "p n"]
    pictures: Float[Tensor, "p r c"]
    cameras: Cameras

    def agreement(self, factor: float) -> float:
        """Mean correlation of the pictures if depth is `factor` times as large; of a pair that hardly overlaps, 0."""
        height, width = self.cameras.image_hw
        # Larger depth shows what cameras nearer to each other would.
        pixels, z = project(self.points, self.cameras.scaled(1 / factor))
        place = pixels / pixels.new_tensor([width, height]) * 2 - 1
        seen = self.counts & (z > 0) & (place.abs() < 1).all(-1)
        place = torch.where(seen[..., None], place, 0)
        found = functional.grid_sample(self.pictures[:, None], place[:, None], align_corners=False)[:, 0, 0]
        number = seen.sum(-1)
        pair = torch.stack([self.grey, found]) * seen
        pair = (pair - pair.sum(-1, keepdim=True) / number.clamp_min(1)[:, None]) * seen
        correlation = functional.cosine_similarity(pair[0], pair[1], dim=-1)
        return float(torch.where(number >= _LEAST_OVERLAP * seen.shape[-1], correlation, 0).mean())


def _compared(
    images: UInt8[Tensor, "v h w 3"],
    depth: Float[Tensor, "v h w"],
    sky: Bool[Tensor, "v h w"] | None,
    cameras: Cameras,
) -> _Pairs:
    """The pairs that are compared: only their views cost anything, however many there are."""
    used, pair = torch.unique(_pairs(cameras), return_inverse=True)
    here, there = pair
    counts = torch.ones_like(depth[used], dtype=torch.bool) if sky is None else ~sky[used]
    pictures, depth, counts, cameras = _reduced(images[used], depth[used], counts, cameras[used])
    own = Cameras(
        world_from_cam=torch.eye(4).expand(len(used), 4, 4), intrinsics=cameras.intrinsics, image_hw=cameras.image_hw
    )
    points = points_from_depth(depth, own)
    points, grey, counts = (
        part[:, _STEP // 2 :: _STEP, _STEP // 2 :: _STEP].flatten(1, 2)[here] for part in (points, pictures, counts)
    )
    poses = rigid_inverse(cameras.world_from_cam[here]) @ cameras.world_from_cam[there]
    others = Cameras(world_from_cam=poses, intrinsics=cameras.intrinsics[there], image_hw=cameras.image_hw)
    return _Pairs(points=points, grey=grey, counts=counts, pictures=pictures[there], cameras=others)


def _reduced(
    images: UInt8[Tensor, "v h w 3"],
    depth: Float[Tensor, "v h w"],
    counts: Bool[Tensor, "v h w"],
    cameras: Cameras,
) -> tuple[Float[Tensor, "v r c"], Float[Tensor, "v r c"], Bool[Tensor, "v r c"], Cameras]:
    """Blurred grey pictures, depth, the pixels that count, and cameras, all at a small size."""
    share = min(1.0, _LONG_SIDE / max(cameras.image_hw))
    size = round(cameras.image_hw[0] * share), round(cameras.image_hw[1] * share)
    grey = functional.interpolate(images.float().mean(-1)[:, None], size=size, mode="area")
    grey = functional.pad(grey, (_BLUR // 2,) * 4, mode="replicate")
    depth, small = (
        functional.interpolate(part[:, None], size=size, mode="nearest")[:, 0] for part in (depth, counts.float())
    )
    return functional.avg_pool2d(grey, _BLUR, stride=1)[:, 0], depth, small > 0, cameras.resized(size)


def _pairs(cameras: Cameras) -> Int[Tensor, "2 p"]:
    """Pairs of different views, in both orders, evenly chosen among those that look in about the same direction.

    Views that are turned away from each other by more than half of their field of view hardly show the same.
    """
    axes = cameras.world_from_cam[:, :3, 2]
    limit = float(cameras.fov.amax() / 2)
    near = axes @ axes.T >= math.cos(min(limit, math.pi))
    other = ~torch.eye(len(axes), dtype=torch.bool)
    near = (near & other) if bool((near & other).any()) else other
    pairs = near.nonzero().T
    return pairs[:, :: max(1, math.ceil(pairs.shape[1] / (2 * _MOST_PAIRS)))]
