"""Negative log likelihood of the mixture, and the choice of one component per pixel (published release).

    nll(y) = -log sum_k w'_k p_k(y),   p_k normal or laplace with centre m_k and scale s_k, in the mixture's coordinate

While training, w' are the weights raised to at least exp(-4) in value, so that no component dies; the gradient passes
as if they were not. Both functions below work chunk by chunk on planes [k, n] that stay in the cache, and the
likelihood brings its own gradient: with r_k the share of component k in the density and z_k = (y - m_k) / s_k,

    normal:  d nll / d m_k = -r_k z_k / s_k         d nll / d s_k = r_k (1 - z_k^2) / s_k      d nll / d log w_k = -r_k
    laplace: d nll / d m_k = -r_k sign(z_k) / s_k   d nll / d s_k = r_k (1 - |z_k|) / s_k      d nll / d log w_k = -r_k

which takes about a third of the time of recording every step, and less memory.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from mda.losses.reduce import Masked
from mda.mixtures import ALPHA, DepthMixture, Family, Space
from mda.shapes import Bool, Float, Int, Tensor

# Log weights below this are raised to it while training.
_MIN_LOG_WEIGHT = -4.0
# Smallest scale and largest residual z: beyond them numbers would not stay finite. The gradient keeps its direction.
_MIN_SCALE, _MAX_RESIDUAL = 1e-9, 1e4
# Log shares below this are raised to it: they are nothing, but products with them would be denormal, which is slow.
_MIN_LOG_SHARE = -60.0
# Pixels per chunk on a CPU: large enough for two threads to share each step, small enough for the cache.
_CHUNK = 65536


@dataclass(frozen=True, kw_only=True)
class TrainedWeights:
    """Which weights the mixture is trained with.

    Attributes:
        clamp: raise log weights to at least -4.
        normalise: and normalise them again, so that the mixture stays a density.
    """

    clamp: bool = True
    normalise: bool = True

    def of(self, log_weights: Float[Tensor, "k n"]) -> Float[Tensor, "k n"]:
        """Trained log weights of normalised ones."""
        if not self.clamp:
            return log_weights
        raised = log_weights.clamp_min(_MIN_LOG_WEIGHT)
        return raised - raised.exp().sum(0).log_() if self.normalise else raised


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Likelihood of a depth map, and what comes along with it.

    Attributes:
        nll: per pixel.
        log_weight_spread: mean over pixels and components of (log w_k)^2.
        log_confidence_spread: the same of (log c_k)^2, c = 0.2 / s (laplace) or 0.2 / s^2 (normal).
    """

    nll: Masked
    log_weight_spread: Float[Tensor, ""]
    log_confidence_spread: Float[Tensor, ""]


def likelihood(
    mixture: DepthMixture, depth: Float[Tensor, "*b"], mask: Bool[Tensor, "*b"], weights: TrainedWeights
) -> Likelihood:
    """Likelihood of a true depth (which gets no gradient) where the mask is set."""
    at = Space(mixture.space).coordinate(torch.where(mask, depth.detach(), torch.ones_like(depth)))
    nll, log_weight, log_confidence = _Likelihood.apply(
        mixture.locs, mixture.scales, mixture.log_weights, at, Family(mixture.family), weights
    )
    return Likelihood(
        nll=Masked(values=nll, mask=mask), log_weight_spread=log_weight, log_confidence_spread=log_confidence
    )


@torch.no_grad()
def choose_component(mixture: DepthMixture, weights: TrainedWeights) -> Int[Tensor, "*b"]:
    """Index of the component whose centre has the highest mixture density (ties: the first).

    Densities relative to the highest single peak are enough for that: at that peak they sum to at least one, so the
    winner never underflows, and no logarithm of a sum is needed.
    """
    shape, device = mixture.locs.shape[:-1], mixture.locs.device
    if mixture.num_components == 1:
        return torch.zeros(shape, dtype=torch.long, device=device)
    # Normalising the trained weights would multiply all densities of a pixel alike.
    weights = replace(weights, normalise=False)
    family, chosen = Family(mixture.family), []
    for _, locs, scales, log_weights in _planes(mixture.locs, mixture.scales, mixture.log_weights):
        peaks = weights.of(log_weights) - scales.log()
        peaks -= peaks.amax(0)
        inverse, index = scales.reciprocal_(), torch.zeros(len(locs[0]), dtype=torch.int16, device=device)
        best = torch.zeros_like(locs[0])
        for j, center in enumerate(locs):
            density = _exponents(family, (locs - center).mul_(inverse), peaks).exp_().sum(0)
            index.masked_fill_(density > best, j)
            torch.maximum(best, density, out=best)
        chosen.append(index)
    return torch.cat(chosen).long().reshape(shape)


