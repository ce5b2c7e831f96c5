"""Boundary scores of scenes made by hand: a box before a wall, seen by two cameras side by side."""

import math

import numpy as np
import pytest
import torch

from mda.errors import InputError
from mda.evaluation.benchmark import Frame, FrameTruth, Scene
from mda.evaluation.boundary import MASKS, blurred, score_scene

HEIGHT, WIDTH, FOCAL = 48, 64, 60.0


class Depths:
    """A prediction made of arrays."""

    def __init__(self, depths):
        self.depths = [depth.astype(np.float32) for depth in depths]
        self.names = tuple(map(str, range(len(depths))))

    def __len__(self):
        return len(self.depths)

    def depth(self, position):
        return self.depths[position]

    def confidence(self, position):
        del position

    sky = mixture = confidence


def box(left, *, flat=False):
    """A box of 1.5 m before a wall that bends from 3 to 3.2 m."""
    depth = np.broadcast_to(3 + 0.2 * np.linspace(0, 1, HEIGHT)[:, None] ** 2, (HEIGHT, WIDTH)).astype(np.float32)
    if not flat:
        depth = depth.copy()
        depth[14:34, left : left + 20] = 1.5
    return depth


def scene(depths, *, dataset="nrgbd", name="room"):
    frames = []
    for number, depth in enumerate(depths):
        pose = np.eye(4)
        pose[0, 3] = 0.1 * number
        truth = FrameTruth(
            depth=depth,
            mask=depth > 0,
            intrinsics=np.array([[FOCAL, 0, WIDTH / 2 + 0.5], [0, FOCAL, HEIGHT / 2 + 0.5], [0, 0, 1.0]]),
            world_from_cam=pose,
        )
        frames.append(Frame(name=f"{number}.png", read_image=lambda: None, read_truth=lambda truth=truth: truth))
    return Scene(dataset=dataset, name=name, frames=tuple(frames))


def scores(truths, predictions, *, published=False, masks=MASKS, **options):
    found = score_scene(scene(truths, **options), "clean", Depths(predictions), published=published, masks=masks)
    return {score.setting["mask"]: score for score in found}


TRUTHS = [box(22), box(18)]


@pytest.mark.parametrize("published", [True, False])
def test_the_truth_is_perfect(published):
    for mask, score in scores(TRUTHS, TRUTHS, published=published).items():
        for name in ("acc", "comp", "chamfer", "acc_med", "comp_med"):
            assert score.values[name].value == pytest.approx(0, abs=2e-6), (mask, name)
        if mask == "all":  # thin curves have no normals
            assert score.values["nc"].value == pytest.approx(1, abs=1e-4)
        assert score.tallies["acc_of_points"].count == score.details["points"]


def test_scale_and_shift_of_the_prediction_do_not_matter_in_the_corrected_protocol():
    noise = np.random.default_rng(0).normal(0, 0.02, (2, HEIGHT, WIDTH))
    predictions = [truth + each for truth, each in zip(TRUTHS, noise, strict=True)]
    first = scores(TRUTHS, predictions)
    second = scores(TRUTHS, [0.3 * prediction + 0.7 for prediction in predictions])
    for mask, score in first.items():
        assert score.values["acc"].value > 1e-3
        for name in ("acc", "comp"):
            assert second[mask].values[name].value == pytest.approx(score.values[name].value, rel=1e-3)


def test_flying_points_cost_accuracy_of_edges_most():
    smeared = [np.mean([np.roll(truth, shift, axis=1) for shift in (-1, 0, 1)], axis=0) for truth in TRUTHS]
    found = scores(TRUTHS, smeared)
    assert found["pooled"].values["acc"].value > 0.1
    assert found["pooled"].values["acc"].value > 4 * found["all"].values["acc"].value


def test_views_without_edges():
    truths = [box(22), box(0, flat=True)]
    smeared = [np.mean([np.roll(truth, shift, axis=1) for shift in (-1, 0, 1)], axis=0) for truth in truths]
    published = scores(truths, smeared, published=True, masks=[MASKS[2]])["per_view"]
    alone = scores(truths[:1], smeared[:1], published=True, masks=[MASKS[2]])["per_view"]
    # Published: a view without edges counts as one without errors, which halves them (alignment is a little different).
    assert published.details["clouds"] == 1
    assert published.values["acc"].value == pytest.approx(alone.values["acc"].value / 2, rel=0.1)
    corrected = scores(truths, smeared, masks=[MASKS[2]])["per_view"]
    assert corrected.values["acc"].value > 1.5 * published.values["acc"].value


@pytest.mark.parametrize("published", [True, False])
def test_a_scene_without_edges_is_nan(published):
    flat = [box(0, flat=True)]
    found = scores(flat, flat, published=published)
    assert math.isnan(found["pooled"].values["acc"].value)
    assert math.isnan(found["per_view"].values["chamfer"].value)
    assert found["pooled"].tallies["acc_of_points"].count == 0
    assert found["all"].values["acc"].value == pytest.approx(0, abs=1e-6)


def test_predictions_that_cannot_be_placed_are_refused():
    with pytest.raises(InputError, match=r"nrgbd room, 0.png, holds NaN or infinite depth"):
        scores(TRUTHS[:1], [np.full((HEIGHT, WIDTH), np.nan)])
    with pytest.raises(InputError, match="nrgbd room has no valid pixel"):
        scores([np.zeros((HEIGHT, WIDTH), dtype=np.float32)], TRUTHS[:1])


def test_blur_keeps_flat_images_and_the_sum_of_light():
    images = torch.rand(2, 3, 24, 32)
    assert torch.equal(blurred(images, 1), images)
    flat = torch.full((1, 3, 24, 32), 0.3)
    assert blurred(flat, 4) == pytest.approx(flat, abs=1e-6)
    again = blurred(images, 4)
    assert again.shape == images.shape
    assert float(again.var()) < 0.3 * float(images.var())
    assert float(again.mean()) == pytest.approx(float(images.mean()), abs=0.01)
