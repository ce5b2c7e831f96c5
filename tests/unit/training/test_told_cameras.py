from dataclasses import replace

import pytest
import torch

from mda.losses import TrainingLoss
from mda.training.config import NetworkConfig
from mda.training.data_config import ProceduralDataConfig
from mda.training.procedural_data import training_batch
from mda.training.told_cameras import known_targets, told_cameras
from tests.unit.training.networks import mini

SMALL = ProceduralDataConfig(sizes=[[32, 48]], min_views=2, num_views=2, views_per_batch=4)
CONFIG = NetworkConfig(tell_cameras=0.2, scaled_cameras=0.2)


@pytest.fixture(scope="module")
def batch():
    return training_batch(SMALL, 0)


def test_a_fifth_of_the_batches_is_told_and_a_fifth_of_those_at_another_scale(batch):
    cameras = batch.targets.cameras
    told = [told_cameras(cameras, number, seed=1, config=CONFIG) for number in range(1000)]
    given = [found for found in told if found is not None]
    scaled = [found for found in given if found is not cameras]
    assert 150 < len(given) < 250
    assert 0.1 < len(scaled) / len(given) < 0.3
    for found in scaled[:5]:
        ratio = found.centers[:, 1] / cameras.centers[:, 1]
        assert torch.allclose(ratio, ratio[0, 0].expand_as(ratio), rtol=1e-4)
        assert torch.equal(found.world_from_cam[..., :3, :3], cameras.world_from_cam[..., :3, :3])


def test_the_draw_follows_from_seed_and_number(batch):
    def drawn(seed):
        return [told_cameras(batch.targets.cameras, n, seed=seed, config=CONFIG) is not None for n in range(60)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert not any(
        told_cameras(batch.targets.cameras, n, seed=1, config=NetworkConfig()) is not None for n in range(60)
    )


def test_made_up_cameras_are_not_asked_for(batch):
    network = mini().eval()
    with torch.no_grad():
        output = network(batch.images)
    assert known_targets(batch) is batch.targets
    half = TrainingLoss()(output, known_targets(replace(batch, cameras_known=(True, False))))
    none = TrainingLoss()(output, known_targets(replace(batch, cameras_known=(False, False))))
    assert float(none.terms.rotation) == float(none.terms.points) == 0
    assert float(half.terms.rotation) > 0
    assert float(none.terms.depth) == pytest.approx(float(TrainingLoss()(output, batch.targets).terms.depth))
