"""From clips with ground truth to the tensors of a training step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from mda.data.clips import ViewClip
from mda.data.source import SceneClip
from mda.errors import InputError
from mda.geometry import Cameras, points_from_depth
from mda.shapes import Bool, Float, Tensor
from mda.structures import LayerTargets, Targets

# ImageNet statistics, by which every network of the project expects its images to be normalised.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# A clip whose mean point distance is not above this keeps its scale (published release).
_MIN_DISTANCE = 1e-5


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Clips of one size and one number of views, stacked.

    Attributes:
        images: [b, v, 3, h, w] RGB in 0..1.
        targets: ground truth; the world is the first view's frame, and the mean distance of all valid points from the
            first camera is one (what a network that does not know metres can be asked for).
        names: one per clip; `source/scene/frame` of its first view where it comes from a data set.
        cameras_known: one per clip: whether its cameras are real.
        broken: what was wrong with the frames that were left out on the way.
        layers: transparent surfaces, if a clip has any such labels.
    """

    images: Float[Tensor, "b v 3 h w"]
    targets: Targets
    names: tuple[str, ...]
    cameras_known: tuple[bool, ...] = ()
    broken: tuple[str, ...] = ()
    layers: LayerTargets | None = None

    def to(self, *args: Any, **kwargs: Any) -> "Batch":  # noqa: ANN401 - the arguments of torch.Tensor.to
        """Move to a device."""
        layers = None if self.layers is None else self.layers.to(*args, **kwargs)
        images, targets = self.images.to(*args, **kwargs), self.targets.to(*args, **kwargs)
        return replace(self, images=images, targets=targets, layers=layers)


def normalise_images(images: Float[Tensor, "*b 3 h w"]) -> Float[Tensor, "*b 3 h w"]:
    """RGB in 0..1 to the ImageNet-normalised values that networks take."""
    mean, std = images.new_tensor(IMAGENET_MEAN), images.new_tensor(IMAGENET_STD)
    return (images - mean[:, None, None]) / std[:, None, None]


def collate(clips: Sequence[SceneClip | ViewClip]) -> Batch:
    """Stack clips of equal size and number of views.

    The sky of procedural scenes is known everywhere; clips of data sets say where theirs is.

    Raises:
        InputError: the clips differ in size or number of views; the message names them.
    """
    shapes = {clip.depth.shape for clip in clips}
    if len(shapes) != 1:
        found = ", ".join(f"{clip.name} {clip.depth.shape}" for clip in clips)
        message = f"Clips of one batch need the same number of views and size (v, h, w); found {found}."
        raise InputError(message)

    def stacked(name: str, dtype: torch.dtype) -> Tensor:
        return torch.from_numpy(np.stack([getattr(clip, name) for clip in clips])).to(dtype)

    images = stacked("images", torch.float32).permute(0, 1, 4, 2, 3).contiguous() / 255
    depth, valid, sky = stacked("depth", torch.float32), stacked("valid", torch.bool), stacked("sky", torch.bool)
    height, width = depth.shape[-2:]
    cameras = Cameras(
        world_from_cam=stacked("world_from_cam", torch.float32),
        intrinsics=stacked("intrinsics", torch.float32),
        image_hw=(height, width),
    ).relative_to_first()
    distance = mean_distance(depth, valid, cameras)
    targets = Targets(
        depth=depth / distance[:, None, None, None],
        valid=valid,
        sky=sky,
        sky_labelled=_sky_labelled(clips),
        cameras=cameras.scaled((1 / distance)[:, None]),
    )
    return Batch(
        images=images,
        targets=targets,
        names=tuple(clip.name for clip in clips),
        cameras_known=tuple(not isinstance(clip, ViewClip) or clip.cameras_known for clip in clips),
        broken=tuple(what for clip in clips if isinstance(clip, ViewClip) for what in clip.broken),
        layers=_layers(clips, distance),
    )


def _sky_labelled(clips: Sequence[SceneClip | ViewClip]) -> Bool[Tensor, "b v h w"]:
    known = [clip.sky_labelled if isinstance(clip, ViewClip) else np.ones_like(clip.sky) for clip in clips]
    return torch.from_numpy(np.stack(known))


def _layers(clips: Sequence[SceneClip | ViewClip], distance: Float[Tensor, "b"]) -> LayerTargets | None:
    """Transparent surfaces, unknown in the clips without such labels; None if no clip has any."""
    found = [clip.layers for clip in clips]
    if all(layers is None for layers in found):
        return None
    nowhere = np.zeros(clips[0].depth.shape, np.bool_)
    glass = np.stack([nowhere if layers is None else layers.glass for layers in found])
    last_valid = np.stack([nowhere if layers is None else layers.last_valid for layers in found])
    last_depth = np.stack([nowhere.astype(np.float32) if layers is None else layers.last_depth for layers in found])
    return LayerTargets(
        glass=torch.from_numpy(glass),
        labelled=torch.from_numpy(np.stack([nowhere if layers is None else ~nowhere for layers in found])),
        last_depth=torch.from_numpy(last_depth) / distance[:, None, None, None],
        last_valid=torch.from_numpy(last_valid),
    )


def mean_distance(depth: Float[Tensor, "b v h w"], valid: Tensor, cameras: Cameras) -> Float[Tensor, "b"]:
    """Mean distance of the valid points of each clip from the world's origin; 1 where there are none."""
    points = points_from_depth(torch.where(valid, depth, 0.0), cameras)
    distance = (points.norm(dim=-1) * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp_min(1)
    return torch.where(distance.isfinite() & (distance > _MIN_DISTANCE), distance, torch.ones_like(distance))
