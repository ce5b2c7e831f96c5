"""Rays through pixel centres and the points at given depths along them."""

import torch

from mda.geometry.cameras import Cameras
from mda.shapes import Float, Tensor


def pixel_centers(
    image_hw: tuple[int, int], *, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "h w 2"]:
    """Coordinates (x, y) of the pixel centres; the top-left one is (0.5, 0.5)."""
    height, width = image_hw
    y = torch.arange(height, device=device, dtype=dtype) + 0.5
    x = torch.arange(width, device=device, dtype=dtype) + 0.5
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)


def camera_rays(cameras: Cameras) -> Float[Tensor, "*b h w 3"]:
    """Directions through the pixel centres in camera axes, with z = 1, so that depth * ray is the point.

    The skew entry of the intrinsics is taken as zero.
    """
    intrinsics = cameras.intrinsics
    pixels = pixel_centers(cameras.image_hw, device=intrinsics.device, dtype=intrinsics.dtype)
    focal = torch.stack([intrinsics[..., 0, 0], intrinsics[..., 1, 1]], dim=-1)
    plane = (pixels - intrinsics[..., None, None, :2, 2]) / focal[..., None, None, :]
    return torch.cat([plane, torch.ones_like(plane[..., :1])], dim=-1)


def points_from_depth(depth: Float[Tensor, "*b h w"], cameras: Cameras) -> Float[Tensor, "*b h w 3"]:
    """World points of the pixel centres at the given z-depths."""
    points = camera_rays(cameras) * depth[..., None]
    rotation = cameras.world_from_cam[..., None, :3, :3]
    return points @ rotation.transpose(-1, -2) + cameras.centers[..., None, None, :]


def project(points: Float[Tensor, "*b n 3"], cameras: Cameras) -> tuple[Float[Tensor, "*b n 2"], Float[Tensor, "*b n"]]:
    """Pixel coordinates (x, y) and z-depths of world points; points behind the camera have depth <= 0."""
    inverse = cameras.cam_from_world
    local = points @ inverse[..., :3, :3].transpose(-1, -2) + inverse[..., None, :3, 3]
    depth = local[..., 2]
    image = local @ cameras.intrinsics.transpose(-1, -2)
    return image[..., :2] / depth[..., None], depth
