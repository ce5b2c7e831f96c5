import math
from dataclasses import replace

import pytest
import torch

from mda.losses.gradient import gradient_error
from tests.unit.losses.scenes import targets


def scene(shape=(1, 1, 20, 26)):
    truth = targets(shape=shape)
    # A gentle slope with one step along the width.
    depth = 1 + 0.01 * torch.arange(shape[-1]).expand(shape) + 0.004 * torch.arange(shape[-2])[:, None]
    depth = depth + 2.0 * (torch.arange(shape[-1]) > 12)
    return depth, torch.ones(shape, dtype=torch.bool), truth.cameras


def transposed(cameras):
    axes = torch.tensor([1, 0, 2])
    return replace(cameras, intrinsics=cameras.intrinsics[..., axes, :][..., axes], image_hw=cameras.image_hw[::-1])


def plain(depth, target, mask, cameras, *, along_width, mask_weights):
    """The definition, pixel by pixel, for one view."""
    height, width = depth.shape
    fx, fy = cameras.intrinsics[0, 0, 0, 0].item(), cameras.intrinsics[0, 0, 1, 1].item()
    levels = []
    for step in (1, 2, 4, 8):
        rows, columns = list(range(0, height, step)), list(range(0, width, step))
        total, count = 0.0, sum(bool(mask[r, c]) for r in rows for c in columns)
        for axis in (0, 1):
            weights, errors = {}, {}
            for i, r in enumerate(rows):
                for j, c in enumerate(columns):
                    i0, j0 = (i - 1, j) if axis == 0 else (i, j - 1)
                    if i0 < 0 or j0 < 0:
                        continue
                    r0, c0 = rows[i0], columns[j0]
                    across = target[r, c - 1].item() / fx if c else 1.0
                    down = target[r - 1, c].item() / fy if r else 1.0
                    spacing = math.hypot(across, down) * step
                    both = bool(mask[r, c] and mask[r0, c0])
                    slope = abs((target[r, c] - target[r0, c0]).item()) / spacing
                    weights[i, j] = math.exp(-((2 * slope) ** 2)) if both or not mask_weights else 0.0
                    e = ((depth[r, c] - target[r, c]) - (depth[r0, c0] - target[r0, c0])).abs().item()
                    errors[i, j] = e if both else 0.0
            for (i, j), e in errors.items():
                near = [(i, j + n) if axis == 1 or along_width else (i + n, j) for n in range(-2, 3)]
                total += e * min(weights[key] for key in near if key in weights)
        levels.append(total / max(count, 1))
    return sum(levels) / 4


@pytest.mark.parametrize("along_width", [False, True])
@pytest.mark.parametrize("mask_weights", [False, True])
def test_it_is_the_definition(along_width, mask_weights):
    depth, mask, cameras = scene()
    mask[..., 3:5, 4:7] = False
    pred = depth + 0.1 * torch.rand_like(depth)
    options = {"mask_weights": mask_weights}
    found = gradient_error(pred, depth, mask, cameras, erosion_along_width=along_width, **options)
    expected = plain(pred[0, 0], depth[0, 0], mask[0, 0], cameras, along_width=along_width, **options)
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_a_constant_offset_costs_nothing_and_noise_does():
    depth, mask, cameras = scene()
    assert gradient_error(depth + 3, depth, mask, cameras).item() == pytest.approx(0, abs=1e-6)
    assert gradient_error(depth + 0.1 * torch.rand_like(depth), depth, mask, cameras) > 0.01


@pytest.mark.parametrize(("along_width", "same"), [(False, True), (True, False)])
def test_turning_the_image_makes_no_difference_by_default(along_width, same):
    depth, mask, cameras = scene()
    pred = depth + 0.1 * torch.rand_like(depth)
    upright = gradient_error(pred, depth, mask, cameras, erosion_along_width=along_width)
    lying = gradient_error(pred.mT, depth.mT, mask.mT, transposed(cameras), erosion_along_width=along_width)
    assert (abs(upright - lying) < 1e-6) == same


@pytest.mark.parametrize(("mask_weights", "same"), [(True, True), (False, False)])
def test_numbers_where_depth_is_unknown_make_no_difference_by_default(mask_weights, same):
    depth, mask, cameras = scene()
    mask[..., 5:9, 2:6] = False
    pred = depth + 0.1 * torch.rand_like(depth)
    one, other = (
        gradient_error(pred, torch.where(mask, depth, number), mask, cameras, mask_weights=mask_weights)
        for number in (-1.0, depth)
    )
    assert (abs(one - other) < 1e-6) == same


@pytest.mark.parametrize("shape", [(1, 1, 1, 9), (1, 1, 9, 1), (1, 1, 1, 1)])
def test_lines_and_points_are_finite(shape):
    depth, mask, cameras = scene(shape)
    assert gradient_error(depth * 1.1, depth, mask, cameras).isfinite()
