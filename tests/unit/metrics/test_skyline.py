import math

import pytest
import torch

from mda.metrics import EdgeTruth, SkylineNeighbourhoods, Tally, skyline_scores
from tests.unit.metrics.step_scene import HEIGHT, WIDTH, skyline_truth

WALL = 3.0
PIXELS = 2 * WIDTH


def score(depth, predicted_sky, truth):
    scores = skyline_scores(depth, predicted_sky, SkylineNeighbourhoods.of(truth))
    return {name: getattr(scores, name).tally for name in ("flying", "wrong_side", "unscored")}


def test_right_depth_and_right_sky_have_no_fault():
    truth, sky = skyline_truth()
    depth = torch.full((1, HEIGHT, WIDTH), WALL)
    assert score(depth, sky, truth) == dict.fromkeys(("flying", "wrong_side", "unscored"), Tally(sum=0.0, count=PIXELS))


def test_without_a_sky_mask_far_sky_flies_and_near_sky_is_wrong_side():
    truth, sky = skyline_truth()
    far = torch.where(sky, 50.0, WALL)
    assert score(far, None, truth)["flying"].mean == 0.5
    assert score(far, None, truth)["wrong_side"].mean == 0
    near = torch.full_like(far, WALL)
    assert score(near, None, truth)["flying"].mean == 0
    assert score(near, None, truth)["wrong_side"].mean == 0.5


def test_blurred_wall_pixels_fly_unless_called_sky_which_is_wrong_side():
    truth, sky = skyline_truth()
    blurred = torch.full((1, HEIGHT, WIDTH), WALL)
    blurred[:, 6] = 2 * WALL
    assert score(blurred, sky, truth)["flying"].mean == 0.5
    called = sky.clone()
    called[:, 6] = True
    found = score(blurred, called, truth)
    assert (found["flying"].mean, found["wrong_side"].mean) == (0, 0.5)


@pytest.mark.parametrize(("behind", "rate"), [(1.09, 0), (1.11, 0.5)])
def test_flying_begins_a_tenth_behind_the_own_surface(behind, rate):
    truth, sky = skyline_truth()
    depth = torch.full((1, HEIGHT, WIDTH), 7.0)
    depth[:, 6] = 7.0 * behind
    assert score(depth, sky, truth)["flying"].mean == rate


def test_unusable_depth_is_unscored_unless_called_sky():
    truth, sky = skyline_truth()
    depth = torch.full((1, HEIGHT, WIDTH), WALL)
    depth[sky] = math.inf
    assert score(depth, sky, truth)["unscored"].sum == 0
    assert score(depth, None, truth)["unscored"].sum == WIDTH


def test_another_surface_nearby_does_not_move_the_own_depth():
    depth = torch.full((1, HEIGHT, WIDTH), WALL)
    depth[..., 7:, :] = 1.0
    sky = torch.zeros_like(depth, dtype=torch.bool)
    sky[:, :4] = True
    truth = EdgeTruth.from_depth(depth, ~sky, sky=sky)
    around = SkylineNeighbourhoods.of(truth)
    assert around.front.any()
    assert around.windows.of(depth)[around.front].unique().tolist() == [WALL]


def test_no_skyline_is_nan():
    depth = torch.ones(1, 4, 4)
    truth = EdgeTruth.from_depth(depth, torch.ones_like(depth, dtype=torch.bool))
    assert math.isnan(score(depth, None, truth)["flying"].mean)
