"""Scores of held-out clips by the metrics of evaluation, pooled over clips and processes."""

import math
from dataclasses import fields

import torch

from mda.data.batches import Batch
from mda.losses import LossReport, LossTerms
from mda.metrics import (
    EdgeNeighbourhoods,
    EdgeTruth,
    Tally,
    abs_rel,
    align_scale,
    delta,
    flying_between_true_surfaces,
    own_surface_scores,
    sky_iou,
)
from mda.mixtures import Decoder, DepthMixture, Space, TransparentLayers
from mda.shapes import Bool, Float, Tensor
from mda.structures import LayerTargets, NetworkOutput, Targets
from mda.training.processes import gathered

DECODERS = (Decoder.MODE, Decoder.COMPONENT, Decoder.HEAVIEST, Decoder.MEAN)
# Of a decoder's depth, and of everything else.
_OF_DEPTH = (
    "abs_rel_scale_aligned",
    "delta1_scale_aligned",
    "flying_own_surfaces",
    "unresolved_own_surfaces",
    "flying_true_surfaces_scale_aligned",
)
_OF_DENSITY = ("nll_log_depth", "calibration_error")
_OF_LABELS = (
    "sky_accuracy",
    "glass_iou",
    "glass_first_abs_rel_scale_aligned",
    "glass_last_abs_rel_scale_aligned",
)
# Central intervals of the predicted density whose coverage is compared with their mass.
_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


class ClipTallies:
    """Tallies of all held-out clips by name of the clip, so that a clip that two processes scored counts once."""

    def __init__(self) -> None:
        self._clips: dict[str, dict[str, Tally]] = {}

    def add(self, output: NetworkOutput, batch: Batch, report: LossReport, default: Decoder) -> None:
        """Score a batch that holds one clip.

        Args:
            output: of the network.
            batch: what it saw, with the truth.
            report: its loss.
            default: decoder whose scores are also kept without its name.
        """
        tallies = {"loss": Tally(sum=float(report.total.detach()), count=1)}
        tallies |= {f"loss/{name}": Tally(sum=float(value.detach()), count=1) for name, value in report.terms.items()}
        self._clips[" ".join(batch.names)] = tallies | clip_tallies(output, batch, default)

    def means(self) -> dict[str, float]:
        """Means over all clips of all processes; names without any value are left out."""
        clips: dict[str, dict[str, Tally]] = {}
        for theirs in gathered(self._clips):
            clips |= theirs
        names = sorted({name for tallies in clips.values() for name in tallies})
        pooled = {name: Tally.pooled(clips[c][name] for c in sorted(clips) if name in clips[c]) for name in names}
        means = {name: tally.mean for name, tally in pooled.items() if tally.count}
        gaps = [abs(means[name] - level) for level in _LEVELS if (name := _coverage(level)) in means]
        if gaps:
            means["calibration_error"] = math.fsum(gaps) / len(gaps)
        return means


def _coverage(level: float) -> str:
    return f"coverage/{round(100 * level)}"


HIGH_IS_GOOD = ("delta1_scale_aligned", "glass_iou", "sky_accuracy", *map(_coverage, _LEVELS))
"""Ends of the names of scores of which the lowest is not the best."""


def metric_names() -> list[str]:
    """All names that validation may give a score; which of them a run has depends on its network and data."""
    decoders = [decoder.value for decoder in (*DECODERS, Decoder.LAYERS)]
    return [
        "loss",
        *_OF_DEPTH,
        *_OF_DENSITY,
        *_OF_LABELS,
        *map(_coverage, _LEVELS),
        *(f"{decoder}/{name}" for decoder in decoders for name in _OF_DEPTH),
        *(f"loss/{term.name}" for term in fields(LossTerms)),
    ]


