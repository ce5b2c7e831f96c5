"""Networks of the Depth Anything 3 family, put together from backbone, cameras and heads.

`AnyViewNetwork` looks at all views of a clip; its density is a mixture (MDA) or a single depth (plain DA3).
`MonoNetwork` looks at each view alone. Configurations build them: the one place where parts are chosen.
"""

from dataclasses import dataclass

import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, cameras_from_encoding
from mda.mixtures import DepthMixture, Family, Space
from mda.models.backbones import BackboneOutput, DinoBackbone, DinoConfig, ReferenceView
from mda.models.heads import DualHead, GaussianHead, MixtureHead, MonoHead, gaussians_from_raw, sky_log_odds
from mda.models.layers import CameraDecoder, CameraEncoder, sight
from mda.models.network import DepthNetwork, single_depth
from mda.models.precision import Precision
from mda.shapes import Float, Int, Tensor
from mda.structures import Gaussians, NetworkOutput, RayMap

_ENCODER_HEADS = 16
_ENCODER_BLOCKS = 4
# Distances of cameras are not divided by less than this when they are normalised (published release).
_MIN_SCALE = 0.1


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """Mixture head: components, family, space, whether it knows sky, independent weights, memory saving in training."""

    components: int = 4
    family: Family = Family.NORMAL
    space: Space = Space.LOG
    sky: bool = True
    independent: bool = False
    recompute: bool = False


@dataclass(frozen=True, kw_only=True)
class AnyViewConfig:
    """Sizes and settings of an any-view network.

    Attributes:
        backbone: the transformer; it must have a `special_start`.
        features, channels: widths of the dense heads.
        mixture: a mixture head beside the plain one, which then only gives rays; or None.
        gaussians: whether there is a head for 3D Gaussians.
        reference_view: how the reference view is chosen; mixture networks were trained with the first.
        precision: arithmetic of the backbone.
        encoder_heads: attention heads of the camera encoder.
    """

    backbone: DinoConfig
    features: int
    channels: tuple[int, int, int, int]
    mixture: MixtureConfig | None = None
    gaussians: bool = False
    reference_view: ReferenceView = ReferenceView.SADDLE_BALANCED
    precision: Precision = Precision.AUTO
    encoder_heads: int = _ENCODER_HEADS

    def build(self) -> "AnyViewNetwork":
        """The network, with fresh weights."""
        backbone, mixture = self.backbone, self.mixture
        dim = backbone.out_dim
        sizes = {"features": self.features, "channels": self.channels, "patch": backbone.patch}
        mixture_head = None
        if mixture is not None:
            mixture_head = MixtureHead(
                dim,
                **sizes,
                components=mixture.components,
                sky=mixture.sky,
                independent=mixture.independent,
                recompute=mixture.recompute,
            )
        return AnyViewNetwork(
            backbone=DinoBackbone(backbone),
            camera_encoder=CameraEncoder(backbone.dim, heads=self.encoder_heads, blocks=_ENCODER_BLOCKS),
            camera_decoder=CameraDecoder(dim),
            head=DualHead(dim, **sizes),
            mixture_head=mixture_head,
            gaussian_head=GaussianHead(dim, **sizes) if self.gaussians else None,
            config=self,
        )


