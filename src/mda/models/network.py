"""What every network is to the rest of the project."""

from abc import ABC, abstractmethod

import torch
from torch import nn

from mda.geometry import Cameras
from mda.mixtures import DepthMixture, Family, Space
from mda.models.layers import check_patch_multiple
from mda.shapes import Float, Int, Tensor
from mda.structures import NetworkOutput


class DepthNetwork(nn.Module, ABC):
    """Views of a clip in, density of depth (and sky, cameras) out.

    Attributes:
        patch: heights and widths of images must be multiples of it.
    """

    patch: int

    @abstractmethod
    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        cameras: Cameras | None = None,
        *,
        counts: Int[Tensor, " b"] | None = None,
    ) -> NetworkOutput:
        """Look at the views of each clip together.

        Args:
            images: RGB, normalised with the ImageNet mean and deviation.
            cameras: known cameras of batch shape [b, v], or None.
            counts: number of views of each clip where clips have different lengths. Views beyond it are padding: the
                others do not see them, and what comes out for them means nothing.

        Raises:
            ConfigError: the image size does not fit `patch`, or the network cannot be told cameras.
        """

    def check_size(self, images: Float[Tensor, "b v 3 h w"]) -> None:
        """Refuse images whose height or width is not a multiple of `patch` (ConfigError)."""
        check_patch_multiple((images.shape[-2], images.shape[-1]), self.patch)


def single_depth(depth: Float[Tensor, "*b"], confidence: Float[Tensor, "*b"]) -> DepthMixture:
    """One depth with a confidence as a density: one Laplace component in linear depth, scale 0.2 / confidence."""
    return DepthMixture.from_confidence(
        depths=depth[..., None],
        confidence=confidence[..., None],
        log_weights=torch.zeros_like(depth[..., None]),
        family=Family.LAPLACE,
        space=Space.LINEAR,
    )
