"""From raw channels, depth and cameras to 3D Gaussians in the world (published release of Depth Anything 3)."""

import torch
from torch.nn import functional

from mda.geometry import Cameras, matrix_from_quaternion, quaternion_from_matrix
from mda.shapes import Float, Tensor
from mda.structures import Gaussians

_SCALES = (1e-5, 30.0)
_SCALE_UNIT = 0.1
# Spherical harmonics of degree l are damped by 0.1 * 0.25^l, those of degree 0 not at all.
_DAMPING = (1.0, *[0.1 * 0.25] * 3, *[0.1 * 0.25**2] * 5)
# Raw channels: pixel offset, scale, quaternion, colour harmonics, depth offset.
_SPLIT = (2, 3, 4, 27, 1)


def gaussians_from_raw(
    raw: Float[Tensor, "b v h w 37"],
    density: Float[Tensor, "b v h w"],
    depth: Float[Tensor, "b v h w"],
    cameras: Cameras,
) -> Gaussians:
    """One Gaussian per pixel of every view, in world coordinates.

    The mean lies on the pixel's (shifted) ray at *distance* depth + offset, though `depth` is z elsewhere: the
    published weights were trained so.

    Args:
        raw: channels of `GaussianHead`.
        density: opacity in 0..1.
        depth: predicted depth.
        cameras: cameras of batch shape [b, v] for images of h x w.
    """
    height, width = depth.shape[-2:]
    shift, scale, quaternion, harmonics, offset = raw.split(_SPLIT, dim=-1)
    distance = depth + offset[..., 0]
    rotation = cameras.world_from_cam[..., None, None, :3, :3]
    focal = torch.stack([cameras.intrinsics[..., 0, 0], cameras.intrinsics[..., 1, 1]], dim=-1)[..., None, None, :]
    center = cameras.intrinsics[..., None, None, :2, 2]
    columns = torch.arange(width, device=raw.device, dtype=raw.dtype) + 0.5
    rows = torch.arange(height, device=raw.device, dtype=raw.dtype) + 0.5
    pixels = torch.stack(torch.broadcast_tensors(columns, rows[:, None]), dim=-1) + shift
    plane = (pixels - center) / focal
    direction = functional.normalize(torch.cat([plane, torch.ones_like(plane[..., :1])], dim=-1), dim=-1)
    direction = (rotation @ direction[..., None])[..., 0]
    means = cameras.centers[..., None, None, :] + direction * distance[..., None]
    # Sum of the size of a pixel at unit depth over both axes, in units of the image plane.
    pixel_size = (1 / focal).sum(-1)
    low, high = _SCALES
    scales = (low + (high - low) * scale.sigmoid()) * (distance * pixel_size * _SCALE_UNIT)[..., None]
    colour = harmonics.unflatten(-1, (3, 9)) * raw.new_tensor(_DAMPING)
    turn = harmonics_rotation(cameras.world_from_cam[..., :3, :3])[..., None, None, :, :]
    return Gaussians(
        means=means.flatten(1, 3),
        scales=scales.flatten(1, 3),
        rotations=_world_quaternion(quaternion, rotation).flatten(1, 3),
        harmonics=(colour @ turn.transpose(-1, -2)).flatten(1, 3),
        opacities=density.flatten(1, 3),
    )


def _world_quaternion(
    raw: Float[Tensor, "b v h w 4"], rotation: Float[Tensor, "b v 1 1 3 3"]
) -> Float[Tensor, "b v h w 4"]:
    """Rotation of the Gaussian in the world, with the published order of the numbers.

    The raw numbers (a, b, c, d) are normalised, brought into the order (d, a, b, c), read as x, y, z, w and turned to
    the world; the result, x, y, z, w, is handed on under the name w, x, y, z. Trained weights have adapted to this.
    """
    local = matrix_from_quaternion(functional.normalize(raw, dim=-1).roll(1, dims=-1))
    return quaternion_from_matrix(rotation @ local)


def harmonics_rotation(rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 9 9"]:
    """Matrix that turns coefficients of real spherical harmonics of degrees 0, 1, 2 along with their directions.

    The basis is that of 3D Gaussian splatting: 1; (-y, z, -x); and the quadratic forms of `_quadratic_forms`, where a
    form M goes to R M R^T.
    """
    first = _linear_forms(rotation)
    second = _quadratic_forms(rotation)
    turned = rotation[..., None, :, :] @ second @ rotation.transpose(-1, -2)[..., None, :, :]
    result = rotation.new_zeros(*rotation.shape[:-2], 9, 9)
    result[..., 0, 0] = 1
    result[..., 1:4, 1:4] = first @ rotation @ first.T
    result[..., 4:, 4:] = torch.einsum("iab,...jab->...ij", second, turned)
    return result


def _linear_forms(like: Tensor) -> Float[Tensor, "3 3"]:
    """Rows -y, z, -x."""
    return like.new_tensor([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])


def _quadratic_forms(like: Tensor) -> Float[Tensor, "5 3 3"]:
    """Orthonormal symmetric traceless matrices of xy, -yz, 2 z^2 - x^2 - y^2, -xz, x^2 - y^2."""
    half, sixth = 0.5**0.5, 6**-0.5
    forms = like.new_zeros(5, 3, 3)
    for index, row, column, value in ((0, 0, 1, half), (1, 1, 2, -half), (3, 0, 2, -half)):
        forms[index, row, column] = forms[index, column, row] = value
    forms[2] = torch.diag(like.new_tensor([-sixth, -sixth, 2 * sixth]))
    forms[4] = torch.diag(like.new_tensor([half, -half, 0.0]))
    return forms
