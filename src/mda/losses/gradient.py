"""Multi-scale gradient term: depth differences should match away from depth edges (published release).

With e = pred - true on valid pixels, at strides 1, 2, 4, 8 and for both image axes: |difference of e| weighted by
w = exp(-(2 |difference of true| / d)^2), where d is the distance between neighbouring points of a surface that faces
the camera; w is eroded by a minimum over five neighbours, so that nothing near an edge counts.
"""

import torch
from torch.nn import functional

from mda.geometry import Cameras
from mda.losses.reduce import Masked, Tally
from mda.shapes import Bool, Float, Tensor

_STRIDES = (1, 2, 4, 8)
_EROSION = 5
_EDGE_SHARPNESS = 2.0
_WIDTH, _HEIGHT = -1, -2


def gradient_error(
    depth: Float[Tensor, "b v h w"],
    target: Float[Tensor, "b v h w"],
    mask: Bool[Tensor, "b v h w"],
    cameras: Cameras,
    *,
    erosion_along_width: bool = False,
    mask_weights: bool = True,
) -> Float[Tensor, ""]:
    """Mean over strides of the weighted differences per valid pixel.

    Args:
        depth: predicted, at the scale of `target`.
        target: true depth, finite everywhere.
        mask: valid pixels.
        cameras: true cameras (focal lengths).
        erosion_along_width: erode along the width for both axes.
        mask_weights: differences with an invalid pixel count as edges; otherwise the numbers of `target` there decide.
    """
    spacing = _spacing(target, cameras)
    levels = []
    for stride in _STRIDES:
        every = (..., slice(None, None, stride), slice(None, None, stride))
        level = (depth[every], target[every], mask[every], spacing[every] * stride)
        options = {"erosion_along_width": erosion_along_width, "mask_weights": mask_weights}
        total = torch.stack([_differences(*level, axis, **options).tally().sum for axis in (_WIDTH, _HEIGHT)]).sum()
        levels.append(Tally(sum=total, count=mask[every].sum()).mean)
    return torch.stack(levels).mean()


def _spacing(target: Tensor, cameras: Cameras) -> Tensor:
    """Distance to the points left and above if the surface faced the camera; one in the first column and row."""
    focal = torch.stack([cameras.intrinsics[..., 0, 0], cameras.intrinsics[..., 1, 1]], dim=-1)[..., None, None, :]
    across, down = torch.ones_like(target), torch.ones_like(target)
    across[..., :, 1:] = target[..., :, :-1] / focal[..., 0]
    down[..., 1:, :] = target[..., :-1, :] / focal[..., 1]
    return torch.hypot(across, down).clamp_min(1e-6)


def _differences(
    depth: Tensor,
    target: Tensor,
    mask: Tensor,
    spacing: Tensor,
    axis: int,
    *,
    erosion_along_width: bool,
    mask_weights: bool,
) -> Masked:
    """Weighted differences of the error between neighbours along an axis."""
    size = mask.shape[axis]

    def later(t: Tensor) -> Tensor:
        return t.narrow(axis, 1, size - 1)

    def earlier(t: Tensor) -> Tensor:
        return t.narrow(axis, 0, size - 1)

    both = later(mask) & earlier(mask)
    with torch.no_grad():
        slope = (later(target) - earlier(target)).abs() / later(spacing).clamp_min(1e-8)
        weight = torch.exp(-(_EDGE_SHARPNESS * slope).square())
        if mask_weights:
            weight = weight * both
        weight = _eroded(weight, _WIDTH if erosion_along_width else axis)
    error = torch.where(mask, depth - target, 0.0)
    return Masked(values=(later(error) - earlier(error)).abs() * weight, mask=both)


def _eroded(weight: Tensor, axis: int) -> Tensor:
    """Minimum over five neighbours along an axis; outside the image there are no edges."""
    if weight.numel() == 0:
        return weight
    kernel = (1, _EROSION) if axis == _WIDTH else (_EROSION, 1)
    padding = (0, _EROSION // 2) if axis == _WIDTH else (_EROSION // 2, 0)
    flat = weight.reshape(-1, 1, *weight.shape[-2:])
    return -functional.max_pool2d(-flat, kernel, stride=1, padding=padding).reshape(weight.shape)
