"""Sparsification: does the error fall when the pixels that a model is least sure of are taken away?"""

from dataclasses import dataclass

import torch

from mda.metrics.tally import Scores
from mda.shapes import Bool, Float, Tensor

# The error is looked at after taking away 0, 1, ..., 99 % of the pixels.
FRACTIONS = 100


@dataclass(frozen=True, kw_only=True)
class Sparsification:
    """Mean error of the pixels that are left, by share taken away.

    Attributes:
        model: [f] the least confident pixels go first.
        oracle: [f] the pixels of largest error go first: no confidence does better.
        unfiltered: mean error of all pixels, which taking away at random would keep.
    """

    model: Float[Tensor, " f"]
    oracle: Float[Tensor, " f"]
    unfiltered: float

    @property
    def ause(self) -> float:
        """Area between the two curves (mean over the shares); 0 for an oracle."""
        return float((self.model - self.oracle).mean())

    @property
    def aurg(self) -> float:
        """Area gained over taking away at random; negative if the confidence misleads."""
        return float((self.unfiltered - self.model).mean())


def sparsification(
    errors: Float[Tensor, "*b"], confidence: Float[Tensor, "*b"], mask: Bool[Tensor, "*b"]
) -> Sparsification:
    """Curves of one image or clip. Pixels of equal confidence share their errors evenly; NaN is the lowest confidence.

    Raises:
        ValueError: no pixel is left by the mask.
    """
    error = errors[mask].double()
    if not error.numel():
        message = "The mask leaves no pixel."
        raise ValueError(message)
    trust = confidence[mask].double().nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    order = trust.argsort(descending=True)
    # Without this, ties would be broken by place in the image, as if the model had said something.
    _, group, sizes = trust[order].unique_consecutive(return_inverse=True, return_counts=True)
    shared = torch.zeros(len(sizes), dtype=torch.float64).index_add(0, group, error[order]) / sizes
    return Sparsification(
        model=_means_of_rest(shared[group]),
        oracle=_means_of_rest(error.sort().values),
        unfiltered=float(error.mean()),
    )


def sparsification_scores(
    errors: Float[Tensor, "v h w"], confidence: Float[Tensor, "v h w"], mask: Bool[Tensor, "v h w"]
) -> tuple[Scores, Scores]:
    """AUSE and AURG of each view; views without a pixel are not scored."""
    values = torch.full((len(errors), 2), torch.nan, dtype=torch.float64)
    for index, (error, trust, known) in enumerate(zip(errors, confidence, mask, strict=True)):
        if known.any():
            found = sparsification(error, trust, known)
            values[index] = torch.tensor([found.ause, found.aurg])
    ause, aurg = values.unbind(-1)
    return Scores(values=ause, mask=~ause.isnan()), Scores(values=aurg, mask=~aurg.isnan())


def _means_of_rest(errors: Float[Tensor, " n"]) -> Float[Tensor, " f"]:
    """Mean of the first share 1 - i/100 of the errors (at least one), i = 0 .. 99."""
    shares = 1 - torch.arange(FRACTIONS, dtype=torch.float64) / FRACTIONS
    counts = (shares * len(errors)).round().long().clamp_min(1)
    return errors.cumsum(0)[counts - 1] / counts
