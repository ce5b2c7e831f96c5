"""Networks of the VGGT family: a causal or full aggregator, a camera head, and a plain or a mixture head for depth."""

from dataclasses import dataclass, field
from typing import cast

import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, cameras_from_encoding, encode_cameras
from mda.mixtures import DepthMixture, Family, Space
from mda.models.backbones import SPECIALS, Aggregator, AggregatorConfig, AggregatorState, AttentionMode
from mda.models.heads import CameraHead, CameraState, MixtureHead, PlainHead, Quantity
from mda.models.network import DepthNetwork, single_depth
from mda.models.precision import Precision
from mda.shapes import Bool, Float, Int, Tensor
from mda.structures import NetworkOutput, PointMap

_LARGE_CHANNELS = (256, 512, 1024, 1024)


@dataclass(frozen=True, kw_only=True)
class VggtConfig:
    """Sizes and settings of a network; the defaults are those of VGGT-1B.

    Attributes:
        aggregator: the transformer.
        features, channels: widths of the dense heads.
        components: number K of mixture components; None for plain depth with a confidence.
        family, space, sky: of the mixture, and whether it knows sky (the published one does not).
        independent: each weight is a sigmoid of its own (transparent surfaces).
        recompute: compute the mixture head again in the backward pass, to save memory in training.
        points: whether there is a head for points in the world.
        camera_heads, camera_blocks: attention heads and blocks of the camera head.
        precision: arithmetic of the transformer.
    """

    aggregator: AggregatorConfig = field(default_factory=AggregatorConfig)
    features: int = 256
    channels: tuple[int, int, int, int] = _LARGE_CHANNELS
    components: int | None = None
    family: Family = Family.NORMAL
    space: Space = Space.LOG
    sky: bool = False
    independent: bool = False
    recompute: bool = False
    points: bool = True
    camera_heads: int = 16
    camera_blocks: int = 4
    precision: Precision = Precision.AUTO

    def build(self) -> "VggtNetwork":
        """The network, with fresh weights."""
        return VggtNetwork(self)