def _planes(locs: Tensor, scales: Tensor, log_weights: Tensor) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
    """Slices of pixels with their locs, scales and log weights as new contiguous [k, n] planes."""
    flat = [tensor.detach().reshape(-1, tensor.shape[-1]) for tensor in (locs, scales, log_weights)]
    size = len(flat[0])
    step = _CHUNK if locs.device.type == "cpu" else max(size, 1)
    for start in range(0, size, step):
        part = slice(start, start + step)
        # One copy per component: several times as fast as a transposing copy.
        m, s, w = (torch.stack(tensor[part].unbind(-1)) for tensor in flat)
        yield part, m, s.clamp_min_(_MIN_SCALE), w


def _put(pixels: Float[Tensor, "n k"], planes: Float[Tensor, "k n"]) -> None:
    """Write planes back to where they came from."""
    for column, plane in zip(pixels.unbind(-1), planes, strict=True):
        column.copy_(plane)


def _exponents(family: Family, residual: Tensor, peaks: Tensor) -> Tensor:
    """Logarithms peaks - z^2 / 2 (normal) or peaks - |z| (laplace)."""
    if family is Family.NORMAL:
        return torch.addcmul(peaks, residual, residual, value=-0.5)
    return peaks - residual.abs()


class _Likelihood(torch.autograd.Function):
    """The likelihood with its gradient, see the head of this file."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's own context
        locs: Tensor,
        scales: Tensor,
        log_weights: Tensor,
        at: Tensor,
        family: Family,
        weights: TrainedWeights,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(locs, scales, log_weights, at)
        ctx.family, ctx.weights = family, weights
        constant = 0.5 * math.log(2 * math.pi) if family is Family.NORMAL else math.log(2)
        nll = torch.empty_like(at, memory_format=torch.contiguous_format)
        flat, coordinates = nll.view(-1), at.reshape(-1)
        spreads = locs.new_zeros(2, dtype=torch.float64)
        for part, m, s, w in _planes(locs, scales, log_weights):
            log_s = s.log()
            exponents = _exponents(family, _residual(coordinates[part], m, s), weights.of(w) - log_s)
            top = exponents.amax(0)
            flat[part] = (constant - top).sub_(exponents.sub_(top).exp_().sum(0).log_())
            spreads[0] += w.square_().sum()
            spreads[1] += _log_confidence(family, log_s).square_().sum()
        spreads /= max(locs.numel(), 1)
        return nll, spreads[0].to(locs.dtype), spreads[1].to(locs.dtype)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator hides the names
        ctx: Any,  # noqa: ANN401
        *grads: Tensor,
    ) -> tuple[Tensor | None, ...]:
        locs, scales, log_weights, at = ctx.saved_tensors
        family, weights = ctx.family, ctx.weights
        grad_nll, each = grads[0].reshape(-1), 2 / max(locs.numel(), 1)
        grad_weight, grad_confidence = grads[1] * each, grads[2] * each
        out = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (locs, scales, log_weights)]
        for_locs, for_scales, for_weights = (t.view(-1, t.shape[-1]) for t in out)
        coordinates = at.reshape(-1)
        for part, m, s, w in _planes(locs, scales, log_weights):
            log_s = s.log()
            z = _residual(coordinates[part], m, s)
            exponents = _exponents(family, z, weights.of(w) - log_s)
            shares = exponents.sub_(exponents.amax(0)).clamp_min_(_MIN_LOG_SHARE).exp_()
            shares *= grad_nll[part] / shares.sum(0)
            _put(for_weights[part], w.mul_(grad_weight).sub_(shares))
            pull = z if family is Family.NORMAL else z.sign()
            by_scale = shares - pull * shares * z
            shares *= pull
            by_scale -= _log_confidence(family, log_s).mul_(grad_confidence * _power(family))
            _put(for_scales[part], by_scale.div_(s))
            _put(for_locs[part], shares.div_(s).neg_())
        return *out, None, None, None


def _residual(at: Tensor, locs: Tensor, scales: Tensor) -> Tensor:
    """(y - m) / s, bounded."""
    return (at - locs).div_(scales).clamp_(-_MAX_RESIDUAL, _MAX_RESIDUAL)


def _power(family: Family) -> int:
    """Power of the scale in the confidence."""
    return 2 if family is Family.NORMAL else 1


def _log_confidence(family: Family, log_scales: Tensor) -> Tensor:
    """Log c of log scales."""
    return math.log(ALPHA) - _power(family) * log_scales
