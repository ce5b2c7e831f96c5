"""Transparent surfaces: where several components are active at once, the first and the last of them.

With independent weights (a sigmoid per component) every component may be active. At opaque pixels they sum to about
one; where they sum to more than half their number the pixel is transparent (published release). Half of the components
speak of the first surface there, the glass, the others of the last one, behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from mda.mixtures.decoding import best_centers, pick
from mda.mixtures.families import Family
from mda.shapes import Bool, Float, Int, Tensor


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

    def __getitem__(self, index: Any) -> "TransparentLayers":  # noqa: ANN401 - whatever indexes a tensor
        """Part of the batch."""
        return replace(self, **{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def to(self, device: torch.device | str) -> "TransparentLayers":
        """The same on another device."""
        return replace(self, **{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence["TransparentLayers"]) -> "TransparentLayers":
        """Some and others, along the first batch axis."""
        return cls(**{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)})


def is_transparent(activity: Float[Tensor, "*b k"]) -> Bool[Tensor, "*b"]:
    """Whether the sigmoids of the logits sum to more than half their number; one component knows no second surface."""
    count = activity.shape[-1]
    return (activity.sigmoid().sum(-1) > count / 2) & (count > 1)


def first_half(components: int) -> int:
    """Number of components, the first ones, that speak of the first surface at transparent pixels; 2 give one each."""
    return components - components // 2


def first_and_last(
    locs: Float[Tensor, "*b k"],
    scales: Float[Tensor, "*b k"],
    log_weights: Float[Tensor, "*b k"],
    family: Family,
    transparent: Bool[Tensor, "*b"],
    chunk: int | None = None,
) -> tuple[Int[Tensor, "*b"], Int[Tensor, "*b"]]:
    """Components whose centres are the first and the last surface.

    At transparent pixels the best centre of each half of the components alone, the nearer one first; elsewhere the
    component of largest weight.
    """
    split = first_half(locs.shape[-1])
    one = log_weights.argmax(-1)
    if split == locs.shape[-1]:
        return one, one
    first, last = (
        start + best_centers(locs[..., half], scales[..., half], log_weights[..., half], family, chunk)
        for start, half in ((0, slice(split)), (split, slice(split, None)))
    )
    swapped = pick(locs, last) < pick(locs, first)
    nearer, farther = torch.where(swapped, last, first), torch.where(swapped, first, last)
    return torch.where(transparent, nearer, one), torch.where(transparent, farther, one)
