"""Surface normals of depth maps."""

import torch

from mda.geometry.cameras import Cameras
from mda.geometry.rays import points_from_depth
from mda.shapes import Bool, Float, Tensor


def normals_from_depth(
    depth: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], cameras: Cameras
) -> Float[Tensor, "*b h w 3"]:
    """Unit normals in the world, towards the camera; zero where they are not known.

    The normal is the cross product of two steps along the surface, one to a neighbour left or right and one to a
    neighbour above or below: of the two valid ones each time that which is nearer in ln depth, so that a step rarely
    crosses a discontinuity.
    """
    points = points_from_depth(torch.where(valid, depth, torch.ones_like(depth)), cameras)
    log_depth = torch.where(valid, depth, torch.nan).log()
    across, down = _step(points, log_depth, -1), _step(points, log_depth, -2)
    normal = torch.linalg.cross(across, down)
    # Towards the camera: against the ray from its centre.
    rays = points - cameras.centers[..., None, None, :]
    normal = torch.where((normal * rays).sum(-1, keepdim=True) > 0, -normal, normal)
    length = normal.norm(dim=-1, keepdim=True)
    known = valid[..., None] & (length > torch.finfo(depth.dtype).tiny) & length.isfinite()
    return torch.where(known, normal / length, torch.zeros_like(normal))


def _step(points: Tensor, log_depth: Tensor, axis: int) -> Float[Tensor, "*b h w 3"]:
    """Difference of points along an image axis, from the side that is nearer in ln depth; NaN where there is none."""
    size = log_depth.shape[axis]
    if size < 2:
        return torch.full_like(points, torch.nan)
    change = log_depth.diff(dim=axis).abs().nan_to_num(nan=torch.inf)
    step = points.diff(dim=axis - 1)
    step = torch.where(change.isfinite()[..., None], step, torch.nan)
    # Step and change to the next pixel and from the one before; there is none beyond the ends.
    end, no_step = (
        torch.full_like(change.narrow(axis, 0, 1), torch.inf),
        torch.full_like(step.narrow(axis - 1, 0, 1), torch.nan),
    )
    following = torch.cat([change, end], dim=axis), torch.cat([step, no_step], dim=axis - 1)
    before = torch.cat([end, change], dim=axis), torch.cat([no_step, step], dim=axis - 1)
    return torch.where((following[0] <= before[0])[..., None], following[1], before[1])
