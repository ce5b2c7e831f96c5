"""Laws of evaluations: pooling does not depend on order or shards, errors not on what alignment takes away."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mda.evaluation.alignment import EXACT
from mda.evaluation.clouds import compare, moved_by, register
from mda.evaluation.scores import SceneScores, SceneValue, summarise
from mda.evaluation.video_depth import depth_errors
from mda.metrics import Tally

NUMBERS = st.floats(0, 1e6)
SCORES = st.builds(
    lambda number, dataset, total, count, value, weight: SceneScores(
        dataset=dataset,
        scene=f"{number}",
        setting={"align": "scale"},
        tallies={"error": Tally(sum=total if count else 0.0, count=count)},
        values={"median": SceneValue(value=value, weight=weight)},
        frames=1,
    ),
    st.integers(0, 10**9),
    st.sampled_from(["a", "b"]),
    NUMBERS,
    st.integers(0, 1000),
    st.one_of(NUMBERS, st.just(math.nan)),
    NUMBERS,
)


def numbers(scores):
    """All numbers of the summaries, by data set."""
    return {summary.dataset: repr(sorted(summary.metrics.items())) for summary in summarise(scores, {"error": "root"})}


@settings(deadline=None, max_examples=20)
@given(st.lists(SCORES, min_size=1, max_size=12), st.randoms())
def test_the_order_of_scenes_does_not_matter_to_the_last_digit(scores, random):
    mixed = list(scores)
    random.shuffle(mixed)
    assert numbers(mixed) == numbers(scores)


@settings(deadline=None, max_examples=20)
@given(st.lists(SCORES, min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_shards_that_went_over_disk_give_what_one_pass_gives(scores, cuts):
    places = [0, *sorted(min(cut, len(scores)) for cut in cuts), len(scores)]
    shards = [[score.as_dict() for score in scores[start:end]] for start, end in pairwise(places)]
    merged = [SceneScores.from_dict(score) for shard in reversed(shards) for score in shard]
    assert numbers(merged) == numbers(scores)


@settings(deadline=None, max_examples=20)
@given(
    st.integers(0, 10_000), st.floats(0.05, 20), st.floats(-3, 3), st.sampled_from(["scale", "scale&shift", "median"])
)
def test_errors_do_not_depend_on_what_alignment_takes_away(seed, scale, shift, align):
    rng = np.random.default_rng(seed)
    truth = torch.from_numpy(rng.uniform(1, 10, 60))
    pred = truth * torch.from_numpy(rng.uniform(0.8, 1.2, 60))
    changed = scale * pred + (shift if align == "scale&shift" else 0.0)
    first, second = (depth_errors(p, truth, EXACT[align]).tallies for p in (pred, changed))
    assert second["abs_rel"].mean == pytest.approx(first["abs_rel"].mean, rel=1e-6)
    assert second["squared_error"].mean == pytest.approx(first["squared_error"].mean, rel=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_clouds_that_move_together_have_the_same_distances(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-1, 1, (60, 3))
    pred = truth + rng.normal(0, 0.02, truth.shape)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = turn * np.sign(np.linalg.det(turn)), rng.normal(size=3)
    first = compare(pred, truth)
    second = compare(moved_by(motion, pred), moved_by(motion, truth))
    assert second.accuracy == pytest.approx(first.accuracy, abs=1e-12)
    assert second.completeness == pytest.approx(first.completeness, abs=1e-12)
    found, both = register(pred, truth), register(moved_by(motion, pred), moved_by(motion, truth))
    assert both @ motion == pytest.approx(motion @ found, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_swapping_the_clouds_swaps_accuracy_and_completeness(seed):
    one, other = np.random.default_rng(seed).normal(size=(2, 40, 3))
    forth, back = compare(one, other), compare(other, one)
    assert np.array_equal(forth.accuracy, back.completeness)
    assert forth.normals_of_pred == pytest.approx(back.normals_of_truth)
