"""Depth errors of videos and single images, as published and corrected.

Published: the prediction is enlarged with bicubic interpolation to the size of the truth, aligned once per sequence
with all its frames, and scored at valid pixels; numbers of sequences are averaged with their numbers of valid pixels
as weights. RMSE and log RMSE, which do not average, are given both ways: `rmse` is the published mean of the sequences'
roots, `rmse_pooled` the root of the mean over all pixels. Corrected: nearest-neighbour enlargement (bicubic overshoots
at edges), exact alignments, double precision.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
import torch

from mda.errors import InputError
from mda.evaluation.alignment import EXACT, PUBLISHED, Alignment
from mda.evaluation.benchmark import Benchmark, Column, FrameTruth, Scene
from mda.evaluation.layouts.video import DATASETS, SINTEL_14
from mda.evaluation.predictions import ScenePrediction
from mda.evaluation.scores import SceneScores, SceneValue
from mda.metrics import Tally
from mda.shapes import Float, Float32, Tensor, ndarray

ALIGNMENTS = ("metric", "scale", "scale&shift", "median")
# Published release: smallest depth of which a logarithm is taken.
_SMALLEST_DEPTH = 1e-5
_DELTA = 1.25


@dataclass(frozen=True, kw_only=True)
class DepthRules:
    """Which depths of a data set count.

    Attributes:
        max_depth: true depths from here on are not scored; None: all are.
        clip: aligned predictions above this become this; None: they stay.
    """

    max_depth: float | None = None
    clip: float | None = None


RULES: Mapping[str, DepthRules] = {
    "sintel": DepthRules(max_depth=70.0, clip=70.0),
    "bonn": DepthRules(max_depth=70.0),
    "kitti": DepthRules(),
    "diode": DepthRules(max_depth=300.0),
    "diode-scan": DepthRules(max_depth=300.0),
    "nyu": DepthRules(max_depth=10.0),
}
COLUMNS = (
    Column(metric="abs_rel", header="AbsRel ↓"),
    Column(metric="sq_rel", header="SqRel ↓"),
    Column(metric="rmse", header="RMSE ↓"),
    Column(metric="rmse_pooled", header="RMSE pooled ↓"),
    Column(metric="log_rmse", header="log RMSE ↓"),
    Column(metric="delta1", header="δ<1.25 % ↑", factor=100.0, digits=2),
    Column(metric="delta2", header="δ<1.25² % ↑", factor=100.0, digits=2),
    Column(metric="delta3", header="δ<1.25³ % ↑", factor=100.0, digits=2),
)
ROOTS = {"squared_error": "rmse_pooled", "squared_log_error": "log_rmse_pooled"}


@dataclass(frozen=True, kw_only=True)
class DepthErrors:
    """Errors of one sequence.

    Attributes:
        tallies: sums over its valid pixels.
        scale, shift: of the alignment.
    """

    tallies: Mapping[str, Tally]
    scale: float
    shift: float

    @property
    def roots(self) -> dict[str, float]:
        """RMSE and log RMSE of the sequence."""
        return {
            "rmse": math.sqrt(self.tallies["squared_error"].mean),
            "log_rmse": math.sqrt(self.tallies["squared_log_error"].mean),
        }


def depth_errors(
    pred: Float[Tensor, " n"], truth: Float[Tensor, " n"], align: Alignment, *, clip: float | None = None
) -> DepthErrors:
    """Depth errors at the valid pixels of one sequence.

    With p the aligned prediction and g the truth: abs_rel |p - g| / g, sq_rel (p - g)^2 / g, squared_error (p - g)^2,
    and with p not below 1e-5 squared_log_error (ln p - ln g)^2 and delta n, whether max(p / g, g / p) < 1.25^n.

    Args:
        pred: predictions.
        truth: true depths, all above 0. Computed is in the precision that torch makes of both.
        align: how to align.
        clip: largest aligned prediction.
    """
    scale, shift = align(pred, truth) if len(pred) else (math.nan, math.nan)
    aligned = pred * scale + shift if shift else pred * scale
    aligned = aligned if clip is None else aligned.clamp(max=clip)
    error = aligned - truth
    values = {"abs_rel": error.abs() / truth, "sq_rel": error.square() / truth, "squared_error": error.square()}
    positive = aligned.clamp(min=_SMALLEST_DEPTH)
    values["squared_log_error"] = (positive.log() - truth.log()).square()
    ratio = torch.maximum(positive / truth, truth / positive)
    values |= {f"delta{power}": (ratio < _DELTA**power).double() for power in (1, 2, 3)}
    tallies = {name: Tally(sum=float(each.double().sum()), count=len(pred)) for name, each in values.items()}
    return DepthErrors(tallies=tallies, scale=scale, shift=shift)


def fitted_to(depth: Float32[ndarray, "h w"], image_hw: tuple[int, int], method: int) -> Float32[ndarray, "h2 w2"]:
    """A depth map at another size; the same where it has it."""
    if depth.shape == image_hw:
        return depth
    return cv2.resize(np.ascontiguousarray(depth), image_hw[::-1], interpolation=method)


def valid_pixels(
    scene: Scene, prediction: ScenePrediction, rules: DepthRules, method: int
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Prediction and truth at the valid pixels of all frames; only these are held.

    Raises:
        InputError: a prediction is not finite at a pixel that is to be scored.
    """
    predicted, true = [], []
    for position, frame in enumerate(scene.frames):
        truth = frame.read_truth()
        mask = _mask(truth, rules)
        depth = fitted_to(prediction.depth(position), truth.depth.shape, method)[mask]
        if not np.isfinite(depth).all():
            message = f"The prediction for {scene.dataset} {scene.name}, {frame.name}, holds NaN or infinite depth."
            raise InputError(message)
        predicted.append(depth)
        true.append(truth.depth[mask])
    return torch.from_numpy(np.concatenate(predicted)), torch.from_numpy(np.concatenate(true))


