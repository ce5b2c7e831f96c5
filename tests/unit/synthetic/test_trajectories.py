"""Choosing hundreds of poses takes time in proportion to their number."""

import numpy as np
import pytest

from mda.synthetic import render_clip, trajectories

UNORDERED = 2_000_001


def test_each_pose_is_compared_with_few_others(monkeypatch) -> None:
    calls, overlap = [], trajectories._overlap

    def counting(*probes):
        calls.append(probes)
        return overlap(*probes)

    monkeypatch.setattr(trajectories, "_overlap", counting)
    clip = render_clip(UNORDERED, views=60, image_hw=(12, 16))
    steps = np.linalg.norm(np.diff(clip.world_from_cam[:, :3, 3], axis=0), axis=-1)
    assert steps.mean() > 0.1 * np.ptp(clip.world_from_cam[:, :3, 3], axis=0).max(), "a path, not a set without order"
    assert len(calls) <= 2 * 60


@pytest.mark.parametrize("seed", [UNORDERED, 2_000_004])
def test_the_nearest_poses_are_asked_first(seed) -> None:
    """The order of asking is no part of the answer: the same poses come out as when all are asked."""
    first = render_clip(seed, views=12, image_hw=(12, 16)).world_from_cam

    def any_order(_, anchors):
        return [probe for _, probe in reversed(anchors)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trajectories, "_nearest_first", any_order)
        np.testing.assert_array_equal(render_clip(seed, views=12, image_hw=(12, 16)).world_from_cam, first)
