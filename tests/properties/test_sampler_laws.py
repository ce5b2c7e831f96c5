"""Laws of the batches of an epoch and of the views of a clip."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mda.data.plan import BatchRule, EndlessPlan, EpochPlan
from mda.data.view_sampling import ViewSampling, Walk

# Values of a rule; it is made of them within the test, because its checked constructor draws random numbers of its own.
rules = st.fixed_dictionaries(
    {
        "clips": st.integers(1, 400),
        "views": st.tuples(st.integers(1, 6), st.integers(0, 10)).map(lambda pair: (pair[0], sum(pair))),
        "sizes": st.integers(1, 5).map(lambda count: tuple((height, 504) for height in range(1, count + 1))),
        "max_images": st.integers(1, 40),
        "clips_per_batch": st.sampled_from([0, 0, 1, 2, 5]),
        "seed": st.integers(0, 2**31),
    }
)


def epoch_of(rule, epoch, world):
    plan = EpochPlan(rule, epoch, world_size=world)
    return [[plan.request(position, rank) for rank in range(world)] for position in range(len(plan))]


def pads(rule, world):
    """Whether an epoch may have to repeat clips; see `EpochPlan`."""
    largest = rule.clips_per_batch or rule.max_images // rule.views[0]
    return rule.clips < world or (largest < 2 and rule.clips % world != 0)


@given(rules, st.integers(0, 5), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_ranks_are_disjoint_and_every_clip_is_used_once(values, epoch, world):
    rule = BatchRule(**values)
    used = [clip for ranks in epoch_of(rule, epoch, world) for request in ranks for clip in request.clips]
    assert set(used) == set(range(rule.clips))
    if not pads(rule, world):
        assert len(used) == rule.clips
    else:
        assert len(used) == -(-rule.clips // world) * world


@given(rules, st.integers(0, 5), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_all_ranks_have_batches_of_one_shape_within_the_budget(values, epoch, world):
    rule = BatchRule(**values)
    for ranks in epoch_of(rule, epoch, world):
        assert len({(request.views, request.image_hw) for request in ranks}) == 1
        counts = [len(request.clips) for request in ranks]
        assert max(counts) - min(counts) <= 1
        assert min(counts) >= 1
        for request in ranks:
            assert rule.views[0] <= request.views <= rule.views[1]
            assert request.image_hw in rule.sizes
            if rule.clips_per_batch:
                assert len(request.clips) <= rule.clips_per_batch
            else:
                assert len(request.clips) * request.views <= max(rule.max_images, request.views)


@given(rules, st.integers(1, 4), st.integers(0, 60), st.data())
@settings(max_examples=100, deadline=None)
def test_resumed_plans_go_on_as_if_nothing_had_happened(values, world, first, data):
    rule = BatchRule(**values)
    rank = data.draw(st.integers(0, world - 1))
    whole = itertools.islice(EndlessPlan(rule, rank=rank, world_size=world), first + 10)
    resumed = EndlessPlan(rule, first_batch=first, rank=rank, world_size=world)
    assert list(whole)[first:] == list(itertools.islice(resumed, 10))


@given(rules, st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_epochs_differ_and_come_back(values, world):
    rule = BatchRule(**values)
    assert epoch_of(rule, 1, world) == epoch_of(rule, 1, world)
    if rule.clips > 20:
        orders = [
            [clip for ranks in epoch_of(rule, epoch, 1) for request in ranks for clip in request.clips]
            for epoch in (0, 1)
        ]
        assert orders[0] != orders[1]


samplings = st.fixed_dictionaries(
    {
        "walk": st.sampled_from(list(Walk)),
        "steps": st.tuples(st.integers(1, 6), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))),
        "video": st.sampled_from([0.0, 0.5, 1.0]),
        "even": st.sampled_from([0.0, 0.5, 1.0]),
        "block": st.sampled_from([0, 4, 16]),
    }
)


@given(samplings, st.integers(1, 24), st.integers(1, 120), st.integers(0, 2**32), st.data())
@settings(max_examples=300, deadline=None)
def test_views_are_frames_of_the_scene_and_different_where_there_are_enough(values, views, frames, seed, data):
    rule = ViewSampling(**values)
    starts = rule.starts(frames, views)
    assert 0 <= starts <= frames
    if starts == 0:
        return
    start = data.draw(st.integers(0, starts - 1))
    drawn = rule.draw(views, start=start, frames=frames, rng=np.random.default_rng(seed))
    assert drawn == rule.draw(views, start=start, frames=frames, rng=np.random.default_rng(seed))
    assert len(drawn) == views
    assert all(0 <= position < frames for position in drawn)
    enough = frames if rule.walk is not Walk.RANDOM_STEPS else frames - start
    if enough >= views:
        assert len(set(drawn)) == views
    if views == 1:
        assert drawn == [start]
    steps = np.diff(drawn)
    if rule.walk is Walk.EVEN_STEPS and enough >= views > 1:
        assert len(set(steps.tolist())) == 1
        assert 1 <= steps[0] <= rule.steps[1]
    if rule.walk is Walk.RANDOM_STEPS and rule.video == 1.0 and enough >= views:
        assert (steps > 0).all()
        if rule.even == 1.0:
            assert len(set(steps.tolist())) <= 1


@given(st.integers(2, 16), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_out_of_order_clips_are_shuffled_within_blocks(views, seed):
    rule = ViewSampling(steps=(1, 3), video=0.0, block=4)
    drawn = rule.draw(views, start=0, frames=3 * views, rng=np.random.default_rng(seed))
    blocks = [drawn[i : i + 4] for i in range(0, views, 4)]
    kept_in_order = [position for block in blocks for position in sorted(block)]
    taken_in_order = all(max(a) < min(b) for a, b in itertools.pairwise(blocks))
    # Frames that replace what fell off the end come last and may lie between the others.
    assert taken_in_order or sorted(kept_in_order) == sorted(drawn)


def test_sizes_of_the_first_half_come_twice_as_often():
    rule = BatchRule(clips=40_000, views=(1, 1), sizes=((1, 1), (2, 2), (3, 3), (4, 4), (5, 5)), max_images=1)
    plan = EpochPlan(rule, 0)
    sizes = [plan.request(position).image_hw[0] for position in range(len(plan))]
    shares = np.bincount(sizes)[1:] / len(sizes)
    np.testing.assert_allclose(shares, np.array([2, 2, 1, 1, 1]) / 7, atol=0.01)
