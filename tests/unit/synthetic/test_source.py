import pickle

import numpy as np
import pytest

from mda.errors import ConfigError
from mda.synthetic import ProceduralSource, render_clip

SOURCE = ProceduralSource(first_seed=40, clips=6, views=(1, 3), sizes=((24, 32), (32, 24)))


def test_clips_are_those_of_their_seeds():
    clip = SOURCE.clip(2)
    assert clip.seed == 42
    again = render_clip(42, views=clip.num_views, image_hw=clip.image_hw)
    assert np.array_equal(clip.images, again.images)


def test_views_and_sizes_vary_and_stay_within_limits():
    clips = [SOURCE.clip(i) for i in range(len(SOURCE))]
    assert {clip.num_views for clip in clips} <= {1, 2, 3}
    assert len({clip.num_views for clip in clips}) > 1
    assert {clip.image_hw for clip in clips} == {(24, 32), (32, 24)}


def test_sources_can_be_sent_to_other_processes():
    copy = pickle.loads(pickle.dumps(SOURCE))  # noqa: S301 - our own pickle
    assert np.array_equal(copy.clip(1).depth, SOURCE.clip(1).depth)


@pytest.mark.parametrize("index", [-1, 6])
def test_there_are_no_clips_beyond_the_ends(index):
    with pytest.raises(IndexError):
        SOURCE.clip(index)


@pytest.mark.parametrize("settings", [{"clips": 0}, {"views": (3, 2)}, {"views": (0, 2)}, {"sizes": ()}])
def test_empty_ranges_are_refused(settings):
    with pytest.raises(ConfigError, match="needs clips"):
        ProceduralSource(**settings)
