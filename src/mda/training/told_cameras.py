"""Telling a network the true cameras now and then, so that it can use known ones later (published recipe)."""

import math

import numpy as np

from mda.geometry import Cameras
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
    if not math.isfinite(factor):
        return cameras
    return cameras.scaled(cameras.centers.new_full(cameras.centers.shape[:-1], factor))
