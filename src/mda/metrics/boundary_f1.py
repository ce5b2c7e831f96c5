"""Boundary F1 scores in print: occluding contours as ratios of depths of neighbouring pixels, one score per image.

Both are free of scale and not of shift. Pixels whose prediction is not positive and finite (left out by a filter) have
no predicted contour: deleting an edge costs recall. Pairs with an invalid true depth are not looked at.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.shapes import Bool, Float, Int, Tensor

# Nearness is 1 / max(depth, this) in the published definition of Depth Pro.
LEAST_DEPTH = 1e-6
THRESHOLDS = 10
DEPTH_PRO_RATIOS = (1.05, 1.25)
MOGE_RATIOS = (1.05, 1.25)


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """Pairs beyond each threshold: in both, in the prediction, in the truth."""

    both: Int[Tensor, " t"]
    predicted: Int[Tensor, " t"]
    true: Int[Tensor, " t"]

    def __add__(self, other: "_Counts") -> "_Counts":
        return _Counts(
            both=self.both + other.both, predicted=self.predicted + other.predicted, true=self.true + other.true
        )


def depth_pro_boundary_f1(
    depth: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    valid: Bool[Tensor, "*b h w"],
    *,
    published: bool = False,
) -> Scores:
    """Scale-invariant boundary F1 of Depth Pro (Bochkovskii et al. 2024, eval/boundary_metrics.py @9efe5c1), [*b].

    A pixel occludes its left (right, upper, lower) neighbour where the neighbour is deeper by more than a factor t. Per
    direction, precision and recall of that relation; their means over the four directions give F1 = 2 P R / (P + R);
    F1 is averaged over ten t in 1.05 .. 1.25 with weights t. There is no tolerance: an edge one pixel off is missed.

    Directions (and thresholds) in which neither depth has a relation are left out of the means, and an image without
    any true relation is not scored; `published` instead counts an empty ratio as 0, as the release does, so that only
    images with edges in all directions can reach 1.
    """
    thresholds = torch.linspace(*DEPTH_PRO_RATIOS, THRESHOLDS, dtype=torch.float64)
    scores = []
    for pred, true, known in _images(depth, target, valid):
        pairs = _Pairs(pred.clamp_min(LEAST_DEPTH), true.clamp_min(LEAST_DEPTH), known, thresholds)
        per_direction = [counts for shift in ((0, 1), (1, 0)) for counts in pairs.count(shift)]
        both, predicted, there = (
            torch.stack([getattr(counts, name) for counts in per_direction]).double()
            for name in ("both", "predicted", "true")
        )
        precision, recall = both / predicted.clamp_min(1), both / there.clamp_min(1)
        counted = torch.ones_like(both, dtype=torch.bool) if published else (predicted + there) > 0
        f1 = _harmonic(_mean(precision, counted), _mean(recall, counted))
        scores.append(_weighted(f1, thresholds, counted.any(0)) if bool((there > 0).any()) else torch.nan)
    return _per_image(scores, depth)


def moge_boundary_f1(
    depth: Float[Tensor, "*b h w"], target: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"], *, radius: int = 1
) -> Scores:
    """Boundary F1 of MoGe (Wang et al. 2025, moge/test/metrics.py @0744441), [*b].

    Pairs of a pixel and another within the disc of `radius` around it are occluding where the other is deeper by more
    than 1 + t. F1 of that label over all valid pairs, averaged over ten t in 0.05 .. 0.25 with weights t. Thresholds at
    which neither depth has an occluding pair are left out, and an image without any true one is not scored.
    """
    return moge_boundary_f1s(depth, target, valid, radii=(radius,))[radius]


def moge_boundary_f1s(
    depth: Float[Tensor, "*b h w"],
    target: Float[Tensor, "*b h w"],
    valid: Bool[Tensor, "*b h w"],
    *,
    radii: Sequence[int],
) -> dict[int, Scores]:
    """`moge_boundary_f1` for several radii; pairs that their discs share are counted once."""
    thresholds = torch.linspace(*MOGE_RATIOS, THRESHOLDS, dtype=torch.float64)
    shifts = _half_disc(max(radii))
    scores: dict[int, list[float]] = {radius: [] for radius in radii}
    for pred, true, known in _images(depth, target, valid):
        pairs = _Pairs(pred, true, known, thresholds)
        counted = {shift: sum(counts[1:], start=counts[0]) for shift in shifts if (counts := pairs.count(shift))}
        for radius in radii:
            within = [counted[shift] for shift in _half_disc(radius)]
            scores[radius].append(_moge_score(sum(within[1:], start=within[0]), thresholds))
    return {radius: _per_image(found, depth) for radius, found in scores.items()}


def _moge_score(total: _Counts, thresholds: Tensor) -> float:
    """F1 of the label, weighted over thresholds; NaN without a true pair."""
    labelled = (total.predicted + total.true).double()
    f1 = 2 * total.both / labelled.clamp_min(1)
    return _weighted(f1, thresholds - 1, labelled > 0) if bool(total.true.any()) else math.nan


def harmonic_mean(precision: float, recall: float) -> float:
    """F1 = 2 P R / (P + R) of pooled rates; 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall != 0 else 0.0


