"""What metrics return: values with a mask, and sums with a count. Averaging is done once, at the end."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mda.errors import ConfigError
from mda.shapes import Bool, Shaped, Tensor


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A sum and how many values it is of; tallies of shards add up to the tally of the whole.

    Attributes:
        sum: of the values (of a rate: how many pixels have the property).
        count: number of values (of a rate: how many pixels were looked at).
    """

    sum: float = 0.0
    count: int = 0

    @classmethod
    def pooled(cls, tallies: Iterable["Tally"]) -> "Tally":
        """Tally of the whole; the sum is rounded once, so the order of the shards does not matter."""
        shards = list(tallies)
        return cls(sum=math.fsum(shard.sum for shard in shards), count=sum(shard.count for shard in shards))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(sum=self.sum + other.sum, count=self.count + other.count)

    @property
    def mean(self) -> float:
        """Sum / count; NaN where nothing was counted."""
        return self.sum / self.count if self.count else math.nan


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One value per pixel (or view, pair of views, point) and which of them count.

    Attributes:
        values: numbers or truth values; outside the mask they mean nothing and may be NaN.
        mask: which of them count.
    """

    # Two names for one shape: that they agree is checked below, for users too, with a message of ours.
    values: Shaped[Tensor, "*values"]
    mask: Bool[Tensor, "*mask"]

    def __post_init__(self) -> None:
        """Refuse a mask of another shape.

        Raises:
            ConfigError: the shapes differ.
        """
        if self.values.shape != self.mask.shape:
            message = f"Values and mask need one shape, found {tuple(self.values.shape)} and {tuple(self.mask.shape)}."
            raise ConfigError(message)

    @property
    def tally(self) -> Tally:
        """Sum (in double precision) and count of the values that count."""
        kept = self.values[self.mask]
        return Tally(sum=float(kept.double().sum()), count=kept.numel())

    @property
    def mean(self) -> float:
        """Mean of the values that count; NaN where there are none."""
        return self.tally.mean