def score_scene(
    scene: Scene, variant: str, prediction: ScenePrediction, *, protocol: str, alignments: Sequence[str]
) -> list[SceneScores]:
    """Scores of one sequence, one setting per alignment; the 14 usual sequences of Sintel are given apart, too."""
    del variant
    rules, published = RULES[scene.dataset], protocol == "published"
    method = cv2.INTER_CUBIC if published else cv2.INTER_NEAREST_EXACT
    pred, truth = valid_pixels(scene, prediction, rules, method)
    pred, truth = (pred, truth) if published else (pred.double(), truth.double())
    known = PUBLISHED if published else EXACT
    scores = []
    for name in alignments:
        errors = depth_errors(pred, truth, known[name], clip=rules.clip)
        score = SceneScores(
            dataset=scene.dataset,
            scene=scene.name,
            setting={"align": name},
            tallies=errors.tallies,
            values={root: SceneValue(value=value, weight=float(len(pred))) for root, value in errors.roots.items()},
            details={"scale": errors.scale, "shift": errors.shift, "valid_pixels": float(len(pred))},
            frames=len(scene.frames),
        )
        scores.append(score)
    if scene.dataset == "sintel" and scene.name in SINTEL_14:
        scores += [replace(score, dataset="sintel-14") for score in scores]
    return scores


def video_depth(*, protocol: str = "published", alignments: Sequence[str] = ALIGNMENTS) -> Benchmark:
    """The benchmark.

    Args:
        protocol: `published` or `corrected`.
        alignments: of `mda.evaluation.alignment`.
    """
    return Benchmark(
        name="video-depth",
        protocol=protocol,
        datasets=DATASETS,
        score=partial(score_scene, protocol=protocol, alignments=tuple(alignments)),
        columns=COLUMNS,
        settings={"alignments": list(alignments)},
        roots=ROOTS,
    )


def _mask(truth: FrameTruth, rules: DepthRules) -> np.ndarray:
    return truth.mask if rules.max_depth is None else truth.mask & (truth.depth < rules.max_depth)
