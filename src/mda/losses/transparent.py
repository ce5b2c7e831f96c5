"""Terms of transparent surfaces, for networks with independent weights.

The published release has neither this loss nor weights trained with it; what is known is that at transparent pixels
every weight should be one, at opaque pixels they should sum to about one, and that first and last component speak of
the first and the last surface. With l_k the logits and s(l) their sigmoids:

    layers        mean over glass of the negative log likelihood of the first depth under the first half of the
                  components, and of the last depth under the others, each component by itself
    transparency  at glass K (K / 2 - 1) times (at least once) the mean over k of -log s(l_k), at opaque pixels
                  (sum_k s(l_k) - 1)^2; each is averaged over its own pixels, so that little glass has as much to say as
                  much. With this factor a network that gives glass even odds settles at s = 1/2, where the weights sum
                  to K / 2, from which on a pixel counts as transparent
"""

import torch
from torch.nn import functional

from mda.losses.reduce import Masked, Tally
from mda.mixtures import DepthMixture, Family, Space, first_half
from mda.shapes import Bool, Float, Tensor

# Smallest scale, and largest residual in units of the scale: beyond them numbers would not stay finite.
_MIN_SCALE, _MAX_RESIDUAL = 1e-6, 1e3


def layer_nll(
    mixture: DepthMixture,
    first: tuple[Float[Tensor, "b v h w"], Bool[Tensor, "b v h w"]],
    last: tuple[Float[Tensor, "b v h w"], Bool[Tensor, "b v h w"]],
) -> Float[Tensor, ""]:
    """Mean over the masked pixels of both surfaces of the likelihood of a depth under each of its components.

    Args:
        mixture: prediction.
        first: depth of the first surface at the scale of the prediction, and where it is known.
        last: the same of the last surface.
    """
    split = first_half(mixture.num_components)
    one = _nll(mixture, slice(0, split), *first)
    other = _nll(mixture, slice(split, mixture.num_components), *last)
    return Tally(sum=one.sum + other.sum, count=one.count + other.count).mean


def transparency_error(
    activity: Float[Tensor, "b v h w k"], glass: Bool[Tensor, "b v h w"], labelled: Bool[Tensor, "b v h w"]
) -> Float[Tensor, ""]:
    """How far the weights are from all being one at glass, plus how far from summing to one elsewhere."""
    count = activity.shape[-1]
    even = max(1.0, count * (count / 2 - 1))
    at_glass = Masked(values=even * functional.softplus(-activity).mean(-1), mask=labelled & glass)
    opaque = Masked(values=(activity.sigmoid().sum(-1) - 1).square(), mask=labelled & ~glass)
    return at_glass.tally().mean + opaque.tally().mean


def _nll(mixture: DepthMixture, part: slice, depth: Tensor, mask: Tensor) -> Tally:
    """Sum over the masked pixels and the components, and their number; only those pixels are looked at."""
    locs, scales = mixture.locs[mask][:, part], mixture.scales[mask][:, part].clamp_min(_MIN_SCALE)
    if locs.shape[-1] == 0:
        return Tally(sum=mixture.locs.new_zeros(()), count=torch.zeros_like(mask.sum()))
    at = Space(mixture.space).coordinate(depth.detach()[mask])[:, None]
    z = ((at - locs) / scales).clamp(-_MAX_RESIDUAL, _MAX_RESIDUAL)
    nll = scales.log() - Family(mixture.family).log_density(z)
    return Tally(sum=nll.mean(-1).sum(), count=mask.sum())
