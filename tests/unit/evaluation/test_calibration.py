import math
from functools import partial

import numpy as np
import pytest
import torch

from mda.evaluation.benchmark import Frame, FrameTruth, Scene, ViewSize
from mda.evaluation.calibration import (
    FACTORS,
    NLL,
    NONE,
    OTHERS,
    SETTING,
    calibration,
    quantile_errors,
    recalibrated_by_others,
    score_scene,
)
from mda.evaluation.layouts.layered import LAYERED_REAL
from mda.evaluation.scores import summarise
from mda.metrics import Tally
from mda.mixtures import DepthMixture
from tests.unit.evaluation.edge_data import box_depth, write_layered

HW = (48, 64)


class Given:
    """Densities in memory: two components, decoded by the first."""

    def __init__(self, mixtures, skies=None):
        self.mixtures, self.skies = mixtures, skies
        self.names = tuple(map(str, range(len(mixtures))))

    def __len__(self):
        return len(self.mixtures)

    def depth(self, position):
        return self.mixtures[position].hypotheses[..., 0].float().numpy()

    def confidence(self, position):
        return self.mixtures[position].confidence[..., 0].float().numpy()

    def sky(self, position):
        return None if self.skies is None else self.skies[position]

    def mixture(self, position):
        return self.mixtures[position]


class Blind(Given):
    """Depth alone."""

    def confidence(self, position):  # noqa: ARG002
        return None

    def mixture(self, position):  # noqa: ARG002
        return None


def world(seed, *, width=1.0, space="log", units=1.0):
    """Depth drawn from densities whose scales are then said to be `width` times what they are; scales vary."""
    generator = torch.Generator().manual_seed(seed)
    locs = torch.rand(*HW, 2, generator=generator) + (0.5 if space == "log" else 2.0)
    scales = (0.02 + 0.2 * torch.rand(*HW, 1, generator=generator) ** 2).expand(-1, -1, 2)
    log_weights = torch.tensor([0.999, 0.001]).log().expand(*HW, 2)
    options = {"log_weights": log_weights, "space": space}
    true = DepthMixture(locs=locs, scales=scales, **options)
    depth = true.quantile(torch.rand(HW, generator=generator).clamp(1e-5, 1 - 1e-5))
    return units * depth.numpy(), DepthMixture(locs=locs, scales=width * scales, **options)


def scene_of(name, depths, sky=None):
    def truth(depth):
        mask = np.ones(depth.shape, bool) if sky is None else ~sky
        return FrameTruth(depth=depth, mask=mask, extras={} if sky is None else {"sky": sky})

    frames = tuple(
        Frame(name=str(i), read_image=lambda: np.zeros((*HW, 3), np.uint8), read_truth=partial(truth, depth))
        for i, depth in enumerate(depths)
    )
    return Scene(dataset="made", name=name, frames=frames)


def scored(count=4, **options):
    scores = []
    for seed in range(count):
        depth, mixture = world(seed, **options)
        scores += score_scene(scene_of(f"scene{seed}", [depth]), "clean", Given([mixture]))
    return scores


def summaries_of(scores):
    found = summarise(recalibrated_by_others(scores), derive=quantile_errors)
    return {summary.setting[SETTING]: summary.metrics for summary in found}


def test_right_densities_are_calibrated_and_stay_as_they_are():
    found = summaries_of(scored())
    assert found[NONE]["quantile_error"].value < 0.01
    assert found[NONE]["coverage_90"].value == pytest.approx(0.9, abs=0.01)
    assert found[NONE]["factor_of_all"].value == pytest.approx(1, abs=0.03)
    assert found[OTHERS]["factor"].value == 1
    assert found[OTHERS][NLL].value == found[NONE][NLL].value


@pytest.mark.parametrize("width", [0.4, 2.5])
def test_wrong_widths_are_found_out_and_mended_by_other_scenes(width):
    found = summaries_of(scored(width=width))
    assert found[NONE]["factor_of_all"].value == pytest.approx(1 / width, rel=0.05)
    assert found[OTHERS]["factor"].value == pytest.approx(1 / width, rel=0.13)
    assert found[OTHERS]["quantile_error"].value < 0.02
    assert found[NONE]["quantile_error"].value > 0.05
    assert found[OTHERS][NLL].value < found[NONE][NLL].value - 0.1
    assert found[OTHERS]["crps_log_scale_aligned"].value < found[NONE]["crps_log_scale_aligned"].value
    assert found[OTHERS]["coverage_80"].value == pytest.approx(0.8, abs=0.04)


def test_the_units_of_the_truth_do_not_matter():
    first, second = (summaries_of(scored(2, space="linear", units=units))[NONE] for units in (1.0, 50.0))
    for name in (NLL, "crps_linear_scale_aligned", "quantile_error", "ause_abs_rel_mass"):
        assert second[name].value == pytest.approx(first[name].value, rel=1e-3, abs=1e-5), name


def test_confidences_that_know_the_width_gain_over_chance():
    found = summaries_of(scored())[NONE]
    for name in ("confidence", "mass", "std", "entropy"):
        assert found[f"aurg_abs_rel_{name}"].value > 0.01, name
        assert 0 < found[f"ause_abs_rel_{name}"].value < found["ause_abs_rel_smoothness"].value, name
        assert found[f"left_abs_rel_{name}_90"].value < found[f"left_abs_rel_{name}_00"].value
    assert found["left_abs_rel_oracle_50"].value <= found["left_abs_rel_mass_50"].value


