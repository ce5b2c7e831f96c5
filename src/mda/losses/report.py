"""What a training loss returns."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch

from mda.shapes import Float, Int, Tensor


@dataclass(frozen=True, kw_only=True)
class LossTerms:
    """Contributions to the total, weights included; a term that is switched off or has nothing to say is zero.

    Attributes:
        depth: mixture likelihood; ambiguity: reward (negative) for clear weights on unlabelled pixels.
        sky: cross entropy of sky.
        translation, rotation, fov: camera errors.
        points, point_scale: point error, and its scale's penalty.
        gradient: multi-scale gradient error; edges: own surfaces at depth edges.
        scale: penalty on the mean depth ratio; confidence: on log confidences.
        layers: likelihood of both surfaces at glass; transparency: where there is glass.
    """

    depth: Float[Tensor, ""]
    ambiguity: Float[Tensor, ""]
    sky: Float[Tensor, ""]
    translation: Float[Tensor, ""]
    rotation: Float[Tensor, ""]
    fov: Float[Tensor, ""]
    points: Float[Tensor, ""]
    point_scale: Float[Tensor, ""]
    gradient: Float[Tensor, ""]
    edges: Float[Tensor, ""]
    scale: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    layers: Float[Tensor, ""]
    transparency: Float[Tensor, ""]

    def items(self) -> Iterator[tuple[str, Float[Tensor, ""]]]:
        """Names and values, in order."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    def sum(self) -> Float[Tensor, ""]:
        """The total."""
        return torch.stack([value for _, value in self.items()]).sum()


@dataclass(frozen=True, kw_only=True)
class LossCounts:
    """How many pixels (views, for cameras) each part of the loss saw.

    Attributes:
        depth: pixels with usable depth; kept: those of them the quantile filter left in the likelihood.
        sky: pixels with a usable sky label.
        unlabelled: pixels with neither.
        views: views with finite cameras.
        dropped_truth: pixels marked valid whose depth is not a finite positive number.
        dropped_predictions: pixels whose prediction is not finite.
    """

    depth: Int[Tensor, ""]
    kept: Int[Tensor, ""]
    sky: Int[Tensor, ""]
    unlabelled: Int[Tensor, ""]
    views: Int[Tensor, ""]
    dropped_truth: Int[Tensor, ""]
    dropped_predictions: Int[Tensor, ""]


@dataclass(frozen=True, kw_only=True)
class LossReport:
    """The loss of a batch.

    Attributes:
        total: what to minimise.
        terms: its parts; they add up to it.
        counts: what they were averaged over.
        scale: [b] factor that brings each clip's predicted depth to the scale of its ground truth.
        clip_nll: [b] mean likelihood of each clip's depth, unweighted; zero where none is known. For logs.
    """

    total: Float[Tensor, ""]
    terms: LossTerms
    counts: LossCounts
    scale: Float[Tensor, " b"]
    clip_nll: Float[Tensor, " b"]
