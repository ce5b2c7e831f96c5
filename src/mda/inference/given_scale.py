"""The size of a network's world in units of known cameras.

It is one factor for each window of a clip, by which depth and density are scaled. The first of these that can tell it
does:

1. the camera centres that the network predicts (also when it was told cameras, as the published release does): the
   median of the ratio of given to predicted distance over all pairs of views, weighted by the given distance, which
   neither a few wrong cameras nor the choice of world can spoil. They count only where they can be right: they lie in
   about the directions of the given ones, and far enough apart to be seen;
2. the cameras as they were told, whose unit is known;
3. the views that a window shares with earlier ones, as these showed them;
4. the pictures, which agree best where depth has the right size (`scale_from_pictures`);
5. nothing: the scale is the model's own, and the run says so.

In the first two cases a window is tied to the given cameras by itself, so no error adds up along a clip.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from torch.nn import functional

from mda.geometry import Cameras, weighted_median
from mda.inference.scale_from_pictures import scale_from_pictures
from mda.inference.windows import Look, scaled_mixture
from mda.io.clips import ClipView
from mda.mixtures import DepthMixture
from mda.shapes import Bool, Float, Tensor
from mda.structures import is_sky

# Baselines that are this small beside the distance from the world's origin are rounding.
_NO_BASELINE = 1e-9
# Predicted cameras whose motion would shift the picture by less than this many pixels were not seen to move.
_LEAST_PARALLAX = 1.0
# Predicted cameras of which half of the directions are off by more than 60 degrees were not found.
_LEAST_COSINE = 0.5


class ScaleSource(StrEnum):
    """What tied the scale of a window to the given cameras."""

    CENTRES = "predicted and given camera centres"
    TOLD = "cameras as told to the model"
    SHARED_VIEW = "the views shared with earlier windows"
    PICTURES = "the pictures, which agree best at this size"
    MODEL_STANDS = "the model's own, since the given cameras stand at one point"
    MODEL_DISAGREES = (
        "the model's own, since neither the cameras that it finds nor the pictures tell that of the given ones"
    )

    @property
    def is_own(self) -> bool:
        """Whether the scale is the model's own."""
        return self in {ScaleSource.MODEL_STANDS, ScaleSource.MODEL_DISAGREES}


TIED = frozenset({ScaleSource.CENTRES, ScaleSource.TOLD, ScaleSource.PICTURES})
"""Sources that give the scale of the cameras and not that of something else."""


@dataclass(frozen=True, kw_only=True)
class GivenScale:
    """By how much a window was enlarged to agree with the given cameras, and what told so.

    Attributes:
        factor: of depth.
        source: what told the factor.
        start: number of the window's first new view.
    """

    factor: float
    source: ScaleSource
    start: int = 0


@dataclass(frozen=True, kw_only=True)
class SharedViews:
    """The first views of a window as an earlier window showed them, in the given world.

    Attributes:
        depth: [s, h, w] decoded depth.
        counts: [s, h, w] pixels that may be compared: no sky, and of positive finite depth.
    """

    depth: Float[Tensor, "s h w"]
    counts: Bool[Tensor, "s h w"]

    @classmethod
    def of(cls, depth: Float[Tensor, "s h w"], sky: Bool[Tensor, "s h w"] | None) -> "SharedViews":
        """From decoded depth and sky, if it is known."""
        counts = (depth > 0) & depth.isfinite()
        return cls(depth=depth, counts=counts if sky is None else counts & ~sky)