class AnyViewNetwork(DepthNetwork):
    """Depth, cameras and (where trained for it) sky, rays and 3D Gaussians of clips of any number of views."""

    def __init__(
        self,
        *,
        backbone: DinoBackbone,
        camera_encoder: CameraEncoder,
        camera_decoder: CameraDecoder,
        head: DualHead,
        mixture_head: MixtureHead | None,
        gaussian_head: GaussianHead | None,
        config: AnyViewConfig,
    ) -> None:
        super().__init__()
        self.config = config
        self.patch = config.backbone.patch
        self.backbone = backbone
        self.camera_encoder = camera_encoder
        self.camera_decoder = camera_decoder
        self.head = head
        self.mixture_head = mixture_head
        self.gaussian_head = gaussian_head

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        cameras: Cameras | None = None,
        *,
        counts: Int[Tensor, " b"] | None = None,
        reference_view: ReferenceView | None = None,
        rays: bool = False,
        gaussians: bool = False,
    ) -> NetworkOutput:
        """Look at the views of each clip together.

        Args:
            images: ImageNet-normalised RGB, height and width multiples of `patch`.
            cameras: known cameras of batch shape [b, v], see `normalise_cameras`; or None.
            counts: see `DepthNetwork`.
            reference_view: overrides the configured choice.
            rays: also compute the ray map.
            gaussians: also compute 3D Gaussians, at the single depth of the plain head and the predicted cameras.

        Raises:
            ConfigError: sizes do not fit, or Gaussians are asked of a network without them.
        """
        self.check_size(images)
        if gaussians and self.gaussian_head is None:
            message = "This network has no head for 3D Gaussians; of the published ones only da3-giant has."
            raise ConfigError(message)
        with torch.autocast(images.device.type, enabled=False):
            tokens = None if cameras is None else self.camera_encoder(cameras, sight(counts, images.shape[1]))
        with self.config.precision.autocast(images.device):
            features = self.backbone(
                images, tokens, reference_view=reference_view or self.config.reference_view, counts=counts
            )
        with torch.autocast(images.device.type, enabled=False):
            return self._read(images, features, rays=rays, gaussians=gaussians)

    def _read(self, images: Tensor, features: BackboneOutput, *, rays: bool, gaussians: bool) -> NetworkOutput:
        """Output of the heads."""
        clips = (images.shape[0], images.shape[1])
        image_hw = (images.shape[-2], images.shape[-1])
        levels = [level.flatten(0, 1) for level in features.features]
        encoding = self.camera_decoder(features.camera_tokens[-1])
        cameras = cameras_from_encoding(encoding, image_hw)
        mixture, sky, activity, ray_map, splats = None, None, None, None, None
        if self.mixture_head is not None and self.config.mixture is not None:
            maps = self.mixture_head(levels, image_hw)
            activity = None if maps.activity is None else maps.activity.unflatten(0, clips)
            mixture = DepthMixture.from_confidence(
                depths=maps.depths.unflatten(0, clips),
                confidence=maps.confidence.unflatten(0, clips),
                log_weights=maps.log_weights.unflatten(0, clips),
                family=self.config.mixture.family,
                space=self.config.mixture.space,
                activity=activity,
            )
            sky = None if maps.sky_log_odds is None else maps.sky_log_odds.unflatten(0, clips)
        if mixture is None or rays or gaussians:
            plain = self.head(levels, image_hw, rays=rays)
            depth = plain.depth.unflatten(0, clips)
            if mixture is None:
                mixture = single_depth(depth, plain.confidence.unflatten(0, clips))
            if plain.rays is not None and plain.ray_confidence is not None:
                ray_map = RayMap(
                    rays=plain.rays.unflatten(0, clips), confidence=plain.ray_confidence.unflatten(0, clips)
                )
            if gaussians:
                splats = self._gaussians(images, levels, depth, cameras)
        return NetworkOutput(
            mixture=mixture,
            sky_log_odds=sky,
            activity=activity,
            pose_encoding=encoding,
            cameras=cameras,
            rays=ray_map,
            gaussians=splats,
        )

    def _gaussians(self, images: Tensor, levels: list[Tensor], depth: Tensor, cameras: Cameras) -> Gaussians | None:
        """3D Gaussians at the given depth."""
        if self.gaussian_head is None:
            return None
        raw, density = self.gaussian_head(levels, images.flatten(0, 1))
        clips = (images.shape[0], images.shape[1])
        return gaussians_from_raw(raw.unflatten(0, clips), density.unflatten(0, clips), depth, cameras)


@dataclass(frozen=True, kw_only=True)
class MonoConfig:
    """Sizes and settings of a single-view network (depth and sky)."""

    backbone: DinoConfig
    features: int
    channels: tuple[int, int, int, int]
    precision: Precision = Precision.AUTO

    def build(self) -> "MonoNetwork":
        """The network, with fresh weights."""
        head = MonoHead(
            self.backbone.out_dim, features=self.features, channels=self.channels, patch=self.backbone.patch
        )
        return MonoNetwork(backbone=DinoBackbone(self.backbone), head=head, config=self)


class MonoNetwork(DepthNetwork):
    """Depth and sky of each view alone; no cameras, no confidence (it is taken as 1)."""

    def __init__(self, *, backbone: DinoBackbone, head: MonoHead, config: MonoConfig) -> None:
        super().__init__()
        self.config = config
        self.patch = config.backbone.patch
        self.backbone = backbone
        self.head = head

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        cameras: Cameras | None = None,
        *,
        counts: Int[Tensor, " b"] | None = None,  # noqa: ARG002 - no view sees another here, padding or not
    ) -> NetworkOutput:
        """Look at each view.

        Raises:
            ConfigError: sizes do not fit, or cameras were given.
        """
        self.check_size(images)
        if cameras is not None:
            message = "A single-view network cannot take known cameras; leave them out or choose an any-view model."
            raise ConfigError(message)
        clips = (images.shape[0], images.shape[1])
        with self.config.precision.autocast(images.device):
            features = self.backbone(images)
        with torch.autocast(images.device.type, enabled=False):
            levels = [level.flatten(0, 1) for level in features.features]
            maps = self.head(levels, (images.shape[-2], images.shape[-1]))
        depth = maps.depth.unflatten(0, clips)
        sky = sky_log_odds(maps.sky).unflatten(0, clips)
        return NetworkOutput(mixture=single_depth(depth, torch.ones_like(depth)), sky_log_odds=sky)


def normalise_cameras(cameras: Cameras, *, rescale: bool) -> Cameras:
    """Known cameras as the networks were trained to get them: in the frame of the first view.

    Args:
        cameras: batch shape [*b, v].
        rescale: also divide translations by the median distance of the camera centres from the first (at least 0.1), as
            the published Depth Anything 3 does; the published mixture network does not.
    """
    cameras = cameras.relative_to_first()
    if not rescale:
        return cameras
    distance = cameras.centers.norm(dim=-1).median(dim=-1).values.clamp_min(_MIN_SCALE)
    return cameras.scaled((1 / distance)[..., None].expand(cameras.batch_shape))