_Image = tuple[Tensor, Tensor, Tensor]


def _images(depth: Tensor, target: Tensor, valid: Tensor) -> Iterable[_Image]:
    """Prediction (NaN where it makes no point), truth and validity of each image."""
    height, width = depth.shape[-2:]
    pred = torch.where(usable(depth), depth, torch.nan)
    return zip(*(part.reshape(-1, height, width) for part in (pred, target, valid)), strict=True)


def _half_disc(radius: int) -> list[tuple[int, int]]:
    """One of each pair of opposite shifts within the disc."""
    steps = range(-radius, radius + 1)
    disc = [(down, right) for down in steps for right in steps if 0 < down**2 + right**2 <= radius**2]
    return [shift for shift in disc if shift > (0, 0)]


class _Pairs:
    """Pairs of pixels of one image that are occluding in the prediction or in the truth, shift by shift."""

    def __init__(self, pred: Tensor, true: Tensor, known: Tensor, thresholds: Tensor) -> None:
        self._maps = pred, true, known
        self._logs = pred.log(), torch.where(known, true, torch.nan).log()
        self._thresholds = thresholds
        # Few pairs are occluding at all; they are found in single precision with some room, and then looked at exactly.
        self._least = math.log(float(thresholds[0])) - 1e-4

    def count(self, shift: tuple[int, int]) -> tuple[_Counts, _Counts]:
        """Pairs of a pixel and that `shift` (rows down, columns right) away, and the same the other way round."""
        (p0, p1), (t0, t1) = (_ends(logs, shift) for logs in self._logs)
        # NaN (no truth) compares false, so such a pair is chosen by the prediction alone and dropped by its validity.
        chosen = ((p1 - p0).abs() > self._least) | ((t1 - t0).abs() > self._least)
        pred, true, known = (tuple(end[chosen] for end in _ends(part, shift)) for part in self._maps)
        valid = known[0] & known[1]
        ends = [(end[0][valid].double(), end[1][valid].double()) for end in (pred, true)]
        return self._exceeding([b / a for a, b in ends]), self._exceeding([a / b for a, b in ends])

    def _exceeding(self, ratios: list[Tensor]) -> _Counts:
        """How many ratios (predicted, true) exceed each threshold, NaN none."""
        predicted, true = (torch.searchsorted(self._thresholds, ratio.nan_to_num(nan=0.0)) for ratio in ratios)
        both, of_predicted, of_true = (_exceeding(level) for level in (torch.minimum(predicted, true), predicted, true))
        return _Counts(both=both, predicted=of_predicted, true=of_true)


def _ends(part: Tensor, shift: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The two ends of all pairs that are `shift` apart."""
    down, right = shift
    height, width = part.shape
    first = part[: height - down, max(0, -right) : width - max(0, right)]
    return first, part[down:, max(0, right) : width + min(0, right)]


def _exceeding(levels: Tensor) -> Tensor:
    """[t] number of ratios above each threshold, from how many thresholds each is above."""
    counts = torch.bincount(levels, minlength=THRESHOLDS + 1)
    return counts.flip(0).cumsum(0).flip(0)[1:]


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return (values * counted).sum(0) / counted.sum(0).clamp_min(1)


def _harmonic(precision: Tensor, recall: Tensor) -> Tensor:
    total = precision + recall
    return torch.where(total > 0, 2 * precision * recall / total.clamp_min(1e-300), 0.0)


def _weighted(values: Tensor, weights: Tensor, counted: Tensor) -> float:
    kept = weights * counted
    return float((values * kept).sum() / kept.sum())


def _per_image(scores: list, depth: Tensor) -> Scores:
    values = torch.tensor(scores, dtype=torch.float64).reshape(depth.shape[:-2])
    return Scores(values=values, mask=values.isfinite())
