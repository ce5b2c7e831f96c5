"""The size of a depth map beside known cameras, from the pictures alone.

Depth of a view, enlarged by some factor, says where each of its pixels is seen in another view of which the camera is
known. With the right factor the two pictures show the same there. Many factors are tried, and the one of best agreement
is taken: a plane sweep in which the planes are the depth map itself.
"""

import math

import torch
from torch.nn import functional

from mda.geometry import Cameras, points_from_depth, project
from mda.shapes import Bool, Float, Tensor, UInt8

# Pictures are compared at this length of their longer side, after a blur over this many pixels: small errors of depth
# must not matter, and neither should time.
_LONG_SIDE = 160
_BLUR = 5
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
    cameras = cameras.scaled(1 / baseline)
    pictures, depth, counts, cameras = _reduced(images, depth / middle, sky, cameras)
    most = max(float(cameras.intrinsics[0, 0, 0]), 4 * _NEAREST)
    steps = math.ceil(math.log(most / _NEAREST) / math.log(_RATIO)) + 1
    factors = _NEAREST * _RATIO ** torch.arange(steps, dtype=torch.float64)
    pairs = _pairs(len(depth))
    agreement = torch.tensor(
        [_agreement(pictures, depth * float(factor), counts, cameras, pairs) for factor in factors], dtype=torch.float64
    )
    best = int(agreement.argmax())
    lead = float(agreement[best] - torch.maximum(agreement[0], agreement[-1]))
    if agreement[best] < _LEAST_AGREEMENT or lead < _LEAST_LEAD:
        return None
    # The top of the parabola through the best factor and its neighbours, which it has because it leads the ends.
    before, top, after = agreement[best - 1 : best + 2].tolist()
    shift = 0.5 * (before - after) / min(before - 2 * top + after, -1e-12)
    return float(factors[best]) * _RATIO**shift * baseline / middle


def _reduced(
    images: UInt8[Tensor, "v h w 3"],
    depth: Float[Tensor, "v h w"],
    sky: Bool[Tensor, "v h w"] | None,
    cameras: Cameras,
) -> tuple[Float[Tensor, "v r c"], Float[Tensor, "v r c"], Bool[Tensor, "v r c"], Cameras]:
    """Blurred grey pictures, depth, the pixels that count, and cameras, all at a small size."""
    share = min(1.0, _LONG_SIDE / max(cameras.image_hw))
    size = round(cameras.image_hw[0] * share), round(cameras.image_hw[1] * share)
    grey = functional.interpolate(images.float().mean(-1)[:, None], size=size, mode="area")
    grey = functional.pad(grey, (_BLUR // 2,) * 4, mode="replicate")
    counts = torch.ones_like(depth) if sky is None else 1 - sky.float()
    depth, counts = (functional.interpolate(part[:, None], size=size, mode="nearest")[:, 0] for part in (depth, counts))
    return functional.avg_pool2d(grey, _BLUR, stride=1)[:, 0], depth, counts > 0, cameras.resized(size)


def _pairs(views: int) -> list[tuple[int, int]]:
    """Pairs of different views, in both orders."""
    pairs = [(i, j) for i in range(views) for j in range(views) if i != j]
    return pairs[:: max(1, math.ceil(len(pairs) / (2 * _MOST_PAIRS)))]


def _agreement(
    pictures: Float[Tensor, "v r c"],
    depth: Float[Tensor, "v r c"],
    counts: Bool[Tensor, "v r c"],
    cameras: Cameras,
    pairs: list[tuple[int, int]],
) -> float:
    """Mean correlation of each picture with another where its points are seen there; 0 where hardly any are."""
    height, width = cameras.image_hw
    points = points_from_depth(depth, cameras).flatten(1, 2)
    total = 0.0
    for here, there in pairs:
        pixels, z = project(points[here][counts[here].flatten()], cameras[there])
        place = pixels / pixels.new_tensor([width, height]) * 2 - 1
        seen = (z > 0) & (place.abs() < 1).all(-1)
        if seen.sum() < _LEAST_OVERLAP * height * width:
            continue
        found = functional.grid_sample(pictures[there][None, None], place[seen][None, None], align_corners=False)
        pair = torch.stack([pictures[here][counts[here]][seen], found.flatten()])
        pair = pair - pair.mean(-1, keepdim=True)
        total += float(functional.cosine_similarity(pair[0], pair[1], dim=0))
    return total / len(pairs)
