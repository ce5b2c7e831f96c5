"""What every network of the project returns."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from mda.geometry import Cameras
from mda.mixtures import DepthMixture, TransparentLayers
from mda.shapes import Bool, Float, Tensor


@dataclass(frozen=True, kw_only=True)
class RayMap:
    """Rays predicted per pixel of a grid that may be coarser than the image (Depth Anything 3).

    Attributes:
        rays: [b, v, h', w', 6] direction and moment channels as the network gives them.
        confidence: [b, v, h', w'] raw confidence, > 1.
    """

    rays: Float[Tensor, "b v rh rw 6"]
    confidence: Float[Tensor, "b v rh rw"]


@dataclass(frozen=True, kw_only=True)
class PointMap:
    """Points in the world predicted per pixel, beside depth and cameras (VGGT).

    Attributes:
        positions: [b, v, h, w, 3].
        confidence: [b, v, h, w] raw confidence, > 1.
    """

    positions: Float[Tensor, "b v h w 3"]
    confidence: Float[Tensor, "b v h w"]


@dataclass(frozen=True, kw_only=True)
class Gaussians:
    """3D Gaussians in the world, one per pixel, flattened over views and pixels.

    Attributes:
        means: [b, n, 3]; scales: [b, n, 3]; rotations: [b, n, 4] as the published release orders them;
        harmonics: [b, n, 3, 9]; opacities: [b, n].
    """

    means: Float[Tensor, "b n 3"]
    scales: Float[Tensor, "b n 3"]
    rotations: Float[Tensor, "b n 4"]
    harmonics: Float[Tensor, "b n 3 9"]
    opacities: Float[Tensor, "b n"]


@dataclass(frozen=True, kw_only=True)
class NetworkOutput:
    """Mixture, sky and cameras of a batch of clips.

    A network that gives one depth and a confidence is a mixture of one component: family laplace, space linear.

    Attributes:
        mixture: density of depth, batch shape [b, v, h, w].
        sky_log_odds: [b, v, h, w] log odds of sky against all finite components together, or None where the network
            does not know sky.
        activity: [b, v, h, w, k] logits of independent weights, or None where the weights are shares of one.
        pose_encoding: [b, v, 9] raw pose encoding of `world_from_cam`, or None.
        cameras: cameras decoded from it, batch shape [b, v], world frame as the network chose it; or None.
        rays: ray map, or None.
        gaussians: 3D Gaussians, or None.
        points: points in the world, or None.
    """

    mixture: DepthMixture
    sky_log_odds: Float[Tensor, "b v h w"] | None = None
    activity: Float[Tensor, "b v h w k"] | None = None
    pose_encoding: Float[Tensor, "b v 9"] | None = None
    cameras: Cameras | None = None
    rays: RayMap | None = None
    gaussians: Gaussians | None = None
    points: PointMap | None = None

    @property
    def p_sky(self) -> Float[Tensor, "b v h w"] | None:
        """Probability of sky."""
        return None if self.sky_log_odds is None else self.sky_log_odds.sigmoid()

    @property
    def sky(self) -> Bool[Tensor, "b v h w"] | None:
        """Pixels where sky outweighs every single finite component (paper §sky: no threshold)."""
        return None if self.sky_log_odds is None else is_sky(self.sky_log_odds, self.mixture.log_weights)

    @property
    def layers(self) -> TransparentLayers | None:
        """First and last surface and where there are two, for networks that know transparent surfaces; or None."""
        return self.mixture.transparent_layers()

    @property
    def log_weights_with_sky(self) -> Float[Tensor, "b v h w k1"] | None:
        """Log weights of the finite components and, last, of sky; they sum to one together."""
        if self.sky_log_odds is None:
            return None
        odds = self.sky_log_odds[..., None]
        finite = self.mixture.log_weights + functional.logsigmoid(-odds)
        return torch.cat([finite, functional.logsigmoid(odds)], dim=-1)


def is_sky(sky_log_odds: Float[Tensor, "*b"], log_weights: Float[Tensor, "*b k"]) -> Bool[Tensor, "*b"]:
    """Whether sky has the largest weight among itself and the finite components; a tie is not sky."""
    return sky_log_odds > log_weights.amax(-1)
