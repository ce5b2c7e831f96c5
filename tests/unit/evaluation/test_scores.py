import json
import math

import pytest

from mda.evaluation.scores import SceneScores, SceneValue, summarise
from mda.metrics import Tally


def scores(scene, total, count, value=math.nan, weight=1.0, dataset="rooms", **setting):
    return SceneScores(
        dataset=dataset,
        scene=scene,
        setting=setting,
        tallies={"error": Tally(sum=total, count=count), "squares": Tally(sum=total**2, count=count)},
        values={"median": SceneValue(value=value, weight=weight)},
        frames=2,
    )


def test_tallies_are_pooled_over_pixels_and_values_averaged_over_scenes():
    (summary,) = summarise([scores("a", 2.0, 1, 1.0, 3.0), scores("b", 3.0, 4, 5.0, 1.0)], {"squares": "root"})
    assert summary.metrics["error"].value == 1.0
    assert summary.metrics["error"].clip_mean == pytest.approx((2.0 + 0.75) / 2)
    assert summary.metrics["root"].value == pytest.approx(math.sqrt((4 + 9) / 5))
    assert summary.metrics["median"].value == pytest.approx((3 * 1 + 5) / 4)
    assert summary.metrics["median"].clip_mean == 3.0
    assert (summary.scenes, summary.frames) == (2, 4)


def test_nothing_is_nan_and_never_zero():
    (summary,) = summarise([scores("a", 0.0, 0), scores("b", 0.0, 0)])
    assert math.isnan(summary.metrics["error"].value)
    assert math.isnan(summary.metrics["median"].value)
    assert summary.as_dict()["metrics"]["median"]["value"] is None
    (mixed,) = summarise([scores("a", 0.0, 0), scores("b", 3.0, 3, 7.0)])
    assert (mixed.metrics["error"].value, mixed.metrics["median"].value) == (1.0, 7.0)
    assert mixed.metrics["median"].clips == 1


def test_settings_and_data_sets_are_kept_apart():
    parts = [scores("a", 1.0, 1, blur="1"), scores("a", 2.0, 1, blur="2"), scores("a", 3.0, 1, dataset="x", blur="1")]
    found = {(s.dataset, s.setting["blur"]): s.metrics["error"].value for s in summarise(parts)}
    assert found == {("rooms", "1"): 1.0, ("rooms", "2"): 2.0, ("x", "1"): 3.0}


@pytest.mark.parametrize("total", [1 / 3, math.nan, math.inf, 1e-300])
def test_what_is_kept_on_disk_comes_back_to_the_last_digit(total):
    before = scores("a", total, 7, total, blur="2")
    after = SceneScores.from_dict(json.loads(json.dumps(before.as_dict(), allow_nan=False)))
    for name, tally in before.tallies.items():
        assert after.tallies[name].count == 7
        assert repr(after.tallies[name].sum) == repr(tally.sum)
    assert repr(after.values) == repr(before.values)
    assert (after.setting, after.frames) == (before.setting, 2)
