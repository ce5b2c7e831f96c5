"""The density of depth at a pixel: a mixture of K components of one family in one coordinate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from mda.mixtures.decoding import GENERAL_DECODERS, Decoder, best_centers, pick, responsible_components
from mda.mixtures.families import Family
from mda.mixtures.layers import MIN_MASS, SurfaceLayers, surfaces
from mda.mixtures.measures import crps, depth_moments, entropies
from mda.mixtures.normal_modes import normal_modes
from mda.mixtures.quantiles import quantiles
from mda.mixtures.spaces import Space
from mda.mixtures.transparent import TransparentLayers, first_and_last, is_transparent
from mda.shapes import Bool, Float, Int, Tensor

_FIELDS = ("locs", "scales", "log_weights")


@dataclass(frozen=True, kw_only=True)
class DepthMixture:
    """Mixture densities of depth, one per element of the batch shape `*b`.

    p(x) = sum_k exp(log_weights_k) q((x - locs_k) / scales_k) / scales_k; q is the standard member of `family` and
    x is the coordinate of `space`: depth itself, or log(depth + 0.1). Half-precision tensors are promoted to float32.

    `log_prob` and `crps` are differentiable in depth and in the parameters, as are `cdf`, `mean` and `std`. Decoders,
    quantiles, entropy and layers are computed without autograd.

    Attributes:
        locs: [*b, k] centres, in the coordinate of `space`.
        scales: [*b, k] standard deviation (normal) or b (laplace), in the coordinate of `space`; positive.
        log_weights: [*b, k] log weights; the caller has normalised them over k (`log_softmax` of logits).
        family: `normal` or `laplace`.
        space: `linear` or `log`.
        transparent: [*b] pixels with two surfaces, as independent weights tell (see `transparent`); None where the
            weights are shares of one.

    Raises:
        ConfigError: the family or the space is not known.
        ValueError: the tensors do not have one shape, or no component axis, or no component.
    """

    locs: Float[Tensor, "*b k"]
    scales: Float[Tensor, "*b k"]
    log_weights: Float[Tensor, "*b k"]
    family: Family | str = Family.NORMAL
    space: Space | str = Space.LOG
    transparent: Bool[Tensor, "*b"] | None = None

    def __post_init__(self) -> None:
        shapes = {name: tuple(getattr(self, name).shape) for name in _FIELDS}
        if len(set(shapes.values())) > 1 or not shapes["locs"] or shapes["locs"][-1] == 0:
            message = f"The parameters of a mixture have one shape [*b, k] with k >= 1; found {shapes}."
            raise ValueError(message)
        if self.transparent is not None and self.transparent.shape != self.batch_shape:
            message = f"`transparent` is {tuple(self.transparent.shape)}, the mixtures are {tuple(self.batch_shape)}."
            raise ValueError(message)
        object.__setattr__(self, "family", Family(self.family))
        object.__setattr__(self, "space", Space(self.space))
        for name in _FIELDS:
            value = getattr(self, name)
            object.__setattr__(self, name, value.to(torch.promote_types(value.dtype, torch.float32)))

    @classmethod
    def from_confidence(
        cls,
        *,
        depths: Float[Tensor, "*b k"],
        confidence: Float[Tensor, "*b k"],
        log_weights: Float[Tensor, "*b k"],
        family: Family | str = Family.NORMAL,
        space: Space | str = Space.LOG,
        activity: Float[Tensor, "*b k"] | None = None,
    ) -> "DepthMixture":
        """Mixture from what a head of a network gives.

        Args:
            depths: [*b, k] depth of each hypothesis.
            confidence: [*b, k] raw confidence c > 0: laplace scale 0.2 / c, normal variance 0.2 / c (paper §2.2).
            log_weights: [*b, k] normalised log weights.
            family: `normal` or `laplace`.
            space: `linear` or `log`.
            activity: [*b, k] logits of independent weights, or None where the weights are shares of one.
        """
        family, space = Family(family), Space(space)
        depths, confidence = (
            value.to(torch.promote_types(value.dtype, torch.float32)) for value in (depths, confidence)
        )
        return cls(
            locs=space.coordinate(depths),
            scales=family.scale_from_confidence(confidence),
            log_weights=log_weights,
            family=family,
            space=space,
            transparent=None if activity is None else is_transparent(activity),
        )

    @property
    def num_components(self) -> int:
        """K."""
        return self.locs.shape[-1]

    @property
    def decoders(self) -> tuple[Decoder, ...]:
        """Decoders that say something of their own: `layers` does where transparent pixels are known."""
        return GENERAL_DECODERS if self.transparent is None else tuple(Decoder)

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of a decoded depth."""
        return self.locs.shape[:-1]

    @property
    def confidence(self) -> Float[Tensor, "*b k"]:
        """Raw confidence c of each component: laplace scale = 0.2 / c, normal variance = 0.2 / c."""
        return self._family.confidence_from_scale(self.scales)

    @property
    def hypotheses(self) -> Float[Tensor, "*b k"]:
        """Depth of each component's centre."""
        return self._space.depth(self.locs)

    def log_prob(self, depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Log density at `depth`, in the coordinate of `space` (no Jacobian); the published NLL is its negative.

        Gradients are finite for any finite input: the scale is floored at the square of the rounding unit, below which
        a component is narrower than the spacing of coordinates, whatever its centre.
        """
        scales = self.scales.clamp_min(torch.finfo(self.scales.dtype).eps ** 2)
        z = (self._space.coordinate(depth)[..., None] - self.locs) / scales
        return torch.logsumexp(self.log_weights + self._family.log_density(z) - scales.log(), dim=-1)

    def cdf(self, depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Probability of a depth up to `depth`."""
        z = (self._space.coordinate(depth)[..., None] - self.locs) / self.scales
        return (self.log_weights.exp() * self._family.cdf(z)).sum(-1)

    @torch.no_grad()
    def quantile(self, p: Float[Tensor, "*b"] | float) -> Float[Tensor, "*b"]:
        """Depth below which the mass p lies, 0 < p < 1; one p for all, or one per element."""
        p = torch.as_tensor(p, dtype=self.locs.dtype, device=self.locs.device).expand(self.batch_shape)
        return self._space.depth(quantiles(p, *self._parameters, self._family))

    def mean(self) -> Float[Tensor, "*b"]:
        """Mean of depth in metres, in either space; infinite for laplace in log space with a scale b >= 1."""
        return depth_moments(*self._parameters, self._family, self._space)[0]

    def std(self) -> Float[Tensor, "*b"]:
        """Standard deviation of depth in metres; infinite for laplace in log space with a scale b >= 1/2."""
        return depth_moments(*self._parameters, self._family, self._space)[1]

    @torch.no_grad()
    def entropy(self) -> Float[Tensor, "*b"]:
        """Differential entropy in nat, in the coordinate of `space`; by quadrature, good to 1e-5 nat."""
        return entropies(*self._parameters, self._family)

    def crps(self, depth: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Continuous ranked probability score of `depth`, in the coordinate of `space`; closed form, low is good."""
        return crps(self._space.coordinate(depth), *self._parameters, self._family)

    @torch.no_grad()
    def decode(self, decoder: Decoder | str = Decoder.MODE, chunk: int | None = None) -> Float[Tensor, "*b"]:
        """Depth that the decoder decides on (see `Decoder`), without autograd.

        Args:
            decoder: which one.
            chunk: most pixels to work on at a time; changes memory and time, not the result.
        """
        decoder = Decoder(decoder)
        if self.locs.is_meta:
            return self.locs.new_empty(self.batch_shape)
        if decoder is Decoder.MEAN:
            return self.mean()
        index = self._chosen_component(decoder, chunk)
        if index is not None:
            return self._space.depth(pick(self.locs, index))
        return self._space.depth(self._decided_coordinate(decoder, chunk)).to(self.locs.dtype)

    @torch.no_grad()
    def decode_with_component(
        self, decoder: Decoder | str = Decoder.MODE, chunk: int | None = None
    ) -> tuple[Float[Tensor, "*b"], Int[Tensor, "*b"]]:
        """Decoded depth, and the index of the responsible component.

        That is the chosen component where the decoder chooses one, else the one with the largest share of the density
        at the decoded depth.
        """
        decoder = Decoder(decoder)
        if self.locs.is_meta:
            return self.decode(decoder), self.locs.new_empty(self.batch_shape, dtype=torch.int64)
        index = self._chosen_component(decoder, chunk)
        if index is not None:
            return self._space.depth(pick(self.locs, index)), index
        depth = self.decode(decoder, chunk)
        x = self._space.coordinate(depth)
        return depth, responsible_components(x, *self._parameters, self._family)

    @torch.no_grad()
    def layers(self, min_mass: float = MIN_MASS) -> SurfaceLayers:
        """Nearest and farthest surface of each pixel: peaks of the density with at least `min_mass`.

        What of them is glass and what behind it only `transparent_layers` knows. See `mda.mixtures.layers`.
        """
        front, back, front_mass, back_mass, count = surfaces(*self._parameters, self._family, min_mass)
        return SurfaceLayers(
            front_depth=self._space.depth(front).to(self.locs.dtype),
            back_depth=self._space.depth(back).to(self.locs.dtype),
            front_mass=front_mass,
            back_mass=back_mass,
            count=count,
        )

    @torch.no_grad()
    def transparent_layers(self) -> TransparentLayers | None:
        """First and last surface of each pixel, and where there are two; None where the weights are shares of one."""
        if self.transparent is None:
            return None
        first, last = first_and_last(*self._parameters, self._family, self.transparent)
        return TransparentLayers(
            first_depth=self._space.depth(pick(self.locs, first)),
            last_depth=self._space.depth(pick(self.locs, last)),
            transparent=self.transparent,
        )

    def recalibrated(self, factor: float) -> "DepthMixture":
        """The same mixture with all scales multiplied by a factor, as `mda evaluate calibration` fits it."""
        return self if factor == 1 else replace(self, scales=self.scales * factor)

    def to(self, *args: Any, **kwargs: Any) -> "DepthMixture":  # noqa: ANN401 - the arguments of torch.Tensor.to
        """Move to a device or dtype; takes the arguments of `torch.Tensor.to`."""
        moved = {name: getattr(self, name).to(*args, **kwargs) for name in _FIELDS}
        mask = self.transparent
        return replace(self, **moved, transparent=None if mask is None else mask.to(moved["locs"].device))

    @classmethod
    def joined(cls, mixtures: Sequence["DepthMixture"]) -> "DepthMixture":
        """Mixtures of one kind one after the other, along the first batch axis."""
        parts = {name: torch.cat([getattr(mixture, name) for mixture in mixtures]) for name in _FIELDS}
        masks = [mixture.transparent for mixture in mixtures if mixture.transparent is not None]
        return replace(mixtures[0], **parts, transparent=torch.cat(masks) if len(masks) == len(mixtures) else None)

    def __getitem__(self, index: Any) -> "DepthMixture":  # noqa: ANN401 - whatever indexes a tensor
        """Part of the batch; the index applies to the axes `*b`."""
        index = index if isinstance(index, tuple) else (index,)
        if not any(part is Ellipsis for part in index):
            index = (*index, Ellipsis)
        parts = {name: getattr(self, name)[(*index, slice(None))] for name in _FIELDS}
        return replace(self, **parts, transparent=None if self.transparent is None else self.transparent[index])

    @property
    def _family(self) -> Family:
        return Family(self.family)

    @property
    def _space(self) -> Space:
        return Space(self.space)

    @property
    def _parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.locs, self.scales, self.log_weights

    def _chosen_component(self, decoder: Decoder, chunk: int | None) -> Int[Tensor, "*b"] | None:
        """Index of the component that the decoder chooses, or None if it does not choose one."""
        if decoder is Decoder.LAYERS and self.transparent is not None:
            return first_and_last(*self._parameters, self._family, self.transparent, chunk)[0]
        if decoder in {Decoder.HEAVIEST, Decoder.LAYERS}:
            return self.log_weights.argmax(-1)
        is_mode_a_center = self._family is Family.LAPLACE or self.num_components == 1
        if decoder is Decoder.COMPONENT or (decoder is Decoder.MODE and is_mode_a_center):
            return best_centers(*self._parameters, self._family, chunk)
        return None

    def _decided_coordinate(self, decoder: Decoder, chunk: int | None) -> Float[Tensor, "*b"]:
        """Coordinate that a decoder without a chosen component decides on."""
        match decoder:
            case Decoder.MODE:
                return normal_modes(*self._parameters, chunk)
            case Decoder.MEDIAN:
                half = torch.full_like(self.locs[..., 0], 0.5)
                return quantiles(half, *self._parameters, self._family)
            case Decoder.FRONT:
                return surfaces(*self._parameters, self._family)[0]
            case _:
                return surfaces(*self._parameters, self._family)[1]
