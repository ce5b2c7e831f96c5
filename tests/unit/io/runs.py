"""Predictions and views made for tests."""

import numpy as np
import torch

from mda.geometry import Cameras
from mda.io.archive import RunInfo, RunView
from mda.mixtures import DepthMixture
from mda.structures import Prediction

SIZE = (28, 42)


def mixture(*batch, components=3, family="laplace", space="linear"):
    return DepthMixture(
        locs=torch.rand(*batch, components) + 1,
        scales=torch.rand(*batch, components) + 0.1,
        log_weights=torch.randn(*batch, components).log_softmax(-1),
        family=family,
        space=space,
    )


def prediction(views=3, *, knows_sky=True, with_mixture=True, hw=SIZE):
    height, width = hw
    poses = torch.eye(4).repeat(views, 1, 1)
    poses[:, :3, 3] = torch.randn(views, 3)
    return Prediction(
        images=torch.randint(0, 256, (views, height, width, 3), dtype=torch.uint8),
        names=tuple(f"photo ü {i}.jpg" for i in range(views)),
        depth=torch.rand(views, height, width) * 9 + 1,
        cameras=Cameras.from_fov(poses, torch.rand(views, 2) + 0.5, hw),
        confidence=torch.rand(views, height, width) + 1,
        mixture=mixture(views, height, width) if with_mixture else None,
        sky_log_odds=torch.randn(views, height, width) if knows_sky else None,
        decoder="mode",
        model="mda_mini",
        licence="Apache-2.0",
        details={"sizes": {"asked": 504}, "timings": {"network": 1.5}, "device": "cpu"},
    )


def view(number=0, size=SIZE):
    """A view whose depth tells its number."""
    return RunView(
        name=f"{number}.jpg",
        color=np.full((*size, 3), number, np.uint8),
        depth=np.full(size, 1.0 + number, np.float32),
        world_from_cam=np.eye(4, dtype=np.float32),
        intrinsics=np.diag([40.0, 40.0, 1.0]).astype(np.float32),
        sky=np.zeros(size, bool),
        confidence=np.full(size, 2.0, np.float32),
    )


def info(**settings):
    return RunInfo(model="mda_mini", licence="Apache-2.0", decoder="mode", command="mda predict x", settings=settings)
