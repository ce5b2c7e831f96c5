"""A network whose answers are known: depth follows from the brightness of a pixel, scale from the call."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from mda.data.batches import IMAGENET_MEAN, IMAGENET_STD
from mda.geometry import Cameras
from mda.inference import Predictor
from mda.io.clips import ClipView
from mda.io.resize import CropBox, ResizedView
from mda.mixtures import DepthMixture, Family, Space
from mda.models import DepthNetwork
from mda.models.presets import PRESETS
from mda.structures import NetworkOutput

# Depths of the brightest and the darkest pixel.
NEAR, FAR = 1.0, 5.0


def true_depth(pixels: np.ndarray) -> np.ndarray:
    """What the network sees in RGB pixels, at scale 1."""
    return (FAR - (FAR - NEAR) * pixels[..., 0] / 255).astype(np.float32)


class PretendNetwork(DepthNetwork):
    """Two components, the first of them right; call number n is off by the factor scales[n]."""

    patch = 8

    def __init__(self, *, scales=(1.0,), space=Space.LOG, sky=True, cameras=True) -> None:
        super().__init__()
        self.scales, self.space, self.sky, self.predicts_cameras = scales, space, sky, cameras
        self.calls: list[int] = []
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, images, cameras=None, *, counts=None) -> NetworkOutput:
        assert cameras is None
        self.check_size(images)
        batch, views, _, height, width = images.shape
        factor = self.scales[min(len(self.calls), len(self.scales) - 1)]
        self.calls.append(views if batch == 1 else (batch, views) if counts is None else counts.tolist())
        red = images[:, :, 0] * IMAGENET_STD[0] + IMAGENET_MEAN[0]
        depth = factor * (FAR - (FAR - NEAR) * red) * self.weight
        # Black is sky; `pictures` have none.
        sky = torch.where(red < 0.02, 9.0, -9.0)
        mixture = DepthMixture.from_confidence(
            depths=torch.stack([depth, 3 * depth], -1),
            confidence=torch.stack([torch.full_like(depth, 400.0), torch.full_like(depth, 300.0)], -1),
            log_weights=torch.tensor([0.7, 0.3]).log().expand(*depth.shape, 2),
            family=Family.NORMAL,
            space=self.space,
        )
        # The brightness of the first pixel is where the camera stands, in a world of arbitrary origin.
        pose = torch.eye(4).repeat(batch, views, 1, 1)
        pose[..., 0, 3] = factor * (7 + red[..., 0, 0])
        fov = torch.full((batch, views, 2), 1.0)
        found = Cameras.from_fov(pose, fov, (height, width)) if self.predicts_cameras else None
        return NetworkOutput(mixture=mixture, sky_log_odds=sky if self.sky else None, cameras=found)


def pretend_predictor(**options) -> Predictor:
    preset = replace(PRESETS["mda_mini"], long_side=32, patch=8)
    return Predictor(network=PretendNetwork(**options).eval(), preset=preset, device=torch.device("cpu"))


def pictures(count: int, *, hw=(24, 32), seed=0) -> list[np.ndarray]:
    """Grey noise without black."""
    rng = np.random.default_rng(seed)
    return [np.repeat(rng.integers(30, 256, (*hw, 1), dtype=np.uint8), 3, axis=-1) for _ in range(count)]


def clip_views(images: list[np.ndarray]) -> list[ClipView]:
    return [
        ClipView(
            name=f"{number}.png",
            number=number,
            view=ResizedView(
                pixels=pixels,
                source_hw=pixels.shape[:2],
                crop=CropBox(top=0, left=0, height=pixels.shape[0], width=pixels.shape[1]),
            ),
        )
        for number, pixels in enumerate(images)
    ]
