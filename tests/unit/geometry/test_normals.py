"""Normals of planes, of a step, and where there is nothing to tell them from."""

import torch

from mda.geometry import Cameras, camera_rays, normals_from_depth

HW = (12, 16)


def camera(pose: torch.Tensor | None = None) -> Cameras:
    pose = torch.eye(4) if pose is None else pose
    return Cameras.from_fov(pose, torch.tensor([0.8, 1.0]), HW)


def plane_depth(normal: torch.Tensor, distance: float) -> torch.Tensor:
    """Depth of the plane n . x = distance, in camera axes."""
    return distance / (camera_rays(camera()) @ normal)


def test_a_plane_has_its_normal_towards_the_camera_at_every_pixel() -> None:
    normal = torch.nn.functional.normalize(torch.tensor([0.3, -0.4, 0.8]), dim=0)
    depth = plane_depth(normal, 2.0)
    found = normals_from_depth(depth, torch.ones(HW, dtype=torch.bool), camera())
    torch.testing.assert_close(found, -normal.expand(*HW, 3), atol=1e-4, rtol=0)


def test_normals_turn_with_the_camera() -> None:
    pose = torch.eye(4)
    pose[:3, :3] = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    pose[:3, 3] = torch.tensor([5.0, -2.0, 1.0])
    depth = plane_depth(torch.tensor([0.0, 0.0, 1.0]), 3.0)
    found = normals_from_depth(depth, torch.ones(HW, dtype=torch.bool), camera(pose))
    torch.testing.assert_close(found, torch.tensor([-1.0, 0.0, 0.0]).expand(*HW, 3), atol=1e-5, rtol=0)


def test_steps_do_not_cross_a_discontinuity() -> None:
    depth = torch.full(HW, 2.0)
    depth[:, 8:] = 5.0
    found = normals_from_depth(depth, torch.ones(HW, dtype=torch.bool), camera())
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, -1.0]).expand(*HW, 3), atol=1e-5, rtol=0)


def test_invalid_and_lonely_pixels_have_none() -> None:
    valid = torch.zeros(HW, dtype=torch.bool)
    valid[3, 4] = True
    valid[6:9, 6:9] = True
    depth = torch.where(valid, 2.0, torch.nan)
    found = normals_from_depth(depth, valid, camera())
    known = found.norm(dim=-1) > 0
    assert not known[3, 4]
    assert known[6:9, 6:9].all()
    assert known.sum() == 9
    assert found.isfinite().all()


def test_a_single_row_has_no_normals() -> None:
    row = Cameras.from_fov(torch.eye(4), torch.tensor([0.1, 1.0]), (1, 16))
    assert not normals_from_depth(torch.ones(1, 16), torch.ones(1, 16, dtype=torch.bool), row).any()