def test_no_scene_is_judged_by_a_factor_it_helped_to_find():
    scores = scored(2, width=1.0) + [
        score
        for seed in (10, 11)
        for depth, mixture in [world(seed, width=0.25)]
        for score in score_scene(scene_of(f"wide{seed}", [depth]), "clean", Given([mixture]))
    ]
    order = ["scene0", "wide10", "scene1", "wide11"]
    scores.sort(key=lambda score: order.index(score.scene))
    factors = {
        score.scene: score.values["factor"].value
        for score in recalibrated_by_others(scores)
        if score.setting[SETTING] == OTHERS
    }
    # The halves are the two kinds: each gets the other's factor, wrong as it is.
    assert factors["scene0"] == factors["scene1"] == pytest.approx(4, rel=0.13)
    assert factors["wide10"] == factors["wide11"] == pytest.approx(1, rel=0.01)


def test_one_scene_alone_is_not_judged_but_its_factor_told():
    found = summaries_of(scored(1, width=0.5))
    assert set(found) == {NONE}
    assert found[NONE]["factor_of_all"].value == pytest.approx(2, rel=0.05)


def test_without_densities_only_confidences_and_sky_are_scored():
    depth, mixture = world(0)
    sky = np.zeros(HW, bool)
    sky[:20] = True
    called = np.zeros(HW, bool)
    called[:15] = True
    scores = score_scene(scene_of("one", [depth], sky=sky), "clean", Blind([mixture], skies=[called]))
    found = summaries_of(scores)
    assert set(found) == {NONE}
    assert found[NONE]["sky_iou"].value == found[NONE]["sky_recall"].value == 0.75
    assert found[NONE]["sky_precision"].value == 1
    assert NLL not in found[NONE]
    assert "quantile_error" not in found[NONE]
    assert math.isfinite(found[NONE]["ause_abs_rel_smoothness"].value)


def test_both_surfaces_of_glass_are_looked_for_in_the_density():
    ones = torch.ones(*HW, 1)
    logs = torch.tensor([0.0, 1.0])
    mixture = DepthMixture(
        locs=logs * ones, scales=0.01 * torch.cat([ones, ones], -1), log_weights=torch.tensor([0.6, 0.4]).log() * ones
    )
    first, last = (mixture.hypotheses[..., k].numpy() for k in (0, 1))
    glass = np.zeros(HW, bool)
    glass[:, :20] = True
    truth = FrameTruth(
        depth=first,
        mask=np.ones(HW, bool),
        extras={"glass": glass, "last_depth": np.where(glass, 1.1 * last, 0).astype(np.float32), "last_valid": glass},
    )
    frame = Frame(name="0", read_image=lambda: np.zeros((*HW, 3), np.uint8), read_truth=lambda: truth)
    scene = Scene(dataset="made", name="glass", frames=(frame,))
    tallies = score_scene(scene, "clean", Given([mixture]))[len(FACTORS) // 2].tallies
    assert tallies["glass_first_abs_rel_scale_aligned"].mean == pytest.approx(0, abs=1e-3)
    assert tallies["glass_last_abs_rel_scale_aligned"].mean == pytest.approx(1 - 1 / 1.1, abs=1e-3)
    assert tallies["glass_last_abs_rel_scale_aligned"].count == glass.sum()


def test_ordered_points_are_held_against_the_surfaces_of_the_density(tmp_path):
    write_layered(tmp_path, names=("0",))
    (scene,) = LAYERED_REAL.list_scenes(tmp_path / LAYERED_REAL.folder, ViewSize(long_side=64, patch=16))
    front = torch.from_numpy(box_depth()).log()[..., None]
    # Glass everywhere on the box: a second surface that stands behind its front, and nowhere else.
    second = torch.where(front < front.max(), 0.4, 1e-6)
    mixture = DepthMixture(
        locs=torch.cat([front, front + 1], -1),
        scales=torch.full((*HW, 2), 0.01),
        log_weights=torch.cat([1 - second, second], -1).log(),
    )
    tallies = score_scene(scene, "clean", Given([mixture]))[0].tallies
    assert tallies["ordered_layer_first_pairs_1"] == tallies["ordered_layer_first_pairs_all"] == Tally(sum=1.0, count=2)
    # Through the glass rightly; what is not there was not found.
    assert tallies["ordered_layer_all_pairs_mixed"] == Tally(sum=2.0, count=2)
    # The far wall has no second surface.
    assert tallies["ordered_layer_all_trips_all"] == Tally(sum=0.0, count=1)
    blind = score_scene(scene, "clean", Blind([mixture]))[0].tallies
    assert blind["ordered_layer_first_pairs_all"] == Tally(sum=1.0, count=2)
    assert blind["ordered_layer_all_pairs_mixed"] == Tally(sum=1.0, count=2)


def test_the_figure_is_a_picture():
    benchmark = calibration()
    summaries = summarise(recalibrated_by_others(scored(2, width=0.5)), derive=benchmark.derive)
    assert benchmark.figures["calibration.png"](summaries).startswith(b"\x89PNG")
    assert FACTORS[len(FACTORS) // 2] == 1
