import dataclasses
import math

import numpy as np
import pytest
import torch

from mda.data.source import LayerClip
from mda.errors import ConfigError
from mda.evaluation.clip_scores import ClipPrediction, ClipTruth, blurred_depth, score_depth, score_views
from mda.evaluation.procedural import TRUTH, TRUTH_BLURRED, evaluate, evaluate_glass, network_predictor
from mda.evaluation.results import summarise
from mda.mixtures import Decoder
from tests.unit.evaluation.step_clip import BACK, FRONT, STEP, Oracle, step_clip

CLIP = step_clip()
ERRORS = [
    "abs_rel_scale_aligned",
    "squared_error_scale_aligned",
    "squared_log_error_scale_aligned",
    "flying_own_surfaces",
    "wrong_side_own_surfaces",
    "unresolved_own_surfaces",
    "flying_true_surfaces_scale_aligned",
    "wrong_side_true_surfaces_scale_aligned",
    "boundary_accuracy_scale_aligned",
    "boundary_completeness_scale_aligned",
    "boundary_accuracy_relative_scale_aligned",
    "boundary_completeness_relative_scale_aligned",
    "flying_skyline",
    "wrong_side_skyline",
]


def means(rows, model, decoder, factor=1):
    (row,) = [row for row in rows if row.setting == (model, factor, decoder)]
    return {name: tally.mean for name, tally in row.tallies.items()}


def test_a_perfect_network_is_perfect_up_to_scale():
    rows = list(evaluate({"oracle": network_predictor(Oracle(CLIP), [Decoder.COMPONENT])}, [CLIP]))
    found = means(rows, "oracle", "component")
    assert {name: found[name] for name in ERRORS} == pytest.approx(dict.fromkeys(ERRORS, 0), abs=1e-5)
    assert found["delta1_scale_aligned"] == 1
    views = means(rows, "oracle", None)
    assert views["sky_iou"] == views["sky_precision"] == views["sky_recall"] == 1
    assert [views[name] for name in ("rotation_error_deg", "focal_error")] == [0, 0]
    assert views["pose_auc30"] == pytest.approx(1)


def test_the_mean_of_two_surfaces_flies_and_the_others_do_not():
    decoders = [Decoder.COMPONENT, Decoder.MODE, Decoder.HEAVIEST, Decoder.MEAN]
    rows = list(evaluate({"oracle": network_predictor(Oracle(CLIP), decoders)}, [CLIP]))
    for decoder in decoders:
        found = means(rows, "oracle", decoder.value)
        expected = float(decoder is Decoder.MEAN)
        assert found["flying_own_surfaces"] == found["flying_true_surfaces_scale_aligned"] == expected
    assert means(rows, "oracle", "mean")["boundary_accuracy_relative_scale_aligned"] > 0.05


def test_one_component_is_decoded_once():
    rows = list(evaluate({"single": network_predictor(Oracle(CLIP, components=1))}, [CLIP], with_truth=False))
    assert [row.decoder for row in rows] == ["component", None]


def test_truth_and_blurred_truth_are_rows_of_the_clean_factor():
    rows = list(evaluate({}, [CLIP], factors=(1, 4)))
    assert [row.setting for row in rows if row.decoder] == [(TRUTH, 1, "depth"), (TRUTH_BLURRED, 1, "depth")]
    assert means(rows, TRUTH, "depth")["flying_own_surfaces"] == 0
    assert means(rows, TRUTH_BLURRED, "depth")["flying_own_surfaces"] == 1


def test_images_are_blurred_and_normalised_and_the_truth_is_not():
    network = Oracle(CLIP)
    rows = list(evaluate({"oracle": network_predictor(network, [Decoder.MODE])}, [CLIP], factors=(1, 8)))
    clean, blurred = network.seen
    assert clean.shape == (1, 2, 3, 32, 32)
    assert clean.min() < -1
    assert (clean[..., :, STEP - 2] - blurred[..., :, STEP - 2]).abs().max() > 0.1
    assert means(rows, "oracle", "mode", 8) == means(rows, "oracle", "mode", 1)


