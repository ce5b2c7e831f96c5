"""A smooth pattern on a slope, seen by known cameras: pictures and depth in closed form."""

import torch

from mda.geometry import Cameras, camera_rays, matrix_from_quaternion

HW = (96, 128)


def seen_slope(count=3, *, hw=HW, step=0.3) -> tuple[torch.Tensor, torch.Tensor, Cameras]:
    """Pictures [v, h, w, 3], depth [v, h, w], cameras; the slope is z = 4 + x / 2 + y / 3."""
    pose = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    for number in range(count):
        turn = torch.tensor([0.01, -0.02, 0.03, 1.0], dtype=torch.float64) * torch.tensor([number, number, number, 1.0])
        pose[number, :3, :3] = matrix_from_quaternion(turn)
        pose[number, :3, 3] = step * number * torch.tensor([1.0, 0.3, 0.2], dtype=torch.float64)
    fov = torch.tensor([0.8, 1.0], dtype=torch.float64).repeat(count, 1)
    cameras = Cameras.from_fov(pose, fov, hw)
    rays = camera_rays(cameras) @ cameras.world_from_cam[:, None, :3, :3].transpose(-1, -2)
    start = cameras.centers[:, None, None]
    normal = torch.tensor([-1 / 2, -1 / 3, 1.0], dtype=torch.float64)
    depth = (4 - start @ normal) / (rays @ normal)
    x, y, _ = (start + depth[..., None] * rays).unbind(-1)
    pattern = (3 * x).sin() + (4 * y + x).sin() + (1.7 * x - 2.3 * y + 1).sin()
    grey = (127 + 40 * pattern).round().clamp(0, 255).to(torch.uint8)
    return grey[..., None].expand(*grey.shape, 3).contiguous(), depth.float(), cameras
