"""What lies under the pointer."""

import math

import numpy as np
import pytest
import torch

from mda.viewer.picking import distance, pixel_on_ray, point_on_ray
from mda.viewer.poses import Pose
from mda.viewer.samples import samples_of
from tests.unit.viewer.walls import SIZE, wall_view

ORIGIN, AHEAD = np.zeros(3), np.array([0.0, 0.0, 2.0])


def points(*rows):
    return np.array(rows, np.float32)


def test_the_first_point_on_the_ray_is_meant():
    assert point_on_ray(points([0, 0, 5], [0, 0, 2], [0, 0, -1], [0.5, 0, 1]), ORIGIN, AHEAD) == 1


def test_a_near_miss_is_forgiven_and_a_far_one_is_not():
    assert point_on_ray(points([0.01, 0, 1], [0.3, 0, 1]), ORIGIN, AHEAD) == 0
    assert point_on_ray(points([0.03, 0, 1]), ORIGIN, AHEAD) is None
    assert point_on_ray(points([0, 0, -1]), ORIGIN, AHEAD) is None
    assert point_on_ray(np.zeros((0, 3), np.float32), ORIGIN, AHEAD) is None
    assert point_on_ray(points([0, 0, 1]), ORIGIN, np.zeros(3)) is None


@pytest.mark.parametrize("pixel", [0, 17, 1234, SIZE[0] * SIZE[1] - 1])
def test_every_point_of_a_view_finds_itself(pixel):
    samples = samples_of(wall_view(1), 1, np.arange(SIZE[0] * SIZE[1]))
    positions = samples.points_at(samples.depth)
    eye = samples.centers[0].astype(float)
    assert point_on_ray(positions, eye, positions[pixel] - eye) == pixel


def test_the_pixel_of_a_picture_that_a_ray_meets():
    pose = Pose(position=(1.0, 2.0, 3.0), wxyz=(0.9, 0.1, -0.2, 0.3), fov=0.8)
    camera = pose.cameras((30, 40))
    plane, rotation, center = 0.5, pose.rotation, np.array(pose.position)
    focal = float(camera.intrinsics[0, 0])
    # The corner pixels and one in the middle, seen from an eye behind the camera.
    for row, column in ((0, 0), (29, 39), (12, 21)):
        local = np.array([(column + 0.5 - 20) / focal, (row + 0.5 - 15) / focal, 1.0]) * plane
        target = rotation @ local + center
        eye = center - 2 * pose.forward + np.array([0.1, 0.2, 0.0])
        assert pixel_on_ray(camera, plane, eye, target - eye) == (row, column)
        assert pixel_on_ray(camera, plane, eye, eye - target) is None
    assert pixel_on_ray(camera, plane, center, pose.up) is None
    assert pixel_on_ray(camera, plane, center, pose.forward + 3 * pose.up) is None
    assert camera.world_from_cam.dtype == torch.float64


def test_distance():
    assert distance(np.array([1.0, 1.0, 1.0]), np.array([2.0, 3.0, 3.0])) == pytest.approx(3.0)
    assert math.isclose(distance(ORIGIN, AHEAD), 2.0)
