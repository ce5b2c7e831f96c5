"""Cameras: poses and intrinsics of views, and the only place that multiplies intrinsics.

Conventions: OpenCV axes (x right, y down, z forward); `world_from_cam` takes camera points to world points; the
centre of the top-left pixel lies at (0.5, 0.5), so resizing an image is a pure ratio; depth is z, not ray length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from mda.errors import ConfigError
from mda.geometry.rigid import rigid_inverse
from mda.shapes import Float, Tensor

# Smallest tangent of a half field of view that is told apart from zero (published release).
_MIN_TANGENT = 1e-6


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """Pinhole cameras of any batch shape `*b`, all with images of one size.

    Attributes:
        world_from_cam: [*b, 4, 4] rigid motions from camera to world.
        intrinsics: [*b, 3, 3] in pixels of `image_hw`.
        image_hw: height and width of the images in pixels.
    """

    # Two names for *b: that they agree is checked below, for users too, with a message of ours.
    world_from_cam: Float[Tensor, "*poses 4 4"]
    intrinsics: Float[Tensor, "*cameras 3 3"]
    image_hw: tuple[int, int]

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together.

        Raises:
            ConfigError: the shapes are not [*b, 4, 4] and [*b, 3, 3] with the same *b.
        """
        poses, intrinsics = tuple(self.world_from_cam.shape), tuple(self.intrinsics.shape)
        if poses[-2:] != (4, 4) or intrinsics[-2:] != (3, 3) or poses[:-2] != intrinsics[:-2]:
            message = f"Cameras need [*b, 4, 4] poses and [*b, 3, 3] intrinsics, found {poses} and {intrinsics}."
            raise ConfigError(message)

    @classmethod
    def from_fov(
        cls, world_from_cam: Float[Tensor, "*b 4 4"], fov: Float[Tensor, "*b 2"], image_hw: tuple[int, int]
    ) -> "Cameras":
        """Cameras from fields of view (vertical, horizontal; radians), principal point at the image centre."""
        height, width = image_hw
        tangents = (fov / 2).tan().clamp_min(_MIN_TANGENT)
        zero, one = torch.zeros_like(tangents[..., 0]), torch.ones_like(tangents[..., 0])
        rows = [
            torch.stack([width / 2 / tangents[..., 1], zero, width / 2 * one], dim=-1),
            torch.stack([zero, height / 2 / tangents[..., 0], height / 2 * one], dim=-1),
            torch.stack([zero, zero, one], dim=-1),
        ]
        return cls(world_from_cam=world_from_cam, intrinsics=torch.stack(rows, dim=-2), image_hw=image_hw)

    @classmethod
    def joined(cls, cameras: Sequence["Cameras"]) -> "Cameras":
        """Cameras of images of one size one after the other, along the first batch axis."""
        return replace(
            cameras[0],
            world_from_cam=torch.cat([part.world_from_cam for part in cameras]),
            intrinsics=torch.cat([part.intrinsics for part in cameras]),
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading shape `*b`."""
        return tuple(self.world_from_cam.shape[:-2])

    @property
    def cam_from_world(self) -> Float[Tensor, "*b 4 4"]:
        """Inverse poses."""
        return rigid_inverse(self.world_from_cam)

    @property
    def centers(self) -> Float[Tensor, "*b 3"]:
        """Camera centres in the world."""
        return self.world_from_cam[..., :3, 3]

    @property
    def fov(self) -> Float[Tensor, "*b 2"]:
        """Vertical and horizontal field of view in radians, 2 atan(size / 2 / focal)."""
        height, width = self.image_hw
        half = torch.stack([height / 2 / self.intrinsics[..., 1, 1], width / 2 / self.intrinsics[..., 0, 0]], dim=-1)
        return 2 * half.atan()

    def resized(self, image_hw: tuple[int, int]) -> "Cameras":
        """The same cameras for images resized to `image_hw`."""
        ratio = [image_hw[1] / self.image_hw[1], image_hw[0] / self.image_hw[0], 1.0]
        return replace(self, intrinsics=self.intrinsics * self.intrinsics.new_tensor(ratio)[:, None], image_hw=image_hw)

    def cropped(self, top: int, left: int, height: int, width: int) -> "Cameras":
        """The same cameras for the window of rows top.. and columns left.. (it may reach beyond the image)."""
        shift = self.intrinsics.new_zeros(3, 3)
        shift[0, 2], shift[1, 2] = left, top
        return replace(self, intrinsics=self.intrinsics - shift, image_hw=(height, width))

    def window(self, top: float, left: float, height: float, width: float, image_hw: tuple[int, int]) -> "Cameras":
        """The same cameras for a window of the image, not necessarily of whole pixels, resized to `image_hw`."""
        shift, scale = self.intrinsics.new_zeros(3, 3), [image_hw[1] / width, image_hw[0] / height, 1.0]
        shift[0, 2], shift[1, 2] = left, top
        intrinsics = (self.intrinsics - shift) * self.intrinsics.new_tensor(scale)[:, None]
        return replace(self, intrinsics=intrinsics, image_hw=image_hw)

    def from_integer_centres(self) -> "Cameras":
        """These cameras if their intrinsics count the centre of the top-left pixel as (0, 0), as OpenCV does."""
        shift = self.intrinsics.new_zeros(3, 3)
        shift[:2, 2] = 0.5
        return replace(self, intrinsics=self.intrinsics + shift)

    def relative_to_first(self) -> "Cameras":
        """The same cameras in the frame of the first view of the last batch axis, which becomes the identity."""
        to_first = rigid_inverse(self.world_from_cam[..., :1, :, :])
        return replace(self, world_from_cam=to_first @ self.world_from_cam)

    def scaled(self, factor: Float[Tensor, "*b"] | float) -> "Cameras":
        """The same cameras in a world enlarged by `factor` about its origin."""
        factor = torch.as_tensor(factor, dtype=self.world_from_cam.dtype, device=self.world_from_cam.device)
        columns = torch.ones_like(self.world_from_cam)
        columns[..., :3, 3] = factor[..., None]
        return replace(self, world_from_cam=self.world_from_cam * columns)

    def to(self, *args: Any, **kwargs: Any) -> "Cameras":  # noqa: ANN401 - the arguments of torch.Tensor.to
        """Move to a device or dtype; takes the arguments of `torch.Tensor.to`."""
        return replace(
            self,
            world_from_cam=self.world_from_cam.to(*args, **kwargs),
            intrinsics=self.intrinsics.to(*args, **kwargs),
        )

    def __getitem__(self, index: Any) -> "Cameras":  # noqa: ANN401 - whatever indexes a tensor
        """Index the batch shape."""
        return replace(self, world_from_cam=self.world_from_cam[index], intrinsics=self.intrinsics[index])
