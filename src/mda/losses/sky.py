"""Terms about which component, or sky, a pixel belongs to (published release)."""

import torch
from torch.nn import functional

from mda.losses.reduce import Masked
from mda.shapes import Bool, Float, Tensor


def sky_cross_entropy(
    sky_log_odds: Float[Tensor, "*s"], sky: Bool[Tensor, "*s"], not_sky: Bool[Tensor, "*s"]
) -> Masked:
    """-log p_sky on sky pixels, -log(1 - p_sky) on those known not to be sky; no pixel may be both."""
    return Masked(values=functional.softplus(torch.where(sky, -sky_log_odds, sky_log_odds)), mask=sky | not_sky)


def largest_weight(
    log_weights: Float[Tensor, "*s k"], sky_log_odds: Float[Tensor, "*s"] | None, mask: Bool[Tensor, "*s"]
) -> Float[Tensor, " n"]:
    """Largest probability among the components and, where there is one, sky, of each pixel under the mask."""
    heaviest = log_weights[mask].amax(-1)
    if sky_log_odds is not None:
        odds = sky_log_odds[mask]
        heaviest = torch.maximum(heaviest + functional.logsigmoid(-odds), functional.logsigmoid(odds))
    return heaviest.exp()
