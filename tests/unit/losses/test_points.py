from dataclasses import replace

import pytest
import torch

from mda.geometry import Cameras, points_from_depth
from mda.losses.points import point_errors
from mda.losses.reduce import median_per_clip
from tests.unit.losses.scenes import targets


def scene():
    truth = targets()
    turned = truth.cameras.world_from_cam.clone()
    turned[:, 1, :3, :3] = torch.linalg.matrix_exp(torch.tensor([[0.0, -0.2, 0.1], [0.2, 0.0, 0.3], [-0.1, -0.3, 0.0]]))
    return truth.depth, replace(truth.cameras, world_from_cam=turned), truth.valid


def test_the_truth_has_no_error():
    depth, cameras, valid = scene()
    errors = point_errors(depth, cameras, depth, cameras, valid)
    assert errors.distance.tally().mean < 1e-6
    assert torch.allclose(median_per_clip(errors.ratio), torch.ones(2))


def test_one_factor_per_clip_does_not_matter():
    depth, cameras, valid = scene()
    factor = torch.tensor([0.5, 3.0])
    pred_cameras = cameras.scaled(factor[:, None].expand(2, 2))
    errors = point_errors(depth * factor[:, None, None, None], pred_cameras, depth, cameras, valid)
    assert errors.distance.tally().mean < 1e-6
    assert torch.allclose(median_per_clip(errors.ratio), 1 / factor)


def test_points_are_those_of_the_geometry():
    depth, cameras, valid = scene()
    pred = depth * 1.1
    pred_cameras = Cameras.from_fov(cameras.world_from_cam, cameras.fov * 1.05, cameras.image_hw)
    errors = point_errors(pred, pred_cameras, depth, cameras, valid)
    true, points = points_from_depth(depth, cameras), points_from_depth(pred, pred_cameras)
    assert torch.allclose(errors.ratio.values, true.norm(dim=-1) / points.norm(dim=-1), atol=1e-5)
    scale = median_per_clip(errors.ratio)[:, None, None, None, None]
    assert torch.allclose(errors.distance.values, (true - scale * points).norm(dim=-1), atol=1e-5)


def test_published_pixel_centres_are_half_a_pixel_off():
    depth, cameras, valid = scene()
    errors = point_errors(depth, cameras, depth, cameras, valid, integer_pixel_centers=True)
    pixel = 1 / cameras.intrinsics[0, 0, 0, 0]
    assert errors.distance.tally().mean > 0.4 * pixel
    # The bias is exactly that of a principal point moved by half a pixel.
    shifted = cameras.intrinsics.clone()
    shifted[..., :2, 2] += 0.5
    same = point_errors(depth, replace(cameras, intrinsics=shifted), depth, cameras, valid)
    assert torch.allclose(errors.distance.values, same.distance.values, atol=1e-6)


@pytest.mark.parametrize(
    "spoil", [lambda m: m * torch.nan, lambda m: m * 1e20, torch.zeros_like], ids=["nan", "huge", "singular"]
)
@pytest.mark.parametrize("side", ["predicted", "true"])
def test_views_with_unusable_cameras_are_left_out(spoil, side):
    depth, cameras, valid = scene()
    intrinsics = cameras.intrinsics.clone()
    intrinsics[0, 1] = spoil(intrinsics[0, 1])
    intrinsics.requires_grad_()
    broken = replace(cameras, intrinsics=intrinsics)
    pair = (broken, cameras) if side == "predicted" else (cameras, broken)
    pred = depth.clone().requires_grad_()
    errors = point_errors(pred, pair[0], depth, pair[1], valid)
    assert errors.distance.mask.flatten(2).any(-1).tolist() == [[True, False], [True, True]]
    errors.distance.tally().mean.backward()
    assert pred.grad.isfinite().all()
    if side == "predicted":
        assert intrinsics.grad.isfinite().all()


def test_a_point_at_the_origin_has_a_finite_gradient():
    depth, cameras, valid = scene()
    pred = torch.zeros_like(depth).requires_grad_()
    errors = point_errors(pred, cameras, depth, cameras, valid)
    (errors.distance.tally().mean + errors.ratio.tally().mean).backward()
    assert pred.grad.isfinite().all()
