"""A network that knows the truth, to tell what the pipeline around a network does by itself."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from mda.data.batches import IMAGENET_MEAN, IMAGENET_STD
from mda.data.source import SceneClip
from mda.errors import ConfigError
from mda.geometry import Cameras, Similarity, matrix_from_quaternion
from mda.inference.predictor import Predictor
from mda.mixtures import DepthMixture, Family, Space
from mda.models import DepthNetwork
from mda.models.presets import PRESETS
from mda.shapes import Float, Int, Tensor
from mda.structures import NetworkOutput

# Log odds of sky where there is some, and their negative elsewhere; confidence of all depths (see `DepthMixture`).
_SURE, _CONFIDENCE = 9.0, 400.0
# Of the two components: weights, and depth of the wrong one relative to the right one.
_WEIGHTS, _WRONG = (0.7, 0.3), 3.0
# Spread of the logarithm of a window's scale, and of its origin in units of the clip's median depth.
_SCALE_SPREAD, _ORIGIN_SPREAD = 0.7, 5.0
_NOISE_CELLS = 4
_SEED_STEP = 1_000_003


class OracleNetwork(DepthNetwork):
    """Depth, sky and cameras of one clip as they are, in a world and scale of its own each time it looks.

    Which similarity transform lies between that world and the true one follows from the views that are looked at, as it
    would with a real network. Errors can be added: they are drawn anew for every look, from a seed that follows from
    the same views, so an oracle answers the same question always the same.

    Args:
        clip: the truth. Its views must all look different.
        patch: sizes are multiples of it.
        depth_noise: deviation of the logarithm of depth, smooth over a quarter of the picture, of each view.
        rotation_noise: deviation of a camera's rotation about each axis, degrees.
        translation_noise: deviation of a camera's centre along each axis, as a share of the clip's median depth.
    """

    def __init__(
        self,
        clip: SceneClip,
        *,
        patch: int = 8,
        depth_noise: float = 0.0,
        rotation_noise: float = 0.0,
        translation_noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.clip = clip
        self.noise = depth_noise, rotation_noise, translation_noise
        self._numbers = {picture.tobytes(): number for number, picture in enumerate(clip.images)}
        self._unit = float(np.median(clip.depth[clip.valid]))

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        cameras: Cameras | None = None,
        *,
        counts: Int[Tensor, " b"] | None = None,
    ) -> NetworkOutput:
        """The truth about the views of one clip, which must be those of the oracle's at their own size.

        Raises:
            ConfigError: there are several clips, known cameras, or a view that is none of the clip.
        """
        self.check_size(images)
        if len(images) != 1 or cameras is not None or counts is not None:
            message = "An oracle looks at one clip at a time, and cannot be told cameras."
            raise ConfigError(message)
        numbers = [self._number(image) for image in images[0]]
        generator = torch.Generator().manual_seed(_SEED_STEP * numbers[0] + numbers[-1])
        world, found = self._world(generator), self._cameras(numbers, generator)
        depth, known = self._depth(numbers, generator)
        depth = depth * world.scale
        mixture = DepthMixture.from_confidence(
            depths=torch.stack([depth, _WRONG * depth], -1),
            confidence=torch.full((*depth.shape, 2), _CONFIDENCE),
            log_weights=torch.tensor(_WEIGHTS).log().expand(*depth.shape, 2),
            family=Family.NORMAL,
            space=Space.LOG,
        )
        return NetworkOutput(
            mixture=mixture[None],
            sky_log_odds=torch.where(known, -_SURE, _SURE)[None],
            cameras=world.apply_to(found)[None],
        )

    def _number(self, image: Float[Tensor, "3 h w"]) -> int:
        """Which view of the clip a picture is."""
        mean, deviation = (image.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        pixels = ((image * deviation + mean) * 255).round().to(torch.uint8).permute(1, 2, 0)
        number = self._numbers.get(pixels.cpu().numpy().tobytes())
        if number is None:
            message = "An oracle knows the views of its own clip only, at their own size."
            raise ConfigError(message)
        return number

    def _world(self, generator: torch.Generator) -> Similarity:
        """From the true world to that of a look."""
        quaternion = torch.randn(4, generator=generator)
        return Similarity(
            scale=float((_SCALE_SPREAD * torch.randn((), generator=generator)).exp()),
            rotation=matrix_from_quaternion(quaternion / quaternion.norm()),
            translation=_ORIGIN_SPREAD * self._unit * torch.randn(3, generator=generator),
        )

    def _cameras(self, numbers: Sequence[int], generator: torch.Generator) -> Cameras:
        """The true cameras, and their errors."""
        _, rotation, translation = self.noise
        poses = torch.from_numpy(self.clip.world_from_cam[list(numbers)]).clone()
        half = torch.randn(len(numbers), 3, generator=generator) * np.radians(rotation) / 2
        turn = torch.cat([half, torch.ones(len(numbers), 1)], -1)
        poses[:, :3, :3] = poses[:, :3, :3] @ matrix_from_quaternion(turn / turn.norm(dim=-1, keepdim=True))
        poses[:, :3, 3] += translation * self._unit * torch.randn(len(numbers), 3, generator=generator)
        intrinsics = torch.from_numpy(self.clip.intrinsics[list(numbers)])
        return Cameras(world_from_cam=poses, intrinsics=intrinsics, image_hw=self.clip.image_hw)

    def _depth(self, numbers: Sequence[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The true depth and its errors, [v, h, w], and where it is known."""
        known = torch.from_numpy(self.clip.valid[list(numbers)])
        depth = torch.where(known, torch.from_numpy(self.clip.depth[list(numbers)]), self._unit)
        cells = torch.randn(len(numbers), 1, _NOISE_CELLS, _NOISE_CELLS, generator=generator)
        smooth = torch.nn.functional.interpolate(cells, size=self.clip.image_hw, mode="bilinear", align_corners=True)
        return depth * (self.noise[0] * smooth[:, 0]).exp(), known


def oracle_predictor(network: OracleNetwork) -> Predictor:
    """A predictor of an oracle, on the CPU."""
    preset = replace(
        PRESETS["mda_mini"], name="oracle", title="The truth", long_side=max(network.clip.image_hw), patch=network.patch
    )
    return Predictor(network=network.eval(), preset=preset, device=torch.device("cpu"))
