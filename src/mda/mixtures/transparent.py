"""Transparent surfaces: where several components are active at once, the first and the last of them.

With independent weights (a sigmoid per component) every component may be active. At opaque pixels they sum to about
one; where they sum to more than half their number the pixel is transparent (published release). Half of the components
speak of the first surface there, the glass, the others of the last one, behind it.
"""

from dataclasses import dataclass

import torch

from mda.mixtures.decoding import Decoder
from mda.mixtures.mixture import DepthMixture
from mda.shapes import Bool, Float, Tensor


@dataclass(frozen=True, kw_only=True)
class TransparentLayers:
    """First and last surface of each pixel; they are the same one where it is opaque.

    Attributes:
        first_depth, last_depth: [*b].
        transparent: [*b] pixels with two surfaces.
    """

    first_depth: Float[Tensor, "*b"]
    last_depth: Float[Tensor, "*b"]
    transparent: Bool[Tensor, "*b"]


def first_half(components: int) -> int:
    """Number of components, the first ones, that speak of the first surface at transparent pixels; 2 give one each."""
    return components - components // 2


@torch.no_grad()
def transparent_layers(mixture: DepthMixture, activity: Float[Tensor, "*b k"]) -> TransparentLayers:
    """Decide on the surfaces: the decoder `layers`.

    At transparent pixels the best centre of the first (last) half of the components alone; elsewhere the decoder
    `heaviest` of them all.
    """
    count = mixture.num_components
    transparent = activity.sigmoid().sum(-1) > count / 2
    one = mixture.decode(Decoder.HEAVIEST)
    if count < 2:
        return TransparentLayers(first_depth=one, last_depth=one, transparent=torch.zeros_like(transparent))
    split = first_half(count)
    first, last = (_best(mixture, part) for part in (slice(0, split), slice(split, count)))
    return TransparentLayers(
        first_depth=torch.where(transparent, torch.minimum(first, last), one),
        last_depth=torch.where(transparent, torch.maximum(first, last), one),
        transparent=transparent,
    )


def _best(mixture: DepthMixture, part: slice) -> Float[Tensor, "*b"]:
    """Best centre of some of the components, which count as a mixture of their own."""
    weights = mixture.log_weights[..., part]
    own = DepthMixture(
        locs=mixture.locs[..., part],
        scales=mixture.scales[..., part],
        log_weights=weights - weights.logsumexp(-1, keepdim=True),
        family=mixture.family,
        space=mixture.space,
    )
    return own.decode(Decoder.COMPONENT)
