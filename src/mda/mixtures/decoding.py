"""Decoders: from a density to one depth."""

from enum import StrEnum
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mda.mixtures.mixture import DepthMixture


class Decoder(StrEnum):
    """How one depth is chosen."""

    MODE = "mode"
    COMPONENT = "component"
    HEAVIEST = "heaviest"
    MEAN = "mean"
    MEDIAN = "median"
    FRONT = "front"
    BACK = "back"


def decode(mixture: "DepthMixture", decoder: Decoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Preliminary: every decoder by simple means."""
    at_centres = torch.stack(
        [mixture.log_prob(mixture.hypotheses[..., k]) for k in range(mixture.num_components)], dim=-1
    )
    hypotheses = mixture.hypotheses
    match decoder:
        case Decoder.HEAVIEST:
            index = mixture.log_weights.argmax(-1)
        case Decoder.FRONT:
            index = torch.where(mixture.log_weights.exp() > 0.1, hypotheses, torch.inf).argmin(-1)
        case Decoder.BACK:
            index = torch.where(mixture.log_weights.exp() > 0.1, hypotheses, -torch.inf).argmax(-1)
        case Decoder.MEAN:
            return (mixture.log_weights.exp() * hypotheses).sum(-1), at_centres.argmax(-1)
        case _:
            index = at_centres.argmax(-1)
    depth = hypotheses.gather(-1, index[..., None])[..., 0]
    if decoder is Decoder.MODE and mixture.family == "normal":
        x = mixture.space.coordinate(depth)
        for _ in range(5):
            z = (x[..., None] - mixture.locs) / mixture.scales
            r = torch.softmax(mixture.log_weights - 0.5 * z.square() - mixture.scales.log(), -1) / mixture.scales**2
            x = (r * mixture.locs).sum(-1) / r.sum(-1)
        depth = mixture.space.depth(x)
    return depth, index
