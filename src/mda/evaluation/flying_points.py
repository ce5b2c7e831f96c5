"""The flying-point benchmark: every edge metric on data with sharp true edges, as a function of coverage."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from mda.evaluation.benchmark import Benchmark, Column, Dataset, Scene
from mda.evaluation.coverage_figure import draw_coverage
from mda.evaluation.edge_scores import MATCH_RADII, FrameEdges, score_frame
from mda.evaluation.layouts.edges import EDGE_DATASETS
from mda.evaluation.predictions import ScenePrediction
from mda.evaluation.scene_frames import (
    Confidence,
    SeenFrame,
    clip_scale,
    find_confidences,
    interior_of,
    ratio_sample,
    sampled,
    seen_frames,
    threshold_of,
    trusted,
)
from mda.evaluation.scores import SceneScores, SceneValue
from mda.metrics import COVERAGES, Tally, harmonic_mean, without
from mda.metrics.flying_points import usable
from mda.shapes import Float, Tensor

DEFAULT_CONFIDENCES = ("confidence", "smoothness")
UNFILTERED = {"filter": "none", "coverage": "1"}
COLUMNS = (
    Column(metric="coverage", header="coverage %", factor=100.0, digits=1),
    Column(metric="edge_coverage", header="edge coverage %", factor=100.0, digits=1),
    Column(metric="abs_rel_scale_aligned", header="AbsRel % ↓", factor=100.0, digits=2),
    Column(metric="flying_own_surfaces", header="flying, own % ↓", factor=100.0, digits=2),
    Column(metric="wrong_side_own_surfaces", header="wrong side, own % ↓", factor=100.0, digits=2),
    Column(metric="right_of_all_own_surfaces", header="right of all, own % ↑", factor=100.0, digits=2),
    Column(metric="flying_true_surfaces_t05_r0_scale_aligned", header="flying, true % ↓", factor=100.0, digits=2),
    Column(
        metric="wrong_side_true_surfaces_t05_r0_scale_aligned", header="wrong side, true % ↓", factor=100.0, digits=2
    ),
    Column(metric="soft_edge_error_scale_aligned", header="soft edge error ↓", digits=4),
    Column(metric="boundary_f1_depth_pro", header="F1 Depth Pro ↑", digits=4),
    Column(metric="boundary_f1_moge_r1", header="F1 MoGe r1 ↑", digits=4),
    Column(metric="depth_boundary_accuracy_px", header="DBE acc px ↓", digits=3),
    Column(metric="depth_boundary_completeness_px", header="DBE comp px ↓", digits=3),
    Column(metric="edge_chamfer_relative_scale_aligned", header="edge chamfer % ↓", factor=100.0, digits=2),
    Column(metric="edge_f1_r1", header="edge F1@1 ↑", digits=4),
    Column(metric="thin_recalled", header="thin recalled % ↑", factor=100.0, digits=1),
)


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """What is fitted once for a scene: its scale, and the confidence to reach by filter and coverage."""

    scale: float
    thresholds: Mapping[tuple[str, float], float]


@dataclass(kw_only=True)
class _Sums:
    """Tallies of the frames of a scene in one setting, added up."""

    tallies: dict[str, list[Tally]] = field(default_factory=dict)

    def add(self, found: Mapping[str, Tally]) -> None:
        for name, tally in found.items():
            self.tallies.setdefault(name, []).append(tally)

    @property
    def pooled(self) -> dict[str, Tally]:
        return {name: Tally.pooled(parts) for name, parts in self.tallies.items()}


def score_scene(
    scene: Scene,
    variant: str,
    prediction: ScenePrediction,
    *,
    published: bool,
    confidences: Sequence[str] = DEFAULT_CONFIDENCES,
    coverages: Sequence[float] = COVERAGES,
) -> list[SceneScores]:
    """Scores of one scene: unfiltered, and for each confidence that the prediction has at each coverage below 1."""
    del variant
    filters = find_confidences(confidences)
    with_mixture = bool({"mass", "std", "entropy"} & set(confidences))
    fitted = _fit(scene, prediction, filters, coverages, mixture=with_mixture)
    sums: dict[tuple[str, float], _Sums] = {key: _Sums() for key in (("none", 1.0), *fitted.thresholds)}
    for frame in seen_frames(scene, prediction, mixture=with_mixture):
        truth = _truth(frame)
        options = {"scale": fitted.scale, "predicted_sky": frame.sky, "published": published}
        sums["none", 1.0].add(score_frame(frame.depth, truth, **options))
        for name in dict.fromkeys(name for name, _ in fitted.thresholds):
            trust = filters[name](frame)
            if trust is None:
                continue
            for coverage in coverages:
                if coverage < 1:
                    kept = without(frame.depth, trusted(trust) >= fitted.thresholds[name, coverage])
                    sums[name, coverage].add(score_frame(kept, truth, **options))
    return [
        SceneScores(
            dataset=scene.dataset,
            scene=scene.name,
            setting={"filter": name, "coverage": f"{coverage:g}"},
            tallies=found.pooled,
            values=_derived(found.pooled),
            details={"scale": fitted.scale},
            frames=len(scene.frames),
        )
        for (name, coverage), found in sums.items()
    ]


def flying_points(
    *,
    protocol: str = "published",
    confidences: Sequence[str] = DEFAULT_CONFIDENCES,
    coverages: Sequence[float] = COVERAGES,
    datasets: Sequence[Dataset] = EDGE_DATASETS,
) -> Benchmark:
    """The benchmark.

    Args:
        protocol: `published` counts empty ratios of Depth Pro's F1 as 0, as its release does; `corrected` leaves them
            out. Nothing else differs.
        confidences: by which pixels are left out, as far as a prediction has them.
        coverages: shares of pixels that are kept.
        datasets: to score on.

    Raises:
        ConfigError: a confidence does not exist.
    """
    find_confidences(confidences)
    settings = {"confidences": list(confidences), "coverages": list(coverages)}
    return Benchmark(
        name="flying-points",
        protocol=protocol,
        datasets=datasets,
        score=partial(
            score_scene,
            published=protocol == "published",
            confidences=tuple(confidences),
            coverages=tuple(coverages),
        ),
        columns=COLUMNS,
        settings=settings,
        figures={"coverage.png": draw_coverage},
        mixture=bool({"mass", "std", "entropy"} & set(confidences)),
    )


def _fit(
    scene: Scene,
    prediction: ScenePrediction,
    filters: Mapping[str, Confidence],
    coverages: Sequence[float],
    *,
    mixture: bool,
) -> _Fitted:
    """First pass over the frames."""
    ratios: list[Tensor] = []
    samples: dict[str, list[Tensor]] = {}
    for frame in seen_frames(scene, prediction, mixture=mixture):
        ratios.append(ratio_sample(frame, interior_of(frame)))
        chosen = sampled(frame.valid & usable(frame.depth))
        for name, confidence in filters.items():
            trust = confidence(frame)
            if trust is not None:
                samples.setdefault(name, []).append(trusted(trust)[chosen])
    thresholds = {
        (name, coverage): threshold_of(parts, coverage)
        for name, parts in samples.items()
        for coverage in coverages
        if coverage < 1
    }
    return _Fitted(scale=clip_scale(ratios), thresholds=thresholds)


def _truth(frame: SeenFrame) -> FrameEdges:
    edges, intrinsics = frame.truth.extras.get("edges"), frame.truth.intrinsics
    return FrameEdges.of(
        frame.true_depth,
        frame.valid,
        sky=frame.true_sky,
        boundary_pixels=None if edges is None else torch.from_numpy(edges.astype(bool)),
        intrinsics=None if intrinsics is None else _matrix(intrinsics),
    )


def _matrix(values: object) -> Float[Tensor, "3 3"]:
    return torch.as_tensor(values, dtype=torch.float32)


def _derived(tallies: Mapping[str, Tally]) -> dict[str, SceneValue]:
    """Numbers of a scene that are made of several rates: F1 of matched edges, chamfer distance."""
    values = {}
    for radius in MATCH_RADII:
        precision, recall = tallies[f"edge_precision_r{radius}"], tallies[f"edge_recall_r{radius}"]
        # Nothing predicted is no precision, but a recall of 0.
        found = harmonic_mean(precision.mean if precision.count else 0.0, recall.mean) if recall.count else math.nan
        values[f"edge_f1_r{radius}"] = SceneValue(value=found, weight=float(recall.count))
    parts = [tallies.get(f"edge_chamfer_{side}_relative_scale_aligned") for side in ("accuracy", "completeness")]
    if all(part is not None and part.count for part in parts):
        mean = sum(part.mean for part in parts if part is not None) / 2
        values["edge_chamfer_relative_scale_aligned"] = SceneValue(value=mean)
    return values
