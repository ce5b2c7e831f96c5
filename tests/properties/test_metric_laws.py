"""Laws of the metrics: what does not matter, and that shards add up to the whole."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mda.metrics import (
    EdgeNeighbourhoods,
    EdgeTruth,
    Tally,
    abs_rel,
    align_scale,
    delta,
    flying_between_true_surfaces,
    nearer_to_other_true_surface,
    own_surface_scores,
    squared_log_error,
)

SEEDS = st.integers(0, 10_000)
FACTORS = st.sampled_from([0.01, 0.37, 1.0, 3.0, 250.0])
laws = settings(max_examples=15, deadline=None)


def layered_truth(seed: int, views: int = 2) -> EdgeTruth:
    """Rectangles at random depths before a wall, in the order of their depths."""
    generator = torch.Generator().manual_seed(seed)
    depth = torch.full((views, 24, 32), 20.0)
    for layer in (12.0, 7.0, 3.0):
        for view in depth:
            top, left = (int(torch.randint(0, size, (1,), generator=generator)) for size in (14, 20))
            view[top : top + 12, left : left + 14] = layer
    valid = torch.rand(depth.shape, generator=generator) > 0.02
    return EdgeTruth.from_depth(depth, valid)


def noisy(truth: EdgeTruth, seed: int) -> torch.Tensor:
    """A prediction with noise everywhere and something in between at about half of the edge pixels."""
    generator = torch.Generator().manual_seed(seed + 1)
    noise = (0.1 * torch.randn(truth.depth.shape, generator=generator)).exp()
    between = (truth.front * truth.back).sqrt()
    averaged = truth.edge & (torch.rand(truth.depth.shape, generator=generator) < 0.5)
    return torch.where(averaged, between, truth.depth) * noise


def all_tallies(depth: torch.Tensor, truth: EdgeTruth, scale: torch.Tensor) -> dict[str, Tally]:
    aligned = depth * scale
    own = own_surface_scores(depth, EdgeNeighbourhoods.of(truth))
    return {
        "abs_rel": abs_rel(aligned, truth.depth, truth.valid).tally,
        "delta": delta(aligned, truth.depth, truth.valid).tally,
        "log": squared_log_error(aligned, truth.depth, truth.valid).tally,
        "flying": flying_between_true_surfaces(aligned, truth).tally,
        "wrong": nearer_to_other_true_surface(aligned, truth).tally,
        "own flying": own.flying.tally,
        "own wrong": own.wrong_side.tally,
        "right": own.right.tally,
        "unresolved": own.unresolved.tally,
        "unscored": own.unscored.tally,
    }


@laws
@given(seed=SEEDS, factor=FACTORS)
def test_the_scale_of_a_prediction_does_not_matter(seed, factor):
    truth = layered_truth(seed)
    depth = noisy(truth, seed)
    found = [
        all_tallies(pred, truth, align_scale(pred, truth.depth, truth.interior)) for pred in (depth, depth * factor)
    ]
    for name, tally in found[0].items():
        assert found[1][name].count == tally.count, name
        # Thresholds may tip single pixels by rounding.
        assert abs(found[1][name].sum - tally.sum) <= 1e-4 * max(1.0, abs(tally.sum)) + (name == "delta"), name


@laws
@given(seed=SEEDS)
def test_views_scored_one_by_one_add_up_to_all_at_once(seed):
    truth = layered_truth(seed, views=3)
    depth = noisy(truth, seed)
    scale = align_scale(depth, truth.depth, truth.interior)
    whole = all_tallies(depth, truth, scale)

    def view(index: int) -> EdgeTruth:
        fields = {
            name: getattr(truth, name)[[index]] for name in ("depth", "valid", "edge", "front", "back", "skyline")
        }
        return EdgeTruth(**fields)

    parts = [all_tallies(depth[[index]], view(index), scale) for index in range(3)]
    for name, tally in whole.items():
        merged = Tally.pooled(part[name] for part in parts)
        assert merged.count == tally.count, name
        assert abs(merged.sum - tally.sum) <= 1e-9 * max(1.0, abs(tally.sum)), name


@laws
@given(values=st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 1000)), max_size=20), data=st.data())
def test_pooling_shards_in_any_order_is_the_same(values, data):
    tallies = [Tally(sum=total, count=count) for total, count in values]
    shuffled = data.draw(st.permutations(tallies))
    assert Tally.pooled(tallies) == Tally.pooled(shuffled)


@laws
@given(seed=SEEDS)
def test_flying_and_wrong_side_never_overlap(seed):
    truth = layered_truth(seed)
    depth = noisy(truth, seed)
    own = own_surface_scores(depth, EdgeNeighbourhoods.of(truth))
    assert not (own.flying.values & own.wrong_side.values & own.flying.mask).any()
    flying, wrong = flying_between_true_surfaces(depth, truth), nearer_to_other_true_surface(depth, truth)
    assert not (flying.values & wrong.values & flying.mask).any()
    assert torch.equal(flying.mask, wrong.mask)


@laws
@given(seed=SEEDS, share=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_planted_flying_points_are_all_found(seed, share):
    truth = layered_truth(seed)
    generator = torch.Generator().manual_seed(seed + 2)
    planted = truth.edge & (torch.rand(truth.depth.shape, generator=generator) < share)
    depth = torch.where(planted, (truth.front * truth.back).sqrt(), truth.depth)
    found = flying_between_true_surfaces(depth, truth)
    assert torch.equal(found.values & found.mask, planted & found.mask)
    around = EdgeNeighbourhoods.of(truth)
    own = own_surface_scores(depth, around)
    assert torch.equal(own.flying.values & own.flying.mask, around.windows.at(planted) & own.flying.mask)
