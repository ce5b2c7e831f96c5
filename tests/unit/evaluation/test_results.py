import json
import math

import pytest

from mda.evaluation.results import Row, Statistic, summarise, to_json
from mda.metrics import Tally


def row(clip, *, model="a", factor=1, decoder="mode", **tallies):
    return Row(clip=clip, model=model, factor=factor, decoder=decoder, tallies=tallies)


def test_pixels_pool_and_clips_average():
    found = Statistic.of([Tally(sum=1.0, count=1), Tally(sum=0.0, count=3), Tally()])
    assert found.value == 0.25
    assert found.clip_mean == 0.5
    assert (found.count, found.clips) == (4, 2)


def test_standard_error_of_equal_clips_is_that_of_a_mean():
    values = [1.0, 2.0, 4.0, 5.0]
    found = Statistic.of([Tally(sum=10 * value, count=10) for value in values])
    variance = sum((value - 3) ** 2 for value in values) / 3
    assert found.standard_error == pytest.approx(math.sqrt(variance / 4))


def test_one_clip_has_no_standard_error_and_none_no_value():
    assert math.isnan(Statistic.of([Tally(sum=1.0, count=2)]).standard_error)
    empty = Statistic.of([Tally()])
    assert math.isnan(empty.value)
    assert math.isnan(empty.clip_mean)
    assert (empty.count, empty.clips) == (0, 0)


def test_roots_are_taken_after_pooling_and_of_each_clip():
    rows = [row("x", squared_error_scale_aligned=Tally(sum=4.0, count=1))]
    rows.append(row("y", squared_error_scale_aligned=Tally(sum=48.0, count=3)))
    (summary,) = summarise(rows)
    assert list(summary.metrics) == ["rmse_scale_aligned"]
    found = summary.metrics["rmse_scale_aligned"]
    assert found.value == pytest.approx(math.sqrt(13))
    assert found.clip_mean == pytest.approx(3)
    squares = Statistic.of([Tally(sum=4.0, count=1), Tally(sum=48.0, count=3)])
    assert found.standard_error == pytest.approx(squares.standard_error / (2 * math.sqrt(13)))


def test_a_perfect_root_has_no_standard_error():
    (summary,) = summarise([row("x", squared_error_scale_aligned=Tally(sum=0.0, count=2))])
    assert summary.metrics["rmse_scale_aligned"].value == 0


def test_settings_are_kept_apart_and_in_order():
    score = Tally(sum=1.0, count=1)
    rows = [row("x", m=score), row("x", decoder="mean", m=score), row("x", decoder=None, n=score)]
    rows += [row("y", m=Tally(sum=0.0, count=1)), row("y", factor=2, m=score), row("y", model="b", m=score)]
    summaries = summarise(rows)
    assert [(s.model, s.factor, s.decoder) for s in summaries] == [
        ("a", 1, "mode"),
        ("a", 1, "mean"),
        ("a", 1, None),
        ("a", 2, "mode"),
        ("b", 1, "mode"),
    ]
    assert summaries[0].metrics["m"].value == 0.5


def test_the_order_of_clips_does_not_matter():
    rows = [row(str(i), m=Tally(sum=0.1 * i + 1e9 * (i % 3), count=i)) for i in range(20)]
    assert summarise(rows)[0].metrics["m"] == summarise(rows[::-1])[0].metrics["m"]


def test_json_has_null_where_there_is_nothing():
    (loaded,) = json.loads(to_json(summarise([row("x", m=Tally(), n=Tally(sum=1.0, count=2))])))
    assert loaded["metrics"]["m"]["value"] is None
    assert loaded["metrics"]["n"]["value"] == 0.5
    assert (loaded["model"], loaded["decoder"]) == ("a", "mode")