class VggtNetwork(DepthNetwork):
    """Depth, cameras and (where trained for it) points of clips of any number of views; the first is the reference."""

    def __init__(self, config: VggtConfig) -> None:
        super().__init__()
        self.config = config
        self.patch = config.aggregator.patch
        dim = 2 * config.aggregator.dim
        self.aggregator = Aggregator(config.aggregator)
        self.camera_head = CameraHead(dim, heads=config.camera_heads, blocks=config.camera_blocks)

        def plain(quantity: Quantity) -> PlainHead:
            return PlainHead(
                dim,
                features=config.features,
                channels=config.channels,
                quantity=quantity,
                patch=self.patch,
                activated_skip=True,
            )

        mixture = config.components is not None
        self.depth_head = None if mixture else plain(Quantity.DEPTH)
        self.point_head = plain(Quantity.POINT) if config.points else None
        self.mixture_head = None
        if config.components is not None:
            self.mixture_head = MixtureHead(
                dim,
                features=config.features,
                channels=config.channels,
                components=config.components,
                sky=config.sky,
                independent=config.independent,
                recompute=config.recompute,
                patch=self.patch,
                activated_skip=True,
            )

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        cameras: Cameras | None = None,
        *,
        counts: Int[Tensor, " b"] | None = None,
        points: bool = False,
    ) -> NetworkOutput:
        """Look at the views of each clip together.

        Args:
            images: ImageNet-normalised RGB, height and width multiples of `patch`.
            cameras: must be None, these networks cannot be told cameras.
            counts: see `DepthNetwork`.
            points: also compute points in the world.

        Raises:
            ConfigError: sizes do not fit, cameras were given, or points are asked of a network without them.
        """
        if cameras is not None:
            message = "VGGT cannot take known cameras; leave them out or choose a Depth Anything 3 model."
            raise ConfigError(message)
        self._check(images, points=points)
        with self.config.precision.autocast(images.device):
            levels = self.aggregator(images, counts=counts)
        mask = self.config.aggregator.sight(images.shape[1], images.device, counts)
        return self._read(images, levels, mask=mask, points=points)

    def stream(self) -> "VggtStream":
        """A clip whose views come one at a time (ConfigError where attention is not causal)."""
        return VggtStream(self)

    def _check(self, images: Tensor, *, points: bool) -> None:
        self.check_size(images)
        if points and self.point_head is None:
            message = "This network has no head for points; take them from depth and cameras."
            raise ConfigError(message)

    def _read(
        self,
        images: Tensor,
        levels: tuple[Tensor, ...],
        *,
        mask: Bool[Tensor, "*n q v"] | None = None,
        state: CameraState | None = None,
        points: bool = False,
    ) -> NetworkOutput:
        """Output of the heads, which run in the precision of their weights."""
        clips = (images.shape[0], images.shape[1])
        image_hw = (images.shape[-2], images.shape[-1])
        with torch.autocast(images.device.type, enabled=False):
            dtype = self.camera_head.first_pose.dtype
            encoding = self.camera_head(levels[-1][:, :, 0].to(dtype), mask, state)[-1]
            cameras = world_from_cam(encoding, image_hw)
            patches = [level[:, :, SPECIALS:].flatten(0, 1).to(dtype) for level in levels]
            mixture, sky, activity = self._mixture(patches, clips, image_hw)
            cloud = None
            if points and self.point_head is not None:
                positions, confidence = self.point_head(patches, image_hw)
                cloud = PointMap(positions=positions.unflatten(0, clips), confidence=confidence.unflatten(0, clips))
        return NetworkOutput(
            mixture=mixture,
            sky_log_odds=sky,
            activity=activity,
            pose_encoding=encode_cameras(cameras),
            cameras=cameras,
            points=cloud,
        )

    def _mixture(
        self, patches: list[Tensor], clips: tuple[int, int], image_hw: tuple[int, int]
    ) -> tuple[DepthMixture, Tensor | None, Tensor | None]:
        """Density of depth from whichever head there is, the log odds of sky, and the logits of independent weights."""
        if self.depth_head is not None:
            depth, confidence = self.depth_head(patches, image_hw)
            return single_depth(depth[..., 0].unflatten(0, clips), confidence.unflatten(0, clips)), None, None
        maps = cast("MixtureHead", self.mixture_head)(patches, image_hw)
        sky, activity = (
            None if part is None else part.unflatten(0, clips) for part in (maps.sky_log_odds, maps.activity)
        )
        mixture = DepthMixture.from_confidence(
            depths=maps.depths.unflatten(0, clips),
            confidence=maps.confidence.unflatten(0, clips),
            log_weights=maps.log_weights.unflatten(0, clips),
            family=self.config.family,
            space=self.config.space,
            activity=activity,
        )
        return mixture, sky, activity


class VggtStream:
    """A clip in progress. Each view is seen once, and the result is that of the whole clip under the same attention.

    In window mode memory does not grow with the clip.
    """

    def __init__(self, network: VggtNetwork) -> None:
        self.network = network
        settings = network.config.aggregator
        self._tokens: AggregatorState = network.aggregator.start_stream()
        window = settings.window if settings.mode is AttentionMode.WINDOW else None
        self._cameras: CameraState = network.camera_head.start_stream(window)

    @torch.no_grad()
    def push(self, images: Float[Tensor, "b 3 h w"], *, points: bool = False) -> NetworkOutput:
        """Output for the next view of each clip, batch shape [b, 1].

        Raises:
            ConfigError: as in the network's forward.
        """
        network, views = self.network, images[:, None]
        network._check(views, points=points)  # noqa: SLF001 - the stream is a part of the network
        with network.config.precision.autocast(images.device):
            levels = network.aggregator(views, self._tokens)
        return network._read(views, levels, state=self._cameras, points=points)  # noqa: SLF001


def world_from_cam(encoding: Float[Tensor, "*b 9"], image_hw: tuple[int, int]) -> Cameras:
    """Cameras of VGGT's encoding, which speaks of `cam_from_world`."""
    inverse = cameras_from_encoding(encoding, image_hw)
    return Cameras(world_from_cam=inverse.cam_from_world, intrinsics=inverse.intrinsics, image_hw=image_hw)