def test_rows_are_made_clip_by_clip():
    asked = []

    def clips():
        for name in ("first", "second"):
            asked.append(name)
            yield step_clip(name)

    rows = evaluate({}, clips())
    assert next(rows).clip == "first"
    assert asked == ["first"]
    assert {row.clip for row in rows} == {"first", "second"}


def test_several_clips_summarise():
    summaries = summarise(evaluate({}, [step_clip("a"), step_clip("b")]))
    truth = summaries[0].metrics
    assert truth["abs_rel_scale_aligned"].clips == 2
    assert truth["rmse_scale_aligned"].value == 0
    assert truth["flying_own_surfaces"].count == 2 * int(CLIP.edge.sum()) - 2 * truth[
        "unscored_own_surfaces"
    ].count * int(truth["unscored_own_surfaces"].value)


def test_a_prediction_without_sky_or_cameras_has_no_such_scores():
    truth = ClipTruth.of(CLIP)
    assert score_views(ClipPrediction(depths={}), truth) == {}
    without = score_depth(torch.where(truth.sky, 50.0, truth.edges.depth), None, truth)
    assert without["flying_skyline"].mean == pytest.approx(0.5)


def test_steps_of_less_than_a_tenth_are_no_edges():
    low = dataclasses.replace(CLIP, back_depth=CLIP.front_depth * np.float32(1.09))
    assert ClipTruth.of(CLIP).edges.edge.any()
    assert not ClipTruth.of(low).edges.edge.any()


def test_median_depth_is_the_unit_of_relative_distances():
    truth = ClipTruth.of(CLIP)
    assert truth.median_depth in {FRONT, BACK}
    found = score_depth(truth.edges.depth * torch.linspace(1, 1.1, 32), truth.sky, truth)
    assert found["boundary_accuracy_scale_aligned"].mean == pytest.approx(
        truth.median_depth * found["boundary_accuracy_relative_scale_aligned"].mean
    )


def test_blurred_depth_averages_valid_pixels_only():
    truth = ClipTruth.of(CLIP)
    blurred = blurred_depth(truth.edges)[0]
    assert blurred[10, STEP].item() == pytest.approx((FRONT + 2 * BACK) / 3)
    assert blurred[6, 3].item() == pytest.approx(FRONT)
    assert blurred[-1, 0].item() == pytest.approx(FRONT)


def test_a_broken_prediction_shows():
    truth = ClipTruth.of(CLIP)
    broken = truth.edges.depth.clone()
    broken[0, 20, STEP] = math.nan
    found = score_depth(broken, truth.sky, truth)
    assert math.isnan(found["abs_rel_scale_aligned"].mean)
    assert (
        found["unscored_own_surfaces"].sum
        == score_depth(truth.edges.depth, truth.sky, truth)["unscored_own_surfaces"].sum + 1
    )


def test_one_depth_is_right_about_the_glass_or_about_what_is_behind_it():
    """Glass on the left half of a flat clip, twice as near as the wall; two depths in units of their own."""
    depth, glass = np.full_like(CLIP.depth, 4.0), np.zeros_like(CLIP.valid)
    glass[..., : glass.shape[-1] // 2] = True
    wall, every = depth.copy(), np.ones_like(CLIP.valid)
    depth[glass] = 2.0
    layers = LayerClip(glass=glass, last_depth=wall, last_valid=every)
    clip = dataclasses.replace(CLIP, depth=depth, valid=every, layers=layers)
    near, far = torch.from_numpy(depth) * 3, torch.from_numpy(wall) * 3
    prediction = ClipPrediction(depths={"front": near, "back": far})
    rows = list(evaluate_glass({"both": lambda _: prediction}, [clip]))
    front, back = means(rows, "both", "front"), means(rows, "both", "back")
    first, last = "glass_first_abs_rel_scale_aligned", "glass_last_abs_rel_scale_aligned"
    assert [front[first], front[last]] == pytest.approx([0, 0.5], abs=1e-6)
    assert [back[first], back[last]] == pytest.approx([1, 0], abs=1e-6)
    with pytest.raises(ConfigError, match="panes of glass"):
        list(evaluate_glass({}, [CLIP]))
