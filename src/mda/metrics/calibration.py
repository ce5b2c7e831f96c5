"""Whether densities mean what they say: likelihoods, scores, and how often the truth falls below each quantile.

Truth must be in the units of the mixture: divide it by the scale that aligns the prediction, which is exact in either
space (scaling a log-space mixture would shift its coordinate by the offset).
"""

import math
from dataclasses import dataclass

import torch

from mda.errors import ConfigError
from mda.metrics.flying_points import TOLERANCE
from mda.metrics.tally import Scores, Tally
from mda.mixtures import LOG_OFFSET, DepthMixture, Space
from mda.shapes import Bool, Float, Int, Tensor

# Bins of the histogram of probability integral transforms: all quantiles in steps of half a percent.
PIT_BINS = 200
# Central intervals whose coverage is reported.
INTERVALS = (0.5, 0.8, 0.9, 0.95)
# The factor on the scales is looked for between these.
_LEAST_FACTOR, _GREATEST_FACTOR, _FACTORS_TRIED = 0.02, 50.0, 33
_GOLDEN = (math.sqrt(5) - 1) / 2


def negative_log_likelihood(mixture: DepthMixture, target: Float[Tensor, "*b"], mask: Bool[Tensor, "*b"]) -> Scores:
    """-ln p(ln z*) in nat: the density of ln depth, in which mixtures of either space compare and scales do not matter.

    p(ln z) = p(x) dx / d ln z, with dx / d ln z = z in linear and z / (z + 0.1) in log space.
    """
    safe = torch.where(mask, target, 1.0)
    jacobian = safe.log() if mixture.space is Space.LINEAR else (safe / (safe + LOG_OFFSET)).log()
    return Scores(values=-mixture.log_prob(safe) - jacobian, mask=mask)


def continuous_ranked_probability_score(
    mixture: DepthMixture, target: Float[Tensor, "*b"], mask: Bool[Tensor, "*b"]
) -> Scores:
    """CRPS in the coordinate of the mixture's space: ln(z + 0.1), or depth itself (Grimit et al. 2006, eq. 5)."""
    return Scores(values=mixture.crps(torch.where(mask, target, 1.0)), mask=mask)


def mass_near(
    mixture: DepthMixture, depth: Float[Tensor, "*b"], *, tolerance: float = TOLERANCE
) -> Float[Tensor, "*b"]:
    """A confidence with a meaning: the probability that ln depth is within `tolerance` of a decoded depth."""
    return mixture.cdf(depth * math.exp(tolerance)) - mixture.cdf(depth * math.exp(-tolerance))


@dataclass(frozen=True, kw_only=True)
class PitHistogram:
    """Histogram of F(z*), the mass that the density puts below the true depth; flat if it is calibrated.

    Attributes:
        counts: [n] pixels by bin of equal width in 0 .. 1; histograms of shards add up to that of the whole.
    """

    counts: Int[Tensor, " n"]

    @classmethod
    def empty(cls) -> "PitHistogram":
        """Of nothing."""
        return cls(counts=torch.zeros(PIT_BINS, dtype=torch.int64))

    @classmethod
    def of(
        cls,
        mixture: DepthMixture,
        target: Float[Tensor, "*b"],
        mask: Bool[Tensor, "*b"],
        *,
        bins: int = PIT_BINS,
    ) -> "PitHistogram":
        """Of the pixels of the mask."""
        values = mixture.cdf(torch.where(mask, target, 1.0))[mask].double()
        places = (values * bins).long().clamp(0, bins - 1)
        return cls(counts=torch.bincount(places, minlength=bins).cpu())

    def __add__(self, other: "PitHistogram") -> "PitHistogram":
        return PitHistogram(counts=self.counts + other.counts)

    @property
    def count(self) -> int:
        """Number of pixels."""
        return int(self.counts.sum())

    @property
    def below(self) -> Float[Tensor, " m"]:
        """Share of pixels whose truth lies below the p-quantile, p = 1/n, 2/n, ..., (n-1)/n; NaN of nothing."""
        return self.counts.cumsum(0)[:-1].double() / self.counts.sum()

    @property
    def quantile_error(self) -> float:
        """ECE of quantiles: mean over p of |share below the p-quantile - p|; 0 is calibrated, 0.25 a step function."""
        levels = torch.arange(1, len(self.counts), dtype=torch.float64) / len(self.counts)
        return float((self.below - levels).abs().mean())

    def coverage(self, share: float) -> Tally:
        """Pixels whose truth lies in the central interval that is said to hold that share of the mass.

        Raises:
            ConfigError: its ends do not fall on the borders of bins.
        """
        bins = len(self.counts)
        low = bins * (1 - share) / 2
        if abs(low - round(low)) > 1e-9:
            message = (
                f"The {share:.4g} interval does not end at the borders of {bins} bins; take multiples of {2 / bins:g}."
            )
            raise ConfigError(message)
        inside = self.counts[round(low) : bins - round(low)].sum()
        return Tally(sum=float(inside), count=self.count)


def fitted_recalibration(mixture: DepthMixture, target: Float[Tensor, " n"]) -> float:
    """The one factor on all scales under which the truth is most likely (least mean negative log likelihood).

    More than 1 says that the densities are too narrow. A grid of factors from 0.02 to 50, then golden sections around
    the best one; NaN without a pixel.
    """
    if not target.numel():
        return math.nan

    def loss(log_factor: float) -> float:
        return -float(mixture.recalibrated(math.exp(log_factor)).log_prob(target).double().mean())

    low, high = math.log(_LEAST_FACTOR), math.log(_GREATEST_FACTOR)
    step = (high - low) / (_FACTORS_TRIED - 1)
    best = min((low + step * i for i in range(_FACTORS_TRIED)), key=loss)
    low, high = max(low, best - step), min(high, best + step)
    while high - low > 1e-4:
        first, second = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, second) if loss(first) < loss(second) else (first, high)
    return math.exp((low + high) / 2)
