from dataclasses import replace

import pytest
import torch

from mda.losses.prepare import prepare
from tests.unit.losses.scenes import leaves, targets


def test_a_clean_batch_passes_unchanged():
    output, truth = leaves().output(), targets()
    scene = prepare(output, truth)
    assert scene.mixture.locs is output.mixture.locs
    assert scene.finite.all()
    assert torch.equal(scene.known, truth.valid)
    assert torch.equal(scene.sky, truth.sky)
    assert torch.equal(scene.unlabelled, ~truth.valid & ~truth.sky)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 0.0, -2.0, 1e20])
def test_impossible_depth_is_not_known(bad):
    truth = targets()
    truth.depth[0, 0, 20, 3] = bad
    scene = prepare(leaves().output(), truth)
    expected = truth.valid.clone()
    expected[0, 0, 20, 3] = False
    assert torch.equal(scene.known, expected)
    assert scene.target.isfinite().all()


@pytest.mark.parametrize("field", ["locs", "scales", "log_weights"])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_predictions_that_are_not_finite_are_left_out(field, bad):
    output = leaves().output()
    numbers = getattr(output.mixture, field).detach().clone()
    numbers[1, 0, 2, 5, 1] = bad
    numbers.requires_grad_()
    scene = prepare(replace(output, mixture=replace(output.mixture, **{field: numbers})), targets())
    assert (~scene.finite).nonzero().tolist() == [[1, 0, 2, 5]]
    cleaned = getattr(scene.mixture, field)
    assert cleaned.isfinite().all()
    cleaned.sum().backward()
    assert (numbers.grad == 0).sum() == 3
    assert not (scene.known | scene.sky | scene.not_sky | scene.unlabelled)[1, 0, 2, 5]


def test_sky_odds_that_are_not_finite_are_left_out():
    output = leaves().output()
    odds = output.sky_log_odds.detach().clone()
    odds[0, 1, 3, 3] = torch.nan
    scene = prepare(replace(output, sky_log_odds=odds), targets())
    assert (~scene.finite).nonzero().tolist() == [[0, 1, 3, 3]]
    assert scene.sky_log_odds.isfinite().all()


def test_where_sky_and_depth_are_both_said_depth_is_believed():
    truth = targets()
    scene = prepare(leaves().output(), replace(truth, valid=torch.ones_like(truth.valid)))
    assert not scene.sky.any()
    assert scene.not_sky.all()


def test_cameras_and_encoding_are_made_from_each_other():
    output, truth = leaves().output(), targets()
    only_code = prepare(replace(output, cameras=None), truth)
    only_cameras = prepare(replace(output, pose_encoding=None), truth)
    assert torch.allclose(only_code.cameras.world_from_cam, output.cameras.world_from_cam)
    # The quaternion comes back with length one; the rest is the same.
    assert torch.allclose(only_cameras.encoding[..., :3], output.pose_encoding[..., :3])
    assert torch.allclose(only_cameras.encoding[..., 7:], output.pose_encoding[..., 7:])


def test_half_precision_is_raised_to_single():
    output = leaves().output()
    scene = prepare(replace(output, mixture=output.mixture.to(torch.bfloat16)), targets())
    assert scene.mixture.locs.dtype == torch.float32
