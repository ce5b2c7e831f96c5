"""Which cameras a network is told and which it is asked for: true ones only."""

from dataclasses import replace

import numpy as np
import torch

from mda.data.batches import Batch
from mda.geometry import Cameras
from mda.structures import Targets
from mda.training.config import NetworkConfig

# Factors of the translations of scaled cameras.
_SMALLEST, _LARGEST = 0.01, 10.0


def told_cameras(cameras: Cameras, number: int, *, seed: int, config: NetworkConfig) -> Cameras | None:
    """True cameras to tell the network for a batch, or None; a function of the seed and the batch's number alone.

    A share `tell_cameras` of the batches is told; a share `scaled_cameras` of those with all translations multiplied by
    one uniformly drawn factor, so that the network learns to follow the scale it is told.
    """
    if config.tell_cameras <= 0:
        return None
    rng = np.random.default_rng([seed, number, 3])
    if rng.random() >= config.tell_cameras:
        return None
    if rng.random() >= config.scaled_cameras:
        return cameras
    factor = rng.uniform(_SMALLEST, _LARGEST)
    return cameras.scaled(cameras.centers.new_full(cameras.centers.shape[:-1], factor))


def known_targets(batch: Batch) -> Targets:
    """Targets of a batch without the made-up cameras of single pictures: the loss leaves out what is not finite."""
    if all(batch.cameras_known):
        return batch.targets
    cameras = batch.targets.cameras
    known = torch.tensor(batch.cameras_known, device=cameras.world_from_cam.device)[:, None, None, None]
    return replace(
        batch.targets,
        cameras=replace(cameras, world_from_cam=torch.where(known, cameras.world_from_cam, torch.nan)),
    )
