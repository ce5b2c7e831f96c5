"""Rigid motions as 4x4 (or 3x4) matrices."""

import torch

from mda.shapes import Float, Tensor


def rigid_inverse(motion: Float[Tensor, "*b r 4"]) -> Float[Tensor, "*b 4 4"]:
    """Inverse of a rigid motion [R t], which is [R^T -R^T t]; `r` is 3 or 4, the result always has its bottom row.

    R is taken to be orthonormal, as in the published release.
    """
    rotation, translation = motion[..., :3, :3], motion[..., :3, 3:]
    transposed = rotation.transpose(-1, -2)
    return homogeneous(torch.cat([transposed, -transposed @ translation], dim=-1))


def homogeneous(motion: Float[Tensor, "*b r 4"]) -> Float[Tensor, "*b 4 4"]:
    """Append the row (0, 0, 0, 1) to a 3x4 motion; a 4x4 one is returned as it is."""
    if motion.shape[-2] == 4:
        return motion
    bottom = motion.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*motion.shape[:-2], 1, 4)
    return torch.cat([motion, bottom], dim=-2)


def compose(rotation: Float[Tensor, "*b 3 3"], translation: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 4 4"]:
    """4x4 motion with the given rotation and translation."""
    return homogeneous(torch.cat([rotation, translation[..., None]], dim=-1))