def tied_to_given(
    found: Look,
    given: Cameras,
    told: Cameras | None,
    decode: Callable[[DepthMixture], Tensor],
    *,
    shared: SharedViews | None,
    views: Sequence[ClipView],
) -> tuple[Look, GivenScale]:
    """What a network says about a window, in the world and scale of known cameras.

    Args:
        found: what the network says, in a world of its own.
        given: known cameras of its views, batch shape [v].
        told: what the network was told of them, or None.
        decode: depth of a density.
        shared: its first views as an earlier window showed them; None in the first window.
        views: its views.

    Returns:
        The same with the given cameras, and by how much it was enlarged.
    """
    sky = None if found.sky_log_odds is None else is_sky(found.sky_log_odds, found.mixture.log_weights)
    seen = SharedViews.of(decode(found.mixture), sky)
    scale = _scale(found, given, told, seen, shared)
    if scale is None:
        images = torch.from_numpy(np.stack([view.view.pixels for view in views]))
        factor = scale_from_pictures(images, seen.depth, sky, given)
        scale = GivenScale(factor=factor or 1.0, source=ScaleSource.PICTURES if factor else ScaleSource.MODEL_DISAGREES)
    mixture = scaled_mixture(found.mixture, scale.factor)
    return replace(found, mixture=mixture, cameras=given.to(torch.float32)), scale


def _scale(
    found: Look, given: Cameras, told: Cameras | None, seen: SharedViews, shared: SharedViews | None
) -> GivenScale | None:
    """The factor for a window where the pictures need not be asked."""
    by_centres = distance_ratio(given, found.cameras)
    if by_centres is not None and centers_agree(given, found.cameras, seen.depth[seen.counts]):
        return GivenScale(factor=by_centres, source=ScaleSource.CENTRES)
    by_telling = None if told is None else distance_ratio(given, told)
    if by_telling is not None:
        return GivenScale(factor=by_telling, source=ScaleSource.TOLD)
    if shared is not None:
        return GivenScale(factor=_depth_ratio(shared, seen), source=ScaleSource.SHARED_VIEW)
    if distance_ratio(given, given) is None:
        return GivenScale(factor=1.0, source=ScaleSource.MODEL_STANDS)
    return None


def _depth_ratio(shared: SharedViews, seen: SharedViews) -> float:
    """Factor from the depth of the shared views as they are seen now to that of before; 1 where nothing compares."""
    count = len(shared.depth)
    keep = shared.counts & seen.counts[:count]
    if not keep.any():
        return 1.0
    return float((shared.depth[keep].log() - seen.depth[:count][keep].log()).median().exp())


def distance_ratio(given: Cameras, other: Cameras) -> float | None:
    """By how much the cameras of one clip are farther apart than the same cameras in another world.

    The median over pairs of views of the ratio of their distances, weighted by the given distance.

    Args:
        given: batch shape [v].
        other: batch shape [v], in any world.

    Returns:
        The factor, or None where cameras of either stand at one point.
    """
    here, there = _motions(given).norm(dim=-1), _motions(other).norm(dim=-1)
    keep = (here > _NO_BASELINE * given.centers.abs().max()) & there.isfinite()
    if not keep.any():
        return None
    factor = float(weighted_median(here[keep] / there[keep], here[keep]))
    return factor if 0 < factor < float("inf") else None


def centers_agree(given: Cameras, predicted: Cameras, depth: Float[Tensor, "n"]) -> bool:
    """Whether predicted camera centres can be right, so that their distances tell a scale.

    Args:
        given: batch shape [v].
        predicted: batch shape [v], in any world.
        depth: some depths in the unit of the predicted cameras.
    """
    here, there = _motions(given), _motions(predicted)
    if not depth.numel():
        return False
    parallax = there.norm(dim=-1).max() * predicted.intrinsics[0, 0, 0] / depth.double().median()
    if not parallax >= _LEAST_PARALLAX:
        return False
    cosine = functional.cosine_similarity(here, there, dim=-1)
    return float(weighted_median(cosine, here.norm(dim=-1))) >= _LEAST_COSINE


def _motions(cameras: Cameras) -> Float[Tensor, "p 3"]:
    """Where camera j is in the axes of camera i, for all pairs i < j."""
    poses = cameras.world_from_cam.double()
    first, second = torch.triu_indices(len(poses), len(poses), offset=1)
    motion = poses[second, :3, 3] - poses[first, :3, 3]
    return (motion[:, None] @ poses[first, :3, :3])[:, 0]
