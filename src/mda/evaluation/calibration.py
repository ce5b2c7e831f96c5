"""The calibration benchmark: do densities and confidences mean what they say, before and after one factor on scales.

A scene is scored under a ladder of factors. When all scenes are scored, the best factor is looked up on every other
scene and applied to the scenes between, and the other way round: no scene is judged by a factor that it helped to find.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from mda.evaluation.benchmark import Benchmark, Column, Dataset, Scene
from mda.evaluation.calibration_figure import draw_calibration
from mda.evaluation.layouts.edges import EDGE_DATASETS, LAYERED
from mda.evaluation.layouts.layered import KINDS, LAYERED_REAL, SUBSETS
from mda.evaluation.predictions import ScenePrediction
from mda.evaluation.scene_frames import (
    CONFIDENCES,
    SeenFrame,
    clip_scale,
    ratio_sample,
    sampled,
    seen_frames,
)
from mda.evaluation.scores import SceneScores, SceneValue
from mda.metrics import (
    INTERVALS,
    EdgeTruth,
    PitHistogram,
    Scores,
    SkylineNeighbourhoods,
    Tally,
    abs_rel,
    continuous_ranked_probability_score,
    negative_log_likelihood,
    ordering_tallies,
    sky_iou,
    sky_precision,
    sky_recall,
    skyline_scores,
    sparsification,
)
from mda.metrics.flying_points import usable
from mda.mixtures import DepthMixture
from mda.shapes import Float, Tensor

# The ladder of factors on the scales: steps of the third root of 2, from 1/8 to 8.
FACTORS = tuple(2.0 ** (step / 3) for step in range(-9, 10))
# Bins of the histograms that are kept: their borders are the ends of the intervals.
BINS = 40
# Shares taken away at which the sparsification curves are kept.
TAKEN = tuple(range(0, 100, 10))
DATASETS = (*EDGE_DATASETS, LAYERED, LAYERED_REAL)
SETTING, NONE, OTHERS = "recalibration", "none", "from other scenes"
NLL = "nll_ln_depth_scale_aligned"
COLUMNS = (
    Column(metric="factor", header="factor", digits=3),
    Column(metric="factor_of_all", header="factor of all scenes", digits=3),
    Column(metric=NLL, header="NLL ↓", digits=4),
    Column(metric="crps_log_scale_aligned", header="CRPS, log ↓", digits=5),
    Column(metric="crps_linear_scale_aligned", header="CRPS, linear ↓", digits=5),
    Column(metric="quantile_error", header="ECE of quantiles ↓", digits=4),
    *(
        Column(metric=f"coverage_{round(100 * share)}", header=f"in {share:.0%} interval %", factor=100.0, digits=1)
        for share in INTERVALS
    ),
    *(Column(metric=f"ause_abs_rel_{name}", header=f"AUSE, {name} ↓", digits=5) for name in CONFIDENCES),
    *(Column(metric=f"aurg_abs_rel_{name}", header=f"AURG, {name} ↑", digits=5) for name in CONFIDENCES),
    Column(metric="sky_iou", header="sky IoU % ↑", factor=100.0, digits=2),
    Column(metric="sky_precision", header="sky precision % ↑", factor=100.0, digits=2),
    Column(metric="sky_recall", header="sky recall % ↑", factor=100.0, digits=2),
    Column(metric="flying_skyline", header="flying at skylines % ↓", factor=100.0, digits=2),
    Column(metric="glass_first_abs_rel_scale_aligned", header="glass AbsRel % ↓", factor=100.0, digits=2),
    Column(metric="glass_last_abs_rel_scale_aligned", header="behind glass AbsRel % ↓", factor=100.0, digits=2),
    *(
        Column(metric=f"ordered_{subset}_{kind}_all", header=f"{subset}, {kind} % ↑", factor=100.0, digits=2)
        for subset in SUBSETS
        for kind in KINDS.values()
    ),
)


def score_scene(scene: Scene, variant: str, prediction: ScenePrediction) -> list[SceneScores]:
    """Scores of one scene under every factor of the ladder; what needs no density is scored once, with factor 1.

    Densities are judged at a regular sample of at most 20 000 valid pixels of each frame, the sky at all.
    """
    del variant
    scale = clip_scale([ratio_sample(frame, frame.valid) for frame in seen_frames(scene, prediction)])
    ladder: dict[float, list[dict[str, Tally]]] = {factor: [] for factor in FACTORS}
    for frame in seen_frames(scene, prediction, mixture=True):
        chosen = sampled(frame.valid)
        ladder[1.0].append(_confidences(frame, chosen, scale) | _sky(frame) | _glass(frame, scale) | _ordering(frame))
        if frame.mixture is not None and chosen.any():
            mixture, target = frame.mixture[chosen], frame.true_depth[chosen] / scale
            for factor in FACTORS:
                ladder[factor].append(density_tallies(mixture.recalibrated(factor), target))
    return [
        SceneScores(
            dataset=scene.dataset,
            scene=scene.name,
            setting={SETTING: NONE if factor == 1 else f"{factor:.6g}"},
            tallies=_pooled(parts),
            values={"factor": SceneValue(value=factor)},
            details={"scale": scale},
            frames=len(scene.frames),
        )
        for factor, parts in ladder.items()
        if factor == 1 or parts
    ]


def density_tallies(mixture: DepthMixture, target: Float[Tensor, " n"]) -> dict[str, Tally]:
    """Likelihood, CRPS and the histogram of F(truth), as tallies by name.

    Args:
        mixture: batch shape [n].
        target: true depth in units of the mixture.
    """
    every = torch.ones_like(target, dtype=torch.bool)
    histogram = PitHistogram.of(mixture, target, every, bins=BINS)
    crps = continuous_ranked_probability_score(mixture, target, every)
    return {
        NLL: negative_log_likelihood(mixture, target, every).tally,
        f"crps_{mixture.space}_scale_aligned": crps.tally,
        **{f"coverage_{round(100 * share)}": histogram.coverage(share) for share in INTERVALS},
        **{
            _bin_name(place): Tally(sum=float(count), count=histogram.count)
            for place, count in enumerate(histogram.counts.tolist())
        },
    }


def recalibrated_by_others(scores: Sequence[SceneScores]) -> list[SceneScores]:
    """Of the ladder, keep factor 1 and, for each scene, the factor that was best for the other half of the scenes.

    Halves are every other scene. With fewer than two scenes nothing can be judged, but the factor of all is told.
    """
    kept = [score for score in scores if score.setting.get(SETTING) == NONE]
    scenes = list(dict.fromkeys((score.dataset, score.scene) for score in scores if NLL in score.tallies))
    by_scene = {(score.dataset, score.scene, score.values["factor"].value): score for score in scores}
    if not scenes:
        return kept
    best = _best_factor(by_scene, scenes)
    found = [replace(score, values={**score.values, "factor_of_all": SceneValue(value=best)}) for score in kept]
    for start in (0, 1):
        others = scenes[1 - start :: 2]
        if not others:
            continue
        factor = _best_factor(by_scene, others)
        for dataset, scene in scenes[start::2]:
            score = by_scene[dataset, scene, _nearest(factor)]
            values = {"factor": SceneValue(value=_nearest(factor)), "factor_of_all": SceneValue(value=best)}
            found.append(replace(score, setting={SETTING: OTHERS}, values=values))
    return found


def calibration(*, protocol: str = "published", datasets: Sequence[Dataset] = DATASETS) -> Benchmark:
    """The benchmark; nothing in it was published elsewhere, so the protocol changes nothing."""
    return Benchmark(
        name="calibration",
        protocol=protocol,
        datasets=datasets,
        score=partial(score_scene),
        columns=COLUMNS,
        settings={"factors": list(FACTORS), "bins": BINS},
        mixture=True,
        finish=recalibrated_by_others,
        derive=quantile_errors,
        figures={"calibration.png": partial(draw_calibration, bins=[_bin_name(place) for place in range(BINS)])},
    )


def quantile_errors(metrics: Mapping[str, float]) -> dict[str, float]:
    """The ECE of quantiles of pooled histograms; empty where there is none."""
    shares = [metrics.get(_bin_name(place), math.nan) for place in range(BINS)]
    if any(map(math.isnan, shares)):
        return {}
    below = torch.tensor(shares, dtype=torch.float64).cumsum(0)[:-1]
    levels = torch.arange(1, BINS, dtype=torch.float64) / BINS
    return {"quantile_error": float((below - levels).abs().mean())}


def _confidences(frame: SeenFrame, chosen: Tensor, scale: float) -> dict[str, Tally]:
    """Areas and curves of sparsification by each confidence that the prediction has, one count per frame."""
    scored = chosen & usable(frame.depth)
    if not scored.any():
        return {}
    error = (frame.depth * scale - frame.true_depth).abs() / frame.true_depth
    tallies = {}
    for name, confidence in CONFIDENCES.items():
        trust = confidence(frame)
        if trust is None:
            continue
        found = sparsification(error, trust, scored)
        tallies[f"ause_abs_rel_{name}"] = Tally(sum=found.ause, count=1)
        tallies[f"aurg_abs_rel_{name}"] = Tally(sum=found.aurg, count=1)
        for taken in TAKEN:
            tallies[f"left_abs_rel_{name}_{taken:02d}"] = Tally(sum=float(found.model[taken]), count=1)
            tallies[f"left_abs_rel_oracle_{taken:02d}"] = Tally(sum=float(found.oracle[taken]), count=1)
    return tallies


def _sky(frame: SeenFrame) -> dict[str, Tally]:
    """Sky masks and points at skylines, where both sides know the sky."""
    sky = frame.true_sky
    if sky is None:
        return {}
    edges = EdgeTruth.from_depth(frame.true_depth[None], frame.valid[None], sky=sky[None])
    skyline = skyline_scores(
        frame.depth[None], None if frame.sky is None else frame.sky[None], SkylineNeighbourhoods.of(edges)
    )
    scores: dict[str, Scores] = {"flying_skyline": skyline.flying, "wrong_side_skyline": skyline.wrong_side}
    if frame.sky is not None:
        labelled = sky | frame.valid
        scores |= {
            "sky_iou": sky_iou(frame.sky, sky, labelled),
            "sky_precision": sky_precision(frame.sky, sky, labelled),
            "sky_recall": sky_recall(frame.sky, sky, labelled),
        }
    return {name: score.tally for name, score in scores.items()}


def _glass(frame: SeenFrame, scale: float) -> dict[str, Tally]:
    """Errors of the nearest and the farthest surface of the density where there is glass (LayeredDepth: AbsRel)."""
    glass = frame.truth.extras.get("glass")
    if glass is None or frame.mixture is None:
        return {}
    first, last = torch.from_numpy(glass) & frame.valid, torch.from_numpy(frame.truth.extras["last_valid"].copy())
    last_depth = torch.from_numpy(np.where(frame.truth.extras["last_valid"], frame.truth.extras["last_depth"], 1.0))
    layers = frame.mixture.layers()
    return {
        "glass_first_abs_rel_scale_aligned": abs_rel(layers.front_depth * scale, frame.true_depth, first).tally,
        "glass_last_abs_rel_scale_aligned": abs_rel(layers.back_depth * scale, last_depth.float(), last).tally,
    }


def _ordering(frame: SeenFrame) -> dict[str, Tally]:
    """Rightly ordered tuples of points (LayeredDepth), by subset, number of points and layer.

    The nearest surface of the density is layer 1 and, where there are two, the farthest is layer 3; a prediction
    without densities has layer 1 alone.
    """
    extras = frame.truth.extras
    if "tuples" not in extras:
        return {}
    surfaces = frame.depth[None]
    if frame.mixture is not None:
        layers = frame.mixture.layers()
        missing = torch.full_like(layers.front_depth, math.nan)
        surfaces = torch.stack([layers.front_depth, missing, torch.where(layers.count > 1, layers.back_depth, missing)])
    height, width = extras["annotated_hw"].tolist()
    tuples, real = extras["tuples"], extras["tuple_real"]
    sizes = (tuples[..., 2] >= 0).sum(-1)
    tallies = {}
    for place, subset in enumerate(SUBSETS):
        for points, kind in KINDS.items():
            chosen = np.flatnonzero((extras["tuple_subset"] == place) & (sizes == points))
            found = ordering_tallies(
                surfaces,
                [[(x, y, layer) for x, y, layer in tuples[index, :points].tolist()] for index in chosen],
                real=real[chosen].tolist(),
                annotated_hw=(height, width),
            )
            tallies |= {f"ordered_{subset}_{kind}_{name}": tally for name, tally in found.items() if tally.count}
    return tallies


def _best_factor(by_scene: Mapping[tuple[str, str, float], SceneScores], scenes: Sequence[tuple[str, str]]) -> float:
    """The factor of least pooled NLL, between the steps of the ladder by the parabola through the best three."""
    losses = [
        Tally.pooled(by_scene[dataset, scene, factor].tallies[NLL] for dataset, scene in scenes).mean
        for factor in FACTORS
    ]
    place = min(range(len(losses)), key=losses.__getitem__)
    if not 0 < place < len(losses) - 1:
        return FACTORS[place]
    before, at, after = losses[place - 1 : place + 2]
    bend = before - 2 * at + after
    step = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return FACTORS[place] * (FACTORS[place + 1] / FACTORS[place]) ** step


def _nearest(factor: float) -> float:
    """The step of the ladder nearest to a factor."""
    return min(FACTORS, key=lambda known: abs(math.log(known / factor)))


def _pooled(parts: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: Tally.pooled(part[name] for part in parts if name in part) for name in names}


def _bin_name(place: int) -> str:
    return f"pit_{place:02d}"
