import math

import numpy as np
import pytest
import torch

from mda.errors import InputError
from mda.evaluation.alignment import no_alignment
from mda.evaluation.benchmark import Frame, FrameTruth, Scene
from mda.evaluation.scores import summarise
from mda.evaluation.video_depth import ROOTS, depth_errors, score_scene


class Depths:
    """A prediction made of arrays."""

    def __init__(self, depths):
        self.depths = [np.asarray(depth, dtype=np.float32) for depth in depths]
        self.names = tuple(str(i) for i in range(len(depths)))

    def __len__(self):
        return len(self.depths)

    def depth(self, position):
        return self.depths[position]

    def confidence(self, position):
        del position

    sky = mixture = confidence


def scene(truths, *, dataset="sintel", name="alley_2"):
    frames = []
    for number, depth in enumerate(truths):
        array = np.asarray(depth, dtype=np.float32)
        truth = FrameTruth(depth=array, mask=array > 0)
        frames.append(Frame(name=f"{number}.png", read_image=lambda: None, read_truth=lambda truth=truth: truth))
    return Scene(dataset=dataset, name=name, frames=tuple(frames))


def score(truths, predictions, *, protocol="corrected", align="metric", **options):
    return score_scene(scene(truths, **options), "clean", Depths(predictions), protocol=protocol, alignments=[align])


def test_errors_of_two_pixels_by_hand():
    errors = depth_errors(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 4.0]), no_alignment)
    found = {name: tally.mean for name, tally in errors.tallies.items()}
    assert found["abs_rel"] == pytest.approx((1 / 1 + 1 / 4) / 2)
    assert found["sq_rel"] == pytest.approx((1 / 1 + 1 / 4) / 2)
    assert errors.roots["rmse"] == pytest.approx(1.0)
    assert errors.roots["log_rmse"] == pytest.approx(math.sqrt((math.log(2) ** 2 + math.log(4 / 3) ** 2) / 2))
    assert [found[f"delta{n}"] for n in (1, 2, 3)] == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("protocol", ["published", "corrected"])
@pytest.mark.parametrize("align", ["metric", "scale", "scale&shift", "median", "lstsq"])
def test_the_truth_has_no_error(protocol, align):
    truths = np.random.default_rng(0).uniform(1, 40, (3, 12, 16))
    found = score(truths, truths, protocol=protocol, align=align)[0]
    for name in ("abs_rel", "sq_rel", "squared_error", "squared_log_error"):
        assert found.tallies[name].mean == pytest.approx(0, abs=1e-4), name
    assert found.tallies["delta1"].mean == 1.0


def test_one_scale_is_fitted_for_all_frames_of_a_sequence():
    truths = [np.full((4, 4), 2.0), np.full((4, 4), 8.0)]
    wrong_between_frames = [np.full((4, 4), 1.0), np.full((4, 4), 2.0)]
    assert score(truths, wrong_between_frames, align="scale")[0].tallies["abs_rel"].mean > 0.2
    assert score(truths, [t / 3 for t in truths], align="scale")[0].tallies["abs_rel"].mean == pytest.approx(
        0, abs=1e-6
    )


def test_published_averages_roots_and_pooled_does_not():
    frames = [(np.full((2, 2), 10.0), np.full((2, 2), 11.0)), (np.full((4, 4), 10.0), np.full((4, 4), 13.0))]
    scores = [s for i, (t, p) in enumerate(frames) for s in score([t], [p], name=f"s{i}", dataset="bonn")]
    metrics = summarise(scores, ROOTS)[0].metrics
    assert metrics["rmse"].value == pytest.approx((4 * 1 + 16 * 3) / 20)
    assert metrics["rmse_pooled"].value == pytest.approx(math.sqrt((4 * 1 + 16 * 9) / 20))
    assert metrics["abs_rel"].value == pytest.approx((4 * 0.1 + 16 * 0.3) / 20)


def test_depths_that_do_not_count():
    far = np.array([[5.0, 80.0], [0.0, 5.0]])
    found = score([far], [np.array([[5.0, 1.0], [9.0, 90.0]])])[0]
    assert found.tallies["abs_rel"].count == 2  # 80 m is beyond 70 m, 0 is invalid
    assert found.tallies["abs_rel"].sum == pytest.approx((70 - 5) / 5)  # the aligned prediction is cut at 70 m


def test_a_sequence_without_valid_pixels_is_nan_and_costs_nothing():
    empty = score([np.zeros((4, 4))], [np.ones((4, 4))], name="ambush_4")
    full = score([np.ones((4, 4))], [np.full((4, 4), 1.5)])
    assert math.isnan(empty[0].tallies["abs_rel"].mean)
    assert math.isnan(empty[0].values["rmse"].value)
    assert summarise([*empty, *full], ROOTS)[0].metrics["rmse"].value == pytest.approx(0.5)


def test_the_usual_14_sequences_of_sintel_are_given_apart():
    assert [s.dataset for s in score([np.ones((2, 2))], [np.ones((2, 2))])] == ["sintel", "sintel-14"]
    assert [s.dataset for s in score([np.ones((2, 2))], [np.ones((2, 2))], name="alley_1")] == ["sintel"]


def test_one_frame_of_a_square_image_is_scored_like_any_other():
    truth = np.arange(1.0, 17).reshape(4, 4)
    found = score([truth], [truth], dataset="nyu", align="median")[0]
    assert (found.tallies["abs_rel"].count, found.frames) == (9, 1)  # 1 .. 9 m of 10 m


def test_small_predictions_are_enlarged():
    truth = np.kron(np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones((4, 4)))
    small = [[1.0, 2.0], [3.0, 4.0]]
    assert score([truth], [small])[0].tallies["abs_rel"].mean == 0.0  # nearest: nothing in between
    assert score([truth], [small], protocol="published")[0].tallies["abs_rel"].mean > 0.01


def test_depth_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match=r"sintel alley_2, 0.png, holds NaN or infinite depth"):
        score([np.ones((2, 2))], [[[1.0, np.nan], [1.0, 1.0]]])
