import math
from functools import partial

import numpy as np
import pytest

from mda.errors import ConfigError
from mda.evaluation.benchmark import Frame, FrameTruth, Scene
from mda.evaluation.flying_points import COLUMNS, flying_points, score_scene
from mda.evaluation.scores import summarise
from mda.metrics import Tally
from tests.unit.evaluation.edge_data import BACK, FRONT, HW, averaged, box_depth

MATRIX = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])


class Given:
    """A prediction in memory."""

    def __init__(self, depths, confidences=None, skies=None):
        self.depths, self.confidences, self.skies = depths, confidences, skies
        self.names = tuple(map(str, range(len(depths))))

    def __len__(self):
        return len(self.depths)

    def depth(self, position):
        return self.depths[position].astype(np.float32)

    def confidence(self, position):
        return None if self.confidences is None else self.confidences[position].astype(np.float32)

    def sky(self, position):
        return None if self.skies is None else self.skies[position]

    def mixture(self, position):  # noqa: ARG002
        return None


def scene_of(depths, *, sky=None, matrix=MATRIX):
    def truth(depth):
        mask = np.ones(depth.shape, bool) if sky is None else ~sky
        return FrameTruth(depth=depth, mask=mask, intrinsics=matrix, extras={} if sky is None else {"sky": sky})

    frames = tuple(
        Frame(name=str(number), read_image=lambda: np.zeros((*HW, 3), np.uint8), read_truth=partial(truth, depth))
        for number, depth in enumerate(depths)
    )
    return Scene(dataset="made", name="one", frames=frames)


def unfiltered(scene, prediction, **options):
    scores = score_scene(scene, "clean", prediction, published=False, confidences=(), **options)
    assert len(scores) == 1
    return scores[0]


def mean_of(score, name):
    return score.tallies[name].mean if name in score.tallies else score.values[name].value


TRUE = scene_of([box_depth(), box_depth()])


def test_the_truth_is_perfect_at_any_scale():
    for factor in (1.0, 0.03, 400.0):
        score = unfiltered(TRUE, Given([factor * box_depth()] * 2))
        for column in COLUMNS:
            value = mean_of(score, column.metric)
            if column.metric == "thin_recalled":
                assert math.isnan(value)  # a box of 22 x 26 pixels is not thin
                continue
            best = 1.0 if "↑" in column.header or "coverage" in column.metric else 0.0
            assert value == pytest.approx(best, abs=2e-4), column.metric
        assert score.details["scale"] == pytest.approx(1 / factor)
        assert score.frames == 2


def test_averaged_edges_fly_in_every_metric_that_says_so():
    score = unfiltered(TRUE, Given([averaged(box_depth())] * 2))
    assert mean_of(score, "flying_own_surfaces") > 0.99
    assert mean_of(score, "flying_true_surfaces_t05_r0_scale_aligned") == 1
    assert mean_of(score, "flying_true_surfaces_t05_r3_scale_aligned") < 0.5
    assert mean_of(score, "wrong_side_true_surfaces_t05_r0_scale_aligned") == 0
    middle = (FRONT + BACK) / 2
    assert mean_of(score, "soft_edge_error_scale_aligned") == pytest.approx(math.log(BACK / middle), rel=0.01)
    assert mean_of(score, "boundary_f1_depth_pro") < 0.8
    assert mean_of(score, "right_of_all_own_surfaces") < 0.01
    assert mean_of(score, "edge_chamfer_relative_scale_aligned") > 0.005


def test_filters_delete_flying_points_and_pay_for_it():
    depth = averaged(box_depth())
    scores = score_scene(TRUE, "clean", Given([depth] * 2), published=False, coverages=(1.0, 0.85))
    by = {(score.setting["filter"], score.setting["coverage"]): score for score in scores}
    # There is no confidence of its own in it.
    assert set(by) == {("none", "1"), ("smoothness", "0.85")}
    filtered = by["smoothness", "0.85"]
    assert mean_of(filtered, "edge_coverage") < 0.05
    assert filtered.tallies["flying_true_surfaces_t05_r0_scale_aligned"].sum < 10
    assert mean_of(filtered, "coverage") == pytest.approx(0.87, abs=0.02)
    assert mean_of(filtered, "right_of_all_own_surfaces") < 0.05
    assert mean_of(filtered, "edge_f1_r1") < 0.05


def test_a_confidence_that_knows_deletes_what_is_wrong_alone():
    depth = box_depth()
    depth[:, :3] = 3.0
    known = np.ones(HW)
    known[:, :3] = np.linspace(0, 0.5, 3)
    scores = score_scene(TRUE, "clean", Given([depth] * 2, [known] * 2), published=False, coverages=(0.95,))
    by = {(score.setting["filter"], score.setting["coverage"]): score for score in scores}
    assert mean_of(by["none", "1"], "abs_rel_scale_aligned") > 0.01
    assert mean_of(by["confidence", "0.95"], "abs_rel_scale_aligned") == pytest.approx(0, abs=1e-6)
    # Ties stay: 3 of 64 columns go, although 5 % were to go.
    assert mean_of(by["confidence", "0.95"], "coverage") == pytest.approx(61 / 64)


def test_predictions_of_another_size_are_taken_by_the_nearest_pixel():
    half = box_depth()[::2, ::2]
    score = unfiltered(TRUE, Given([half] * 2))
    assert mean_of(score, "flying_true_surfaces_t05_r0_scale_aligned") == 0
    assert mean_of(score, "soft_edge_error_scale_aligned") == 0


def test_shards_pool_to_the_whole():
    depths = [box_depth(), averaged(box_depth())]
    whole = unfiltered(TRUE, Given(depths))
    parts = [unfiltered(scene_of([box_depth()]), Given([depth])) for depth in depths]
    for name, tally in whole.tallies.items():
        pooled = Tally.pooled(part.tallies[name] for part in parts)
        assert pooled.count == tally.count, name
        assert pooled.sum == pytest.approx(tally.sum, rel=1e-5, abs=1e-4), name
    (summary,) = summarise(parts)
    assert summary.metrics["edge_coverage"].value == 1


def test_skylines_and_data_without_cameras():
    sky = np.zeros(HW, bool)
    sky[:8] = True
    depth = np.full(HW, 3.0, np.float32)
    score = unfiltered(scene_of([depth], sky=sky, matrix=None), Given([depth], skies=[sky]))
    assert score.tallies["flying_skyline"].mean == 0
    assert score.tallies["wrong_side_skyline"].mean == 0
    assert not any("chamfer" in name for name in score.tallies)
    blind = unfiltered(scene_of([depth], sky=sky), Given([np.where(sky, 30.0, depth)]))
    assert blind.tallies["flying_skyline"].mean == pytest.approx(0.5, abs=0.05)


def test_frames_without_any_truth_are_not_scored():
    nothing = np.ones(HW, bool)
    score = unfiltered(scene_of([box_depth()], sky=nothing), Given([box_depth()]))
    assert math.isnan(score.details["scale"])
    assert all(tally.count == 0 for tally in score.tallies.values())
    assert all(math.isnan(value.value) for value in score.values.values())


def test_unknown_confidences_are_refused_before_anything_is_read():
    with pytest.raises(ConfigError, match="smoothness"):
        flying_points(confidences=("magic",))
