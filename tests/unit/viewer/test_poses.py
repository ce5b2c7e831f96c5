"""Poses: from cameras and back, turning, and the way between two."""

import math

import numpy as np
import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, project
from mda.viewer.poses import Pose, between, pose_from, pose_of_camera

STRAIGHT = Pose(position=(0.0, 0.0, 0.0), wxyz=(1.0, 0.0, 0.0, 0.0), fov=1.0)


def random_camera():
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.from_numpy(rotation * np.linalg.det(rotation))
    pose[:3, 3] = torch.tensor([1.0, 2.0, 3.0])
    return Cameras.from_fov(pose, torch.tensor([0.8, 1.0], dtype=torch.float64), (48, 64))


def test_a_camera_and_back():
    camera = random_camera()
    pose = pose_of_camera(camera)
    again = pose.cameras((48, 64))
    torch.testing.assert_close(again.world_from_cam, camera.world_from_cam)
    assert float(again.fov[0]) == pytest.approx(0.8)
    np.testing.assert_allclose(pose.forward, camera.world_from_cam[:3, 2].numpy(), atol=1e-12)


def test_pixels_are_square():
    intrinsics = STRAIGHT.cameras((100, 300)).intrinsics
    assert float(intrinsics[0, 0]) == pytest.approx(float(intrinsics[1, 1]))


def test_turning():
    # A point above the axis comes to the centre when the camera tilts up to it.
    up = STRAIGHT.turned(tilt=0.3)
    point = torch.tensor([[0.0, -math.sin(0.3), math.cos(0.3)]], dtype=torch.float64)
    pixel, _ = project(point, up.cameras((100, 100)))
    np.testing.assert_allclose(pixel.numpy(), [[50, 50]], atol=1e-9)
    # Rolling clockwise turns what was on the right to the top.
    pixel, _ = project(
        torch.tensor([[0.1, 0.0, 1.0]], dtype=torch.float64), STRAIGHT.turned(roll=math.pi / 2).cameras((100, 100))
    )
    assert pixel[0, 0] == pytest.approx(50)
    assert pixel[0, 1] < 50
    assert STRAIGHT.turned(fov=0.5).fov == 0.5


def test_half_way():
    quarter = pose_from(np.array([2.0, 0, 0]), STRAIGHT.turned(roll=math.pi / 2).rotation, 0.5)
    middle = between(STRAIGHT, quarter, 0.5)
    np.testing.assert_allclose(middle.rotation, STRAIGHT.turned(roll=math.pi / 4).rotation, atol=1e-12)
    assert middle.position == (1.0, 0.0, 0.0)
    assert middle.fov == 0.75
    # The same rotation written with the other sign is no detour.
    w, x, y, z = quarter.wxyz
    other = Pose(position=quarter.position, wxyz=(-w, -x, -y, -z), fov=0.5)
    np.testing.assert_allclose(between(STRAIGHT, other, 0.5).rotation, middle.rotation, atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"position": (math.nan, 0.0, 0.0)},
        {"wxyz": (0.0, 0.0, 0.0, 0.0)},
        {"wxyz": (math.inf, 0.0, 0.0, 0.0)},
        {"fov": 0.0},
        {"fov": 4.0},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(ConfigError, match="A view needs"):
        Pose(**{"position": (0.0, 0.0, 0.0), "wxyz": (1.0, 0.0, 0.0, 0.0), "fov": 1.0, **wrong})
