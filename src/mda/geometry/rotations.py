"""Rotation matrices and quaternions in the order x, y, z, w (scalar last)."""

import torch
from torch.nn import functional

from mda.shapes import Float, Tensor

# Divisor floor of the published conversion: 2 * 0.1. Never active for a proper rotation, whose largest |q| is >= 0.5.
_MIN_DIVISOR = 0.2


def matrix_from_quaternion(quaternion: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation of a quaternion (x, y, z, w) of any non-zero length; the length is divided out by 2 / |q|^2."""
    x, y, z, w = quaternion.unbind(-1)
    s = 2.0 / quaternion.square().sum(-1)
    rows = [
        1 - s * (y * y + z * z),
        s * (x * y - z * w),
        s * (x * z + y * w),
        s * (x * y + z * w),
        1 - s * (x * x + z * z),
        s * (y * z - x * w),
        s * (x * z - y * w),
        s * (y * z + x * w),
        1 - s * (x * x + y * y),
    ]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def quaternion_from_matrix(rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 4"]:
    """Unit quaternion (x, y, z, w) with w >= 0 of a rotation matrix.

    Each of the four components in turn is taken as the divisor; the candidate with the largest one is numerically
    safe and is returned (published release; Bar-Itzhack's well-known scheme).
    """
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = rotation.flatten(-2).unbind(-1)
    zero = m00.new_zeros(())
    doubled = torch.stack([1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22, 1 + m00 + m11 + m22], dim=-1)
    # Square root with a zero (not infinite) gradient where its argument is not positive.
    magnitude = torch.where(doubled > 0, doubled.clamp_min(torch.finfo(doubled.dtype).tiny).sqrt(), zero)
    x2, y2, z2, w2 = doubled.unbind(-1)
    candidates = torch.stack(
        [
            torch.stack([x2, m10 + m01, m02 + m20, m21 - m12], dim=-1),
            torch.stack([m10 + m01, y2, m12 + m21, m02 - m20], dim=-1),
            torch.stack([m20 + m02, m21 + m12, z2, m10 - m01], dim=-1),
            torch.stack([m21 - m12, m02 - m20, m10 - m01, w2], dim=-1),
        ],
        dim=-2,
    ) / (2.0 * magnitude[..., None]).clamp_min(_MIN_DIVISOR)
    largest = functional.one_hot(magnitude.argmax(-1), 4).to(candidates.dtype)
    quaternion = (candidates * largest[..., None]).sum(-2)
    return torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)


def rotation_angle(rotation: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b"]:
    """Angle of a rotation in degrees, atan2 of its sine and cosine, so that small and large angles are exact alike."""
    skew = rotation - rotation.transpose(-1, -2)
    sine = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], dim=-1).norm(dim=-1) / 2
    cosine = (rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    return torch.atan2(sine, cosine).rad2deg()
