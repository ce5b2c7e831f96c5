"""One depth per pixel, as the loss decodes while training, and the scale that follows from it (published release)."""

import math
from dataclasses import dataclass

import torch

from mda.losses.config import LossConfig
from mda.losses.likelihood import TrainedWeights, choose_component
from mda.losses.prepare import MAX_DEPTH, Scene
from mda.losses.reduce import Masked, median_per_clip
from mda.losses.regularisers import depth_ratio
from mda.mixtures import Space
from mda.shapes import Float, Int, Tensor


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A component per pixel and what it says.

    Attributes:
        index: component whose centre has the highest mixture density.
        depth: depth of that centre, with gradient.
        ratio: true over chosen depth, with gradient.
        scale: [b] median ratio of each clip, without gradient; one where there is too little depth.
        weights: which weights the choice and the likelihood are made with.
    """

    index: Int[Tensor, "b v h w"]
    depth: Float[Tensor, "b v h w"]
    ratio: Masked
    scale: Float[Tensor, " b"]
    weights: TrainedWeights


def choose(scene: Scene, config: LossConfig) -> Choice:
    """Decode one depth per pixel and compare its scale with the truth."""
    mixture = scene.mixture
    normalise = not config.compat.clamped_weights_unnormalised
    weights = TrainedWeights(clamp=config.clamp_log_weights, normalise=normalise)
    index = choose_component(mixture, weights)
    depth = bounded_depth(mixture.locs.gather(-1, index[..., None])[..., 0], Space(mixture.space))
    ratio = depth_ratio(depth, scene.target, scene.known)
    scale = median_per_clip(ratio) if config.align_scale else torch.ones_like(scene.target[:, 0, 0, 0])
    return Choice(index=index, depth=depth, ratio=ratio, scale=scale, weights=weights)


def bounded_depth(locations: Float[Tensor, "*b"], space: Space) -> Float[Tensor, "*b"]:
    """Depth of coordinates; in log space at most 1e9, so that neither it nor its gradient overflows."""
    return space.depth(locations.clamp_max(math.log(MAX_DEPTH)) if space is Space.LOG else locations)
