"""Scale, and scale and shift, of a predicted depth against the truth.

The published ones reproduce the release's numbers, with their quirks; the exact ones are what they stand for. All take
the valid pixels alone, as vectors, and return (scale, shift).
"""

from collections.abc import Callable

import numpy as np
import torch

from mda.shapes import Float, Tensor

Pair = tuple[float, float]
# Published release: steps and rate of Adam, and the change of the loss at which it stops.
_ADAM_STEPS, _ADAM_RATE, _ADAM_TOLERANCE = 1000, 1e-4, 1e-6
# Published release: rounds of re-weighting, what keeps weights finite, smallest scale.
_ROUNDS, _WEIGHT_FLOOR, _SMALLEST_SCALE = 10, 1e-8, 1e-3
# Of the exact scale; and how many pixels are enough to begin near it.
_PRECISION, _FEW = 1e-12, 10_000


def lower_median(values: Float[Tensor, " n"]) -> Tensor:
    """Element (n - 1) // 2 of the sorted values; NaN of nothing."""
    return values.nanmedian()


def no_alignment(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:  # noqa: ARG001 - one contract
    """The prediction as it is."""
    return 1.0, 0.0


def median_scale(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """Ratio of the lower medians (published)."""
    return float(lower_median(truth) / lower_median(pred)), 0.0


def least_squares(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """Scale and shift that minimise the sum of squares."""
    columns = np.stack([pred.double().numpy(), np.ones(len(pred))], axis=1)
    scale, shift = np.linalg.lstsq(columns, truth.double().numpy(), rcond=None)[0]
    return float(scale), float(shift)


def published_scale(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """Ten rounds of re-weighted least squares for the sum of absolute errors, from the ratio of means.

    It tends to lock on a single pixel (a weight of up to 1e8), so that single and double precision differ by about
    1e-3, and one and two threads of torch, which add up in another order, by 1e-5; `exact_scale` is what it stands for.
    The precision of the arguments is kept.
    """
    scale = truth.nanmean() / pred.nanmean()
    for _ in range(_ROUNDS):
        weight = 1 / ((scale * pred - truth).abs() + _WEIGHT_FLOOR)
        # Squared before it is weighted: the published numbers depend on this rounding.
        scale = (weight * pred * truth).sum() / (weight * pred.square()).sum()
    return max(float(scale), _SMALLEST_SCALE), 0.0


def published_scale_and_shift(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """At most 1000 steps of Adam on the sum of absolute errors, from the ratio of medians and no shift.

    At 1e-4 per step neither number can move by much more than 0.1, so for depths of many metres this is little more
    than `median_scale`; `exact_scale_and_shift` is what it stands for.
    """
    scale = (lower_median(truth) / lower_median(pred)).float().clone().requires_grad_()
    shift = torch.zeros_like(scale, requires_grad=True)
    optimiser = torch.optim.Adam([scale, shift], lr=_ADAM_RATE)
    before: float | None = None
    for _ in range(_ADAM_STEPS):
        optimiser.zero_grad()
        errors = (scale * pred + shift - truth).abs()
        errors.sum().backward()
        optimiser.step()
        # In double precision: the release's single precision, whose sums of many pixels are equal by chance now and
        # then, stops at a step that depends on the machine.
        now = errors.detach().sum(dtype=torch.float64).item()
        if before is not None and abs(before - now) < _ADAM_TOLERANCE:
            break
        before = now
    return scale.item(), shift.item()


def exact_scale(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """The scale that minimises the sum of absolute errors: the median of truth / pred, weighted with |pred|."""
    ratio, weight = (truth / pred).double().numpy(), pred.double().abs().numpy()
    usable = np.isfinite(ratio)
    ratio, weight = ratio[usable], weight[usable]
    if not len(ratio):
        return float("nan"), 0.0
    order = np.argsort(ratio, kind="stable")
    cumulated = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(cumulated, cumulated[-1] / 2)]), 0.0


def exact_scale_and_shift(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """Scale and shift that minimise the sum of absolute errors.

    For a given scale the best shift is the median of what is left; the sum is then a convex function of the scale,
    whose slope is bisected.
    """
    p, g = pred.double().numpy(), truth.double().numpy()
    if len(p) == 0 or np.ptp(p) == 0:
        return (1.0, float(np.median(g - p))) if len(p) else (float("nan"), float("nan"))

    def slope(scale: float) -> float:
        """Slope of the sum at a scale; where it changes sign is the best scale.

        The shift follows the pixel at the median, so every other one moves against that.
        """
        left = g - scale * p
        middle = np.argpartition(left, (len(left) - 1) // 2)[(len(left) - 1) // 2]
        return -float((np.sign(left - left[middle]) * (p - p[middle])).sum())

    start, width = _start(pred, truth)
    low, high = start - width, start + width
    while slope(low) > 0:
        low, width = low - width, 2 * width
    while slope(high) < 0:
        high, width = high + width, 2 * width
    while high - low > _PRECISION * abs(high + low):
        scale = (low + high) / 2
        if scale in {low, high}:
            break
        low, high = (scale, high) if slope(scale) < 0 else (low, scale)
    scale = (low + high) / 2
    return scale, float(np.median(g - scale * p))


def _start(pred: Float[Tensor, " n"], truth: Float[Tensor, " n"]) -> Pair:
    """A scale to begin with, and how far off it may be."""
    if len(pred) <= _FEW:
        return least_squares(pred, truth)[0], 1.0
    step = len(pred) // _FEW + 1
    near = exact_scale_and_shift(pred[::step], truth[::step])[0]
    return near, 1e-3 * (abs(near) + 1e-3)


Alignment = Callable[[Float[Tensor, " n"], Float[Tensor, " n"]], Pair]

PUBLISHED: dict[str, Alignment] = {
    "metric": no_alignment,
    "scale": published_scale,
    "scale&shift": published_scale_and_shift,
    "median": median_scale,
    "lstsq": least_squares,
}
EXACT: dict[str, Alignment] = {**PUBLISHED, "scale": exact_scale, "scale&shift": exact_scale_and_shift}
