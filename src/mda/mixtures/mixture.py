"""The density of depth at a pixel: a mixture of K components of one family in one coordinate."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from mda.mixtures import decoding
from mda.mixtures.decoding import Decoder
from mda.mixtures.families import Family
from mda.mixtures.spaces import Space
from mda.shapes import Float, Int, Tensor


@dataclass(frozen=True, kw_only=True)
class DepthMixture:
    """Mixture density of depth, one per element of the batch shape `*b`.

    Attributes:
        locs: [*b, k] centres, in the coordinate of `space`.
        scales: [*b, k] standard deviation (normal) or b (laplace), in the coordinate of `space`.
        log_weights: [*b, k] log weights, normalised over k.
        family: family of the components.
        space: coordinate of the density.
    """

    locs: Float[Tensor, "*b k"]
    scales: Float[Tensor, "*b k"]
    log_weights: Float[Tensor, "*b k"]
    family: Family | str = Family.NORMAL
    space: Space | str = Space.LOG

    def __post_init__(self) -> None:
        object.__setattr__(self, "family", Family(self.family))
        object.__setattr__(self, "space", Space(self.space))

    @classmethod
    def from_confidence(
        cls,
        *,
        depths: Float[Tensor, "*b k"],
        confidence: Float[Tensor, "*b k"],
        log_weights: Float[Tensor, "*b k"],
        family: Family | str = Family.NORMAL,
        space: Space | str = Space.LOG,
    ) -> "DepthMixture":
        """Mixture from what a network head gives: depth and raw confidence c > 1 of each component."""
        return cls(
            locs=Space(space).coordinate(depths),
            scales=Family(family).scale_from_confidence(confidence),
            log_weights=log_weights,
            family=family,
            space=space,
        )

    @property
    def num_components(self) -> int:
        """K."""
        return self.locs.shape[-1]

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of a decoded depth."""
        return self.locs.shape[:-1]

    @property
    def confidence(self) -> Float[Tensor, "*b k"]:
        """Raw confidence c of each component: scale b = 0.2 / c (laplace), variance = 0.2 / c (normal)."""
        return self.family.confidence_from_scale(self.scales)

    @property
    def hypotheses(self) -> Float[Tensor, "*b k"]:
        """Depth of each component's centre."""
        return self.space.depth(self.locs)

    def log_prob(self, depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Log density at `depth`, in the coordinate of `space` (no Jacobian): published NLL = -log_prob."""
        x = self.space.coordinate(depth)[..., None]
        z = (x - self.locs) / self.scales
        return torch.logsumexp(self.log_weights + self.family.log_density(z) - self.scales.log(), dim=-1)

    @torch.no_grad()
    def decode(self, decoder: Decoder | str) -> Float[Tensor, "*b"]:
        """Depth chosen by the decoder."""
        return self.decode_with_component(decoder)[0]

    @torch.no_grad()
    def decode_with_component(self, decoder: Decoder | str) -> tuple[Float[Tensor, "*b"], Int[Tensor, "*b"]]:
        """Depth chosen by the decoder, and the index of the component that it belongs to."""
        return decoding.decode(self, Decoder(decoder))

    def to(self, *args: Any, **kwargs: Any) -> "DepthMixture":  # noqa: ANN401 - the arguments of torch.Tensor.to
        """Move to a device or dtype; takes the arguments of `torch.Tensor.to`."""
        moved = {name: getattr(self, name).to(*args, **kwargs) for name in ("locs", "scales", "log_weights")}
        return replace(self, **moved)

    def __getitem__(self, index: Any) -> "DepthMixture":  # noqa: ANN401 - whatever indexes a tensor
        """Part of the batch; the index applies to the axes `*b`."""
        index = index if isinstance(index, tuple) else (index,)
        index = index if Ellipsis in index else (*index, Ellipsis)
        return replace(
            self, **{name: getattr(self, name)[(*index, slice(None))] for name in ("locs", "scales", "log_weights")}
        )
