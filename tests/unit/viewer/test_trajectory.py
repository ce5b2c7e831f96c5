"""Ways of the virtual camera."""

import math

import numpy as np
import pytest

from mda.errors import ConfigError
from mda.viewer.poses import Pose, pose_from
from mda.viewer.trajectory import along, frame_count, orbit, through
from tests.unit.viewer.test_poses import random_camera


def key(x, *, roll=0.0, fov=1.0):
    pose = Pose(position=(x, x * x, 0.0), wxyz=(1.0, 0.0, 0.0, 0.0), fov=fov)
    return pose.turned(roll=roll)


KEYS = [key(0.0), key(1.0, roll=0.4), key(2.0, roll=0.8, fov=0.5), key(3.0, roll=0.6)]


def positions(poses):
    return np.array([pose.position for pose in poses])


def test_a_film_has_at_least_two_pictures():
    assert frame_count(8.0, 24.0) == 192
    assert frame_count(0.01, 1.0) == 2


@pytest.mark.parametrize("smooth", [True, False])
def test_the_way_passes_the_keypoints_in_equal_time(smooth):
    poses = through(KEYS, 31, smooth=smooth)
    assert len(poses) == 31
    for number, expected in enumerate(KEYS):
        found = poses[10 * number]
        np.testing.assert_allclose(found.position, expected.position, atol=1e-9)
        np.testing.assert_allclose(found.rotation, expected.rotation, atol=1e-9)
        assert found.fov == pytest.approx(expected.fov)


@pytest.mark.parametrize("smooth", [True, False])
def test_a_loop_comes_back_without_a_halt(smooth):
    poses = through(KEYS, 40, loop=True, smooth=smooth)
    np.testing.assert_allclose(poses[30].position, KEYS[3].position, atol=1e-9)
    assert poses[-1].position != poses[0].position
    steps = np.linalg.norm(np.diff(positions([*poses, poses[0]]), axis=0), axis=-1)
    assert steps[-1] > 0.05


def test_straight_ways_are_linear_and_smooth_ones_have_no_jerk():
    straight = positions(through(KEYS, 31, smooth=False))
    np.testing.assert_allclose(np.diff(straight[:11], 2, axis=0), 0, atol=1e-12)
    smooth = positions(through(KEYS, 3001, smooth=True))
    assert np.abs(np.diff(smooth, 2, axis=0)).max() < 1e-5
    assert np.abs(np.diff(positions(through(KEYS, 3001, smooth=False)), 2, axis=0)).max() > 1e-3


def test_smooth_rotations_take_the_short_way_whatever_the_sign_of_the_quaternion():
    w, x, y, z = KEYS[1].wxyz
    flipped = [KEYS[0], Pose(position=KEYS[1].position, wxyz=(-w, -x, -y, -z), fov=1.0), *KEYS[2:]]
    for first, second in zip(through(KEYS, 31), through(flipped, 31), strict=True):
        np.testing.assert_allclose(first.rotation, second.rotation, atol=1e-9)


def test_two_keypoints_make_a_straight_way():
    poses = through(KEYS[:2], 5)
    np.testing.assert_allclose(positions(poses)[:, 0], [0, 0.25, 0.5, 0.75, 1], atol=1e-9)
    with pytest.raises(ConfigError, match="at least two keypoints; there are 1"):
        through(KEYS[:1], 5)


def test_an_orbit_keeps_its_distance_and_its_sight():
    center = np.array([0.0, 0.0, 4.0])
    start = Pose(position=(0.0, 0.0, 0.0), wxyz=(1.0, 0.0, 0.0, 0.0), fov=1.0)
    poses = orbit(start, center, 8)
    np.testing.assert_allclose(np.linalg.norm(positions(poses) - center, axis=-1), 4.0)
    for pose in poses:
        np.testing.assert_allclose(pose.forward, (center - np.array(pose.position)) / 4, atol=1e-9)
        np.testing.assert_allclose(pose.up, start.up, atol=1e-9)
    np.testing.assert_allclose(poses[4].position, (0, 0, 8), atol=1e-9)
    # Full turns begin anew one step after their end; swings go both ways.
    assert poses[0].position == start.position
    swing = positions(orbit(start, center, 8, degrees=90.0))
    assert swing[2, 0] == pytest.approx(-swing[6, 0])
    assert abs(swing[2, 0]) == pytest.approx(4 * math.sin(math.radians(45)))


def test_along_the_cameras_of_a_run():
    camera = random_camera()
    assert len(along([camera, None, camera], 5)) == 5
    assert along([camera], 3)[0] == along([camera], 3)[2]
    with pytest.raises(ConfigError, match="no camera"):
        along([None], 3)
    assert pose_from(np.zeros(3), np.eye(3), 1.0).fov == 1.0
