"""The nine numbers by which networks of the VGGT and DA3 families speak of a camera.

(t_x, t_y, t_z, q_x, q_y, q_z, q_w, fov_vertical, fov_horizontal) of `world_from_cam`; the principal point is not
encoded and comes back as the image centre (published release).
"""

import torch

from mda.geometry.cameras import Cameras
from mda.geometry.rigid import compose
from mda.geometry.rotations import matrix_from_quaternion, quaternion_from_matrix
from mda.shapes import Float, Tensor


def encode_cameras(cameras: Cameras) -> Float[Tensor, "*b 9"]:
    """Pose encoding of cameras; the quaternion is a unit one with w >= 0."""
    quaternion = quaternion_from_matrix(cameras.world_from_cam[..., :3, :3])
    return torch.cat([cameras.centers, quaternion, cameras.fov], dim=-1)


def cameras_from_encoding(encoding: Float[Tensor, "*b 9"], image_hw: tuple[int, int]) -> Cameras:
    """Cameras of a pose encoding; the quaternion may have any non-zero length."""
    rotation = matrix_from_quaternion(encoding[..., 3:7])
    return Cameras.from_fov(compose(rotation, encoding[..., :3]), encoding[..., 7:], image_hw)