@torch.no_grad()
def clip_tallies(output: NetworkOutput, batch: Batch, default: Decoder) -> dict[str, Tally]:
    """Tallies of one clip: errors of each decoder, flying points, likelihood, coverage, sky, glass."""
    targets = batch.targets
    truth = EdgeTruth.from_depth(targets.depth, targets.valid, sky=targets.sky & targets.sky_labelled)
    around = EdgeNeighbourhoods.of(truth)
    tallies: dict[str, Tally] = {}
    several = output.mixture.num_components > 1
    for decoder in dict.fromkeys((*DECODERS, default)) if several else (Decoder.COMPONENT,):
        scores = _depth_tallies(output.mixture.decode(decoder), truth, around)
        tallies |= {f"{decoder.value}/{name}": tally for name, tally in scores.items()}
        if decoder is default or not several:
            tallies |= scores
    tallies |= _density_tallies(output.mixture, targets.depth, targets.valid)
    if output.p_sky is not None:
        right = ((output.p_sky > 0.5) == targets.sky)[targets.sky_labelled]
        tallies["sky_accuracy"] = Tally(sum=float(right.sum()), count=right.numel())
    if output.layers is not None and batch.layers is not None:
        tallies |= _glass_tallies(output.layers, targets, batch.layers)
    return tallies


def _glass_tallies(layers: TransparentLayers, targets: Targets, known: LayerTargets) -> dict[str, Tally]:
    """Which pixels are glass (intersection over union, as for sky), and errors of both surfaces there."""
    scale = align_scale(layers.first_depth, targets.depth, targets.valid)[:, None, None, None]
    first, last = known.glass & targets.valid, known.glass & known.last_valid
    scores = {
        "glass_iou": sky_iou(layers.transparent, known.glass, known.labelled),
        "glass_first_abs_rel_scale_aligned": abs_rel(layers.first_depth * scale, targets.depth, first),
        "glass_last_abs_rel_scale_aligned": abs_rel(layers.last_depth * scale, known.last_depth, last),
    }
    return {name: score.tally for name, score in scores.items()}


def _depth_tallies(depth: Tensor, truth: EdgeTruth, around: EdgeNeighbourhoods) -> dict[str, Tally]:
    """Errors with one scale per clip, and flying points by the prediction's own and by the true surfaces."""
    scale = align_scale(depth, truth.depth, truth.valid)
    aligned = depth * scale[:, None, None, None]
    own = own_surface_scores(depth, around)
    scores = {
        "abs_rel_scale_aligned": abs_rel(aligned, truth.depth, truth.valid),
        "delta1_scale_aligned": delta(aligned, truth.depth, truth.valid),
        "flying_own_surfaces": own.flying,
        "unresolved_own_surfaces": own.unresolved,
        "flying_true_surfaces_scale_aligned": flying_between_true_surfaces(aligned, truth),
    }
    return {name: score.tally for name, score in scores.items()}


def _density_tallies(
    mixture: DepthMixture, depth: Float[Tensor, "b v h w"], valid: Bool[Tensor, "b v h w"]
) -> dict[str, Tally]:
    """How probable the truth is under the density, and how often it lies in central intervals.

    The truth is brought to the scale of the median of the density, one factor per clip. The likelihood is in the
    coordinate log(depth + 0.1) whatever the mixture's own, so that mixtures of different spaces compare.
    """
    scale = align_scale(mixture.decode(Decoder.MEDIAN), depth, valid)
    at = torch.where(valid, depth, 1.0) / scale[:, None, None, None]
    nll = -mixture.log_prob(at)
    if mixture.space is Space.LINEAR:
        nll = nll - Space.LOG.coordinate(at)
    off_centre = (2 * mixture.cdf(at) - 1).abs()[valid]
    nll = nll[valid].double()
    covered = {_coverage(level): Tally(sum=float((off_centre <= level).sum()), count=len(nll)) for level in _LEVELS}
    return {"nll_log_depth": Tally(sum=float(nll.sum()), count=len(nll)), **covered}
