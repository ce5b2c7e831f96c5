import math

import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import (
    Cameras,
    camera_rays,
    cameras_from_encoding,
    compose,
    encode_cameras,
    matrix_from_quaternion,
    pixel_centers,
    points_from_depth,
    project,
    quaternion_from_matrix,
    rigid_inverse,
)


def random_cameras(*batch: int, image_hw=(6, 8), dtype=torch.float64) -> Cameras:
    quaternion = torch.randn(*batch, 4, dtype=dtype)
    intrinsics = torch.zeros(*batch, 3, 3, dtype=dtype)
    intrinsics[..., 0, 0], intrinsics[..., 1, 1], intrinsics[..., 2, 2] = 7.0, 6.5, 1.0
    intrinsics[..., 0, 2], intrinsics[..., 1, 2] = 4.2, 2.9
    pose = compose(matrix_from_quaternion(quaternion), torch.randn(*batch, 3, dtype=dtype))
    return Cameras(world_from_cam=pose, intrinsics=intrinsics, image_hw=image_hw)


def test_pixel_centers_start_at_one_half():
    centers = pixel_centers((2, 3))
    assert centers[0, 0].tolist() == [0.5, 0.5]
    assert centers[1, 2].tolist() == [2.5, 1.5]


def test_projecting_what_was_unprojected_gives_the_pixels_back():
    cameras = random_cameras(2, 3)
    depth = torch.rand(2, 3, 6, 8, dtype=torch.float64) + 0.5
    pixels, back = project(points_from_depth(depth, cameras).flatten(-3, -2), cameras)
    assert torch.allclose(back, depth.flatten(-2))
    assert torch.allclose(pixels, pixel_centers((6, 8), dtype=torch.float64).flatten(0, 1).expand(2, 3, -1, -1))


def test_resizing_is_a_pure_ratio():
    # The centre of a 2x2 block of pixels is the centre of the pixel that replaces it.
    cameras = random_cameras()
    fine, coarse = camera_rays(cameras), camera_rays(cameras.resized((3, 4)))
    assert torch.allclose(fine.reshape(3, 2, 4, 2, 3).mean((1, 3)), coarse)


def test_cropping_keeps_the_rays_of_the_pixels_that_remain():
    cameras = random_cameras(2)
    whole, window = camera_rays(cameras), camera_rays(cameras.cropped(1, 2, 4, 5))
    assert torch.allclose(whole[:, 1:5, 2:7], window)


def test_relative_to_first_makes_the_first_view_the_identity_and_keeps_relations():
    cameras = random_cameras(2, 3)
    relative = cameras.relative_to_first()
    assert torch.allclose(relative.world_from_cam[:, 0], torch.eye(4, dtype=torch.float64).expand(2, 4, 4))
    before = cameras.cam_from_world[:, 1] @ cameras.world_from_cam[:, 2]
    after = relative.cam_from_world[:, 1] @ relative.world_from_cam[:, 2]
    assert torch.allclose(before, after)


def test_scaling_the_world_scales_points():
    cameras = random_cameras(3)
    depth = torch.rand(3, 6, 8, dtype=torch.float64)
    factor = torch.tensor([2.0, 3.0, 0.5], dtype=torch.float64)
    scaled = points_from_depth(depth * factor[:, None, None], cameras.scaled(factor))
    assert torch.allclose(scaled, points_from_depth(depth, cameras) * factor[:, None, None, None])


def test_field_of_view_round_trip():
    fov = torch.tensor([0.7, 1.1], dtype=torch.float64)
    cameras = Cameras.from_fov(torch.eye(4, dtype=torch.float64), fov, (48, 64))
    assert torch.allclose(cameras.fov, fov)
    assert cameras.intrinsics[0, 2] == 32
    assert cameras.intrinsics[1, 2] == 24


def test_pose_encoding_round_trip():
    cameras = random_cameras(4, image_hw=(48, 64))
    encoding = encode_cameras(cameras)
    assert (encoding[..., 6] >= 0).all()
    back = cameras_from_encoding(encoding, (48, 64))
    assert torch.allclose(back.world_from_cam, cameras.world_from_cam)
    assert torch.allclose(back.fov, cameras.fov)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns_survive_the_quaternion(axis):
    # w is zero here, so the naive formula that divides by w would fail.
    rotation = -torch.eye(3, dtype=torch.float64)
    rotation[axis, axis] = 1
    quaternion = quaternion_from_matrix(rotation)
    assert torch.allclose(matrix_from_quaternion(quaternion), rotation)
    assert quaternion.norm() == pytest.approx(1)


def test_quaternion_gradient_is_finite_at_the_identity():
    rotation = torch.eye(3, dtype=torch.float64, requires_grad=True)
    quaternion_from_matrix(rotation).sum().backward()
    assert rotation.grad is not None
    assert rotation.grad.isfinite().all()


def test_rigid_inverse_takes_both_matrix_forms():
    pose = random_cameras(5).world_from_cam
    assert torch.allclose(rigid_inverse(pose) @ pose, torch.eye(4, dtype=torch.float64).expand(5, 4, 4), atol=1e-12)
    assert torch.equal(rigid_inverse(pose[:, :3]), rigid_inverse(pose))


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(ConfigError, match=r"\(2, 4, 4\) and \(3, 3, 3\)"):
        Cameras(world_from_cam=torch.eye(4).expand(2, 4, 4), intrinsics=torch.eye(3).expand(3, 3, 3), image_hw=(2, 2))


def test_indexing_and_moving_keep_the_image_size():
    cameras = random_cameras(2, 3)
    chosen = cameras[:, 1].to(torch.float32)
    assert chosen.batch_shape == (2,)
    assert chosen.intrinsics.dtype == torch.float32
    assert chosen.image_hw == cameras.image_hw


def test_fov_is_vertical_first():
    cameras = Cameras(
        world_from_cam=torch.eye(4), intrinsics=torch.diag(torch.tensor([10.0, 20.0, 1.0])), image_hw=(40, 20)
    )
    assert cameras.fov.tolist() == pytest.approx([2 * math.atan(1), 2 * math.atan(1)])
