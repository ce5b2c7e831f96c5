import math

import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, matrix_from_quaternion
from mda.metrics import focal_error, pose_errors


def rotation_about_y(degrees):
    half = math.radians(degrees) / 2
    return matrix_from_quaternion(torch.tensor([0.0, math.sin(half), 0.0, math.cos(half)], dtype=torch.float64))


def cameras(angles, centers, focal=100.0):
    poses = torch.eye(4, dtype=torch.float64).repeat(len(angles), 1, 1)
    for pose, angle, center in zip(poses, angles, centers, strict=True):
        pose[:3, :3] = rotation_about_y(angle)
        pose[:3, 3] = torch.tensor(center, dtype=torch.float64)
    intrinsics = torch.tensor([[focal, 0, 32], [0, focal, 24], [0, 0, 1]], dtype=torch.float64).repeat(
        len(angles), 1, 1
    )
    return Cameras(world_from_cam=poses, intrinsics=intrinsics, image_hw=(48, 64))


TRUE = cameras([0, 10, 20], [(0, 0, 0), (1, 0, 0), (2, 1, 0)])


def test_perfect_cameras_have_no_error_and_full_auc():
    errors = pose_errors(TRUE, TRUE)
    assert errors.rotation.values.shape == (3,)
    assert errors.rotation.mean == pytest.approx(0, abs=1e-9)
    assert errors.translation.mean == pytest.approx(0, abs=1e-9)
    assert errors.auc.mean == pytest.approx(1)


def test_frame_and_scale_of_the_world_do_not_matter():
    motion = torch.eye(4, dtype=torch.float64)
    motion[:3, :3], motion[:3, 3] = rotation_about_y(50), torch.tensor([3.0, -1.0, 2.0])
    moved = cameras([0, 10, 20], [(0, 0, 0), (1, 0, 0), (2, 1, 0)]).scaled(7.0)
    moved = Cameras(world_from_cam=motion @ moved.world_from_cam, intrinsics=TRUE.intrinsics, image_hw=TRUE.image_hw)
    errors = pose_errors(moved, TRUE)
    assert errors.rotation.mean == pytest.approx(0, abs=1e-6)
    assert errors.translation.mean == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("degrees", [1e-4, 5, 90, 179.999])
def test_rotation_error_is_the_angle(degrees):
    turned = cameras([0, degrees], [(0, 0, 0), (1, 0, 0)])
    straight = cameras([0, 0], [(0, 0, 0), (1, 0, 0)])
    assert pose_errors(turned, straight).rotation.mean == pytest.approx(degrees, rel=1e-6)


def test_translation_error_is_the_angle_of_directions_and_its_sign_counts():
    true = cameras([0, 0], [(0, 0, 0), (1, 0, 0)])
    skew = cameras([0, 0], [(0, 0, 0), (5, 5, 0)])
    back = cameras([0, 0], [(0, 0, 0), (-1, 0, 0)])
    still = cameras([0, 0], [(0, 0, 0), (0, 0, 0)])
    assert pose_errors(skew, true).translation.mean == pytest.approx(45)
    assert pose_errors(back, true).translation.mean == pytest.approx(180)
    assert pose_errors(still, true).translation.mean == pytest.approx(90)


def test_auc_falls_linearly_with_the_worse_angle():
    true = cameras([0, 0], [(0, 0, 0), (1, 0, 0)])
    angle = math.radians(12)
    pred = cameras([0, 6], [(0, 0, 0), (math.cos(angle), math.sin(angle), 0)])
    assert pose_errors(pred, true).auc.mean == pytest.approx(1 - 12 / 30)
    assert pose_errors(cameras([0, 45], [(0, 0, 0), (1, 0, 0)]), true).auc.mean == 0


def test_pairs_without_a_baseline_have_no_direction():
    true = cameras([0, 10, 20], [(0, 0, 0), (0, 0, 0), (1, 0, 0)])
    errors = pose_errors(true, true)
    assert errors.rotation.tally.count == 3
    assert errors.translation.tally.count == errors.auc.tally.count == 2
    assert pose_errors(true, true, min_baseline=2.0).translation.tally.count == 0


def test_single_views_have_no_pairs():
    errors = pose_errors(TRUE[:1], TRUE[:1])
    assert errors.rotation.tally.count == 0
    assert math.isnan(errors.rotation.mean)


def test_focal_error_is_relative_and_averages_both_axes():
    pred = cameras([0], [(0, 0, 0)], focal=110.0)
    intrinsics = pred.intrinsics.clone()
    intrinsics[..., 1, 1] = 70.0
    pred = Cameras(world_from_cam=pred.world_from_cam, intrinsics=intrinsics, image_hw=pred.image_hw)
    assert focal_error(pred, TRUE[:1]).mean == pytest.approx(0.2)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ConfigError, match="batch shape"):
        pose_errors(TRUE[:2], TRUE)
    with pytest.raises(ConfigError, match="image size"):
        focal_error(TRUE.resized((96, 128)), TRUE)
