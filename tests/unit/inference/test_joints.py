from dataclasses import replace

import pytest
import torch

from mda.geometry import Cameras, Similarity
from mda.inference.joints import Anchors, Progress, join
from tests.unit.geometry.test_similarity import turn


@pytest.fixture
def anchors() -> Anchors:
    generator = torch.Generator().manual_seed(0)
    pose = torch.eye(4).repeat(3, 1, 1)
    pose[1, :3, :3], pose[1, 0, 3] = turn(10).float(), 0.5
    pose[2, :3, :3], pose[2, 1, 3] = turn(-15).float(), -0.7
    depth = 2 + torch.rand(3, 12, 16, generator=generator) * 6
    cameras = Cameras.from_fov(pose, torch.full((3, 2), 1.0), (12, 16))
    return Anchors.of((4, 5, 6), depth, torch.full_like(depth, 0.8), None, cameras)


@pytest.fixture
def world() -> Similarity:
    return Similarity(scale=2.5, rotation=turn(100), translation=torch.tensor([3.0, 0.0, -1.0], dtype=torch.float64))


def test_the_world_of_a_window_is_found(anchors, world) -> None:
    found, joint = join(anchors.moved(world), anchors, 7)
    assert found.scale == pytest.approx(2.5, rel=1e-5)
    torch.testing.assert_close(found.rotation, world.rotation, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.translation, world.translation, atol=1e-4, rtol=0)
    assert (joint.view, joint.anchors) == (7, 3)
    assert joint.rotation_degrees == pytest.approx(100, abs=1e-3)
    assert joint.inliers == 1
    for residual in (joint.residual_points, joint.residual_scale, joint.residual_translation):
        assert residual < 1e-5
    assert joint.residual_rotation_degrees < 1e-2


def test_sky_and_nonsense_have_no_say(anchors, world) -> None:
    sky = torch.zeros(3, 12, 16)
    sky[:, :5] = 1
    depth = anchors.depth.clone()
    depth[:, :5] = 500
    depth[:, 6, :3] = torch.tensor([float("nan"), float("inf"), -1.0])
    seen = Anchors.of(anchors.numbers, depth, anchors.trust, sky, anchors.cameras)
    assert (seen.trust[:, :5] == 0).all()
    assert (seen.trust[:, 6, :3] == 0).all()
    found, joint = join(anchors.moved(world), seen, 7)
    assert found.scale == pytest.approx(2.5, rel=1e-5)
    assert joint.inliers == 1


def test_wrong_depth_at_a_minority_of_pixels_has_no_say_and_is_reported(anchors, world) -> None:
    depth = anchors.depth.clone()
    depth[:, :3] *= 1.6
    found, joint = join(anchors.moved(world), replace(anchors, depth=depth), 7)
    assert found.scale == pytest.approx(2.5, rel=1e-3)
    assert 0.7 < joint.inliers < 0.8


def test_trust_decides_between_halves_that_disagree(anchors, world) -> None:
    depth, trust = anchors.depth.clone(), anchors.trust.clone()
    depth[..., :9] *= 1.6
    trust[..., :9] = 0.05
    found, _ = join(anchors.moved(world), replace(anchors, depth=depth, trust=trust), 7)
    assert found.scale == pytest.approx(2.5, rel=1e-3)


def test_cameras_that_disagree_with_the_points_show_in_the_report(anchors, world) -> None:
    pose = anchors.cameras.world_from_cam.clone()
    pose[2, :3, :3] = pose[2, :3, :3] @ turn(8).float()
    known = anchors.moved(world)
    seen = replace(anchors, cameras=replace(anchors.cameras, world_from_cam=pose))
    _, joint = join(known, seen, 7)
    assert 4 < joint.residual_rotation_degrees < 12


def test_where_nothing_is_trusted_the_cameras_decide(anchors, world) -> None:
    nothing = replace(anchors, trust=torch.zeros_like(anchors.trust))
    found, joint = join(anchors.moved(replace(world, scale=1.0)), nothing, 7)
    assert found.scale == 1
    torch.testing.assert_close(found.rotation, world.rotation, atol=1e-5, rtol=0)
    assert joint.residual_translation < 1e-5


def test_progress_survives_a_file(anchors, world) -> None:
    _, joint = join(anchors.moved(world), anchors, 7)
    for joints in ((), (joint, replace(joint, view=9))):
        progress = Progress(next_view=7, anchors=anchors, joints=joints)
        again = Progress.from_arrays(progress.as_arrays())
        assert (again.next_view, again.joints, again.anchors.numbers) == (7, joints, (4, 5, 6))
        assert torch.equal(again.anchors.depth, anchors.depth)
        assert torch.equal(again.anchors.trust, anchors.trust)
        assert torch.equal(again.anchors.cameras.world_from_cam, anchors.cameras.world_from_cam)
        assert again.anchors.cameras.image_hw == (12, 16)
