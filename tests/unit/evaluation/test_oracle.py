"""Long clips of an oracle: what windows and joints do by themselves."""

import numpy as np
import pytest
import torch

from mda.errors import ConfigError
from mda.evaluation.drift import Drift, drift
from mda.evaluation.oracle import OracleNetwork, oracle_predictor
from mda.inference.joints import Joint
from mda.synthetic import render_clip

# A procedural clip whose cameras follow a path.
SEED, VIEWS, HW = 2_000_022, 60, (48, 64)


@pytest.fixture(scope="module")
def clip():
    return render_clip(SEED, views=VIEWS, image_hw=HW)


def drift_of(clip, predictions) -> Drift:
    centers = np.concatenate([prediction.cameras.centers.numpy() for prediction in predictions])
    depths = [depth for prediction in predictions for depth in prediction.depth.numpy()]
    return drift(centers, depths, clip.world_from_cam[:, :3, 3], clip.depth, clip.valid)


def joined(clip, network, **options):
    prediction = oracle_predictor(network).predict(list(clip.images), **options)
    return [prediction], [Joint(**joint) for joint in prediction.details["joints"]]


def in_pieces(clip, network, views):
    """The same windows, one after the other, each in its own world."""
    predictor = oracle_predictor(network)
    return [predictor.predict(list(clip.images[at : at + views]), max_views=views) for at in range(0, VIEWS, views)]


@pytest.mark.parametrize("order", ["sequence", "unordered"])
def test_joints_of_a_network_without_errors_leave_none(clip, order) -> None:
    predictions, joints = joined(clip, OracleNetwork(clip), max_views=8, order=order)
    assert len(joints) == 9
    found = drift_of(clip, predictions)
    assert found.trajectory < 1e-4
    assert found.scale < 1e-4
    assert found.jump < 1e-4
    # The transforms that were undone were large.
    assert max(abs(np.log(joint.scale)) for joint in joints) > 0.5
    assert all(joint.residual_scale < 1e-4 and joint.residual_rotation_degrees < 0.1 for joint in joints)


def test_without_joints_the_same_windows_are_no_trajectory(clip) -> None:
    found = drift_of(clip, in_pieces(clip, OracleNetwork(clip), 8))
    assert found.trajectory > 0.5
    assert found.scale > 0.3


def test_errors_of_a_network_add_up_slowly_and_are_reported(clip) -> None:
    network = OracleNetwork(clip, depth_noise=0.03, rotation_noise=0.3, translation_noise=0.003)
    predictions, joints = joined(clip, network, max_views=16)
    apart, found = drift_of(clip, in_pieces(clip, network, 16)), drift_of(clip, predictions)
    assert found.trajectory < 0.1 * apart.trajectory
    assert found.scale < 0.1
    medians = {
        name: np.median([getattr(joint, name) for joint in joints])
        for name in ("residual_scale", "residual_rotation_degrees", "residual_translation")
    }
    assert 0.003 < medians["residual_scale"] < 0.1
    assert 0.2 < medians["residual_rotation_degrees"] < 3
    assert 0.002 < medians["residual_translation"] < 0.1


def test_an_oracle_answers_the_same_question_the_same(clip) -> None:
    network = OracleNetwork(clip, depth_noise=0.1, rotation_noise=1.0, translation_noise=0.1)
    predictor = oracle_predictor(network)
    once, again = (predictor.predict(list(clip.images[:3])) for _ in range(2))
    assert torch.equal(once.depth, again.depth)
    assert torch.equal(once.cameras.world_from_cam, again.cameras.world_from_cam)


def test_an_oracle_knows_nothing_else(clip) -> None:
    predictor = oracle_predictor(OracleNetwork(clip))
    with pytest.raises(ConfigError, match="own clip"):
        predictor.predict(255 - clip.images[0])
    with pytest.raises(ConfigError, match="one clip at a time"):
        list(predictor.predict_clips([[clip.images[0]], [clip.images[1]]]))
