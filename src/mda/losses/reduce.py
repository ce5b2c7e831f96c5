"""From per-pixel values and masks to numbers: sums, counts, medians and the quantile filter."""

from dataclasses import dataclass

import torch

from mda.shapes import Bool, Float, Int, Tensor

# A filter neither starts from nor leaves this many values or fewer (published release).
_MIN_FILTERED = 1000
# A scale needs more pixels than this, otherwise it is one (published release).
_MIN_RATIOS = 100
# Values are capped here before the quantile is taken (published release).
_CAP = 100.0


@dataclass(frozen=True, kw_only=True)
class Tally:
    """A sum and how many values went into it; tallies of parts of a batch add up."""

    sum: Float[Tensor, "*b"]
    count: Int[Tensor, "*b"]

    @property
    def mean(self) -> Float[Tensor, "*b"]:
        """Sum over count; zero, with zero gradient, where nothing was counted."""
        return self.sum / self.count.clamp_min(1)


@dataclass(frozen=True, kw_only=True)
class Masked:
    """Values that count where the mask is set; elsewhere they are finite but mean nothing."""

    values: Float[Tensor, "*s"]
    mask: Bool[Tensor, "*s"]

    def within(self, mask: Bool[Tensor, "*s"]) -> "Masked":
        """The same values, of which only those in another mask too still count."""
        return Masked(values=self.values, mask=self.mask & mask)

    def tally(self) -> Tally:
        """Sum and count of all values."""
        return Tally(sum=_kept(self.values, self.mask).sum(), count=self.mask.sum())

    def tally_per_clip(self) -> Tally:
        """Sum and count for each entry of the first axis."""
        rest = tuple(range(1, self.mask.ndim))
        return Tally(sum=_kept(self.values, self.mask).sum(rest), count=self.mask.sum(rest))


def _kept(values: Tensor, mask: Tensor) -> Tensor:
    """Values with zeros outside the mask."""
    return torch.where(mask, values, values.new_zeros(()))


def below_quantile(term: Masked, q: float = 0.98) -> Masked:
    """Leave out the largest values: keep those strictly below the `q` quantile (nearest rank) of all, capped at 100.

    A thousand values or fewer are returned as they are; if a thousand or fewer would be kept, all are returned, capped
    (published release).
    """
    values = term.values.detach()
    count = int(term.mask.sum())
    if count <= _MIN_FILTERED:
        return term
    threshold = _smallest(values, term.mask, round(q * (count - 1)) + 1).clamp_max(_CAP)
    kept = term.mask & (values < threshold)
    if int(kept.sum()) > _MIN_FILTERED:
        return Masked(values=term.values, mask=kept)
    return Masked(values=term.values.clamp_max(_CAP), mask=term.mask)


def median_per_clip(term: Masked) -> Float[Tensor, " b"]:
    """Lower median for each entry of the first axis, without gradient; one where a hundred values or fewer count."""
    values = term.values.detach()
    medians = torch.ones_like(values.flatten(1).sum(1))
    for clip, count in enumerate(term.mask.flatten(1).sum(1).tolist()):
        if count > _MIN_RATIOS:
            medians[clip] = _smallest(values[clip], term.mask[clip], (count + 1) // 2)
    return medians


def _smallest(values: Tensor, mask: Tensor, rank: int) -> Tensor:
    """The `rank`-th smallest (from one) of the values under the mask, by selection instead of sorting."""
    return torch.where(mask, values, torch.inf).flatten().kthvalue(rank).values


def mean_per_clip(term: Masked) -> tuple[Float[Tensor, " b"], Bool[Tensor, " b"]]:
    """Mean for each entry of the first axis and whether more than a hundred values count; one where they do not."""
    tally = term.tally_per_clip()
    enough = tally.count > _MIN_RATIOS
    return torch.where(enough, tally.mean, torch.ones_like(tally.mean)), enough
