"""Point term: distance between true and predicted world points (published release)."""

from dataclasses import dataclass, replace

import torch

from mda.geometry import Cameras
from mda.losses.prepare import MAX_CAMERA_NUMBER
from mda.losses.reduce import Masked, median_per_clip
from mda.shapes import Bool, Float, Tensor

# True points nearer to the world's origin than this, and predicted ones nearer than this, do not take part in scales.
_MIN_TRUE_NORM, _MIN_NORM = 0.01, 1e-8
# Squares of longer vectors would not be finite in single precision.
_MAX_NORM = 1e15


@dataclass(frozen=True, kw_only=True)
class PointErrors:
    """Distances of points after alignment, and the ratios of true to predicted norms.

    Attributes:
        distance: [b, v, h, w] || P_true - s P ||, s the median ratio of the clip, without gradient.
        ratio: [b, v, h, w] || P_true || / || P ||, with gradient.
    """

    distance: Masked
    ratio: Masked


def point_errors(
    depth: Float[Tensor, "b v h w"],
    cameras: Cameras,
    target: Float[Tensor, "b v h w"],
    target_cameras: Cameras,
    mask: Bool[Tensor, "b v h w"],
    *,
    integer_pixel_centers: bool = False,
) -> PointErrors:
    """Compare the points of two depth maps, each with its own cameras; target depth must be finite everywhere.

    The scale s of a clip is the term's own, not that of the depth term, as published.
    """
    cameras, usable = _usable(cameras)
    target_cameras, known = _usable(target_cameras)
    mask = mask & (usable & known)[..., None, None]
    with torch.no_grad():
        true = _planes(target, target_cameras)
        true_norm = _norm(true)
    points = _planes(depth, cameras, center=0.0 if integer_pixel_centers else 0.5)
    ratio = Masked(values=true_norm / _norm(points).clamp_min(_MIN_NORM), mask=mask & (true_norm > _MIN_TRUE_NORM))
    scale = median_per_clip(ratio)
    distance = _norm(true - scale[:, None, None, None, None] * points)
    return PointErrors(distance=Masked(values=distance, mask=mask), ratio=ratio)


def _planes(depth: Float[Tensor, "b v h w"], cameras: Cameras, *, center: float = 0.5) -> Float[Tensor, "b v 3 h w"]:
    """World points of pixels as three planes, R K^-1 (x, y, 1) z + t with x = column + `center`, y = row + `center`.

    The same points as `points_from_depth`, but sums over their coordinates run along memory, eight times as fast.
    """
    height, width = depth.shape[-2:]
    x, y = (torch.arange(size, device=depth.device, dtype=depth.dtype) + center for size in (width, height))
    scaled = torch.stack([depth * x, depth * y[:, None], depth], dim=-3)
    matrix = cameras.world_from_cam[..., :3, :3] @ torch.linalg.inv_ex(cameras.intrinsics).inverse
    return (matrix @ scaled.flatten(-2) + cameras.centers[..., None]).unflatten(-1, (height, width))


def _norm(points: Float[Tensor, "b v 3 h w"]) -> Float[Tensor, "b v h w"]:
    """Length of the vectors, at most 1e15, with gradient zero at zero (`vector_norm` is slow along an outer axis)."""
    return points.square().sum(-3).clamp(torch.finfo(points.dtype).tiny, _MAX_NORM**2).sqrt()


def _usable(cameras: Cameras) -> tuple[Cameras, Bool[Tensor, "b v"]]:
    """Cameras with identities in place of those that are not finite or not invertible, and which are left."""
    with torch.no_grad():
        # The inverse of a singular matrix comes back with numbers that are not finite.
        inverse = torch.linalg.inv_ex(cameras.intrinsics).inverse
        numbers = torch.cat([m.flatten(-2) for m in (cameras.world_from_cam, cameras.intrinsics, inverse)], dim=-1)
        usable = (numbers.abs() < MAX_CAMERA_NUMBER).all(-1)
    if bool(usable.all()):
        return cameras, usable

    def repaired(matrices: Tensor) -> Tensor:
        identity = torch.eye(matrices.shape[-1], dtype=matrices.dtype, device=matrices.device)
        return torch.where(usable[..., None, None], matrices, identity)

    world_from_cam, intrinsics = repaired(cameras.world_from_cam), repaired(cameras.intrinsics)
    return replace(cameras, world_from_cam=world_from_cam, intrinsics=intrinsics), usable
