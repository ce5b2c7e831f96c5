"""Everything that is measured on one clip with exact ground truth."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from mda.data.source import SceneClip
from mda.geometry import Cameras, points_from_depth
from mda.metrics import (
    EDGE_RATIO,
    EdgeNeighbourhoods,
    EdgeTruth,
    Scores,
    SkylineNeighbourhoods,
    Tally,
    TrueBoundary,
    abs_rel,
    align_scale,
    delta,
    flying_between_true_surfaces,
    focal_error,
    nearer_to_other_true_surface,
    own_surface_scores,
    pose_errors,
    sky_iou,
    sky_precision,
    sky_recall,
    skyline_scores,
    squared_error,
    squared_log_error,
    without,
)
from mda.shapes import Bool, Float, Tensor

# Pairs of views closer than this share of the clip's median depth have no direction of translation to speak of.
MIN_BASELINE = 0.01


@dataclass(frozen=True, kw_only=True)
class ClipTruth:
    """Ground truth of a clip with what is looked up once for all predictions.

    Attributes:
        images: [v, 3, h, w] RGB in 0..1.
        edges: depth, validity, edges and surfaces.
        sky: [v, h, w] sky pixels, all labelled.
        cameras: batch shape [v].
        median_depth: median of the valid depths, the clip's unit of length.
    """

    name: str
    images: Float[Tensor, "v 3 h w"]
    edges: EdgeTruth
    sky: Bool[Tensor, "v h w"]
    cameras: Cameras
    median_depth: float
    around_edges: EdgeNeighbourhoods
    around_skylines: SkylineNeighbourhoods
    boundary: TrueBoundary

    @classmethod
    def of(cls, clip: SceneClip) -> "ClipTruth":
        """Prepare a clip."""
        depth, valid = torch.from_numpy(clip.depth), torch.from_numpy(clip.valid)
        front, back = torch.from_numpy(clip.front_depth), torch.from_numpy(clip.back_depth)
        edges = EdgeTruth(
            depth=depth,
            valid=valid,
            edge=torch.from_numpy(clip.edge) & valid & (back > (1 + EDGE_RATIO) * front),
            front=front,
            back=back,
            skyline=torch.from_numpy(clip.skyline),
        )
        height, width = depth.shape[-2:]
        cameras = Cameras(
            world_from_cam=torch.from_numpy(clip.world_from_cam).float(),
            intrinsics=torch.from_numpy(clip.intrinsics).float(),
            image_hw=(height, width),
        )
        return cls(
            name=clip.name,
            images=torch.from_numpy(clip.images).permute(0, 3, 1, 2).float() / 255,
            edges=edges,
            sky=torch.from_numpy(clip.sky),
            cameras=cameras,
            median_depth=float(depth[valid].median()),
            around_edges=EdgeNeighbourhoods.of(edges),
            around_skylines=SkylineNeighbourhoods.of(edges),
            boundary=TrueBoundary(points_from_depth(depth, cameras)[edges.edge]),
        )


@dataclass(frozen=True, kw_only=True)
class ClipPrediction:
    """What a model says about a clip.

    Attributes:
        depths: [v, h, w] each, by the name of the decoder.
        sky: [v, h, w] sky mask, or None.
        cameras: batch shape [v], or None.
        confidences: [v, h, w] of each depth, by the same names; empty where there are none.
    """

    depths: Mapping[str, Float[Tensor, "v h w"]]
    sky: Bool[Tensor, "v h w"] | None = None
    cameras: Cameras | None = None
    confidences: Mapping[str, Float[Tensor, "v h w"]] = field(default_factory=dict)


def score_depth(
    depth: Float[Tensor, "v h w"],
    predicted_sky: Bool[Tensor, "v h w"] | None,
    truth: ClipTruth,
    kept: Bool[Tensor, "v h w"] | None = None,
) -> dict[str, Tally]:
    """Depth, flying-point and boundary tallies of one decoded depth.

    Args:
        depth: decoded.
        predicted_sky: pixels that make no point at skylines.
        truth: of the clip.
        kept: pixels that a filter leaves; scales are fitted before it, to all. A pixel left out makes no point.
    """
    kept = torch.ones_like(truth.sky) if kept is None else kept
    return {
        **_depth_errors(depth, truth, kept),
        **_edge_errors(depth, truth, kept),
        **_skyline_errors(without(depth, kept), predicted_sky, truth),
    }


def score_views(prediction: ClipPrediction, truth: ClipTruth) -> dict[str, Tally]:
    """Camera and sky tallies, which do not depend on the decoder."""
    scores: dict[str, Scores] = {}
    if prediction.cameras is not None:
        errors = pose_errors(prediction.cameras, truth.cameras, min_baseline=MIN_BASELINE * truth.median_depth)
        scores["rotation_error_deg"] = errors.rotation
        scores["translation_direction_error_deg"] = errors.translation
        scores["pose_auc30"] = errors.auc
        scores["focal_error"] = focal_error(prediction.cameras, truth.cameras)
    if prediction.sky is not None:
        labelled = torch.ones_like(truth.sky)
        scores["sky_iou"] = sky_iou(prediction.sky, truth.sky, labelled)
        scores["sky_precision"] = sky_precision(prediction.sky, truth.sky, labelled)
        scores["sky_recall"] = sky_recall(prediction.sky, truth.sky, labelled)
    return {name: score.tally for name, score in scores.items()}


def blurred_depth(truth: EdgeTruth) -> Float[Tensor, "*b h w"]:
    """True depth averaged over the valid pixels of 3x3 windows: flying points at every edge, for comparison."""
    valid = truth.valid.reshape(-1, 1, *truth.valid.shape[-2:]).float()
    depth = torch.where(truth.valid, truth.depth, 0.0).reshape(valid.shape)
    mean = functional.avg_pool2d(depth, 3, 1, 1) / functional.avg_pool2d(valid, 3, 1, 1).clamp_min(1e-6)
    return mean.reshape(truth.depth.shape)


def _depth_errors(depth: Tensor, truth: ClipTruth, kept: Tensor) -> dict[str, Tally]:
    target, valid = truth.edges.depth, truth.edges.valid & kept
    aligned = depth * align_scale(depth, target, truth.edges.valid)
    return {
        "coverage": Scores(values=kept, mask=truth.edges.valid).tally,
        "abs_rel_scale_aligned": abs_rel(aligned, target, valid).tally,
        "delta1_scale_aligned": delta(aligned, target, valid).tally,
        "squared_error_scale_aligned": squared_error(aligned, target, valid).tally,
        "squared_log_error_scale_aligned": squared_log_error(aligned, target, valid).tally,
    }


def _edge_errors(depth: Tensor, truth: ClipTruth, kept: Tensor) -> dict[str, Tally]:
    """Flying points and boundary distances; where an alignment is needed it is fitted on interior pixels."""
    edges = truth.edges
    aligned = without(depth * align_scale(depth, edges.depth, edges.interior), kept)
    own = own_surface_scores(without(depth, kept), truth.around_edges)
    found = truth.boundary.distances(points_from_depth(aligned, truth.cameras)[edges.edge])
    boundary = {"boundary_accuracy": found.accuracy.tally, "boundary_completeness": found.completeness.tally}
    return {
        "flying_own_surfaces": own.flying.tally,
        "wrong_side_own_surfaces": own.wrong_side.tally,
        "right_own_surfaces": own.right.tally,
        "unresolved_own_surfaces": own.unresolved.tally,
        "unscored_own_surfaces": own.unscored.tally,
        "right_of_all_own_surfaces": Tally(sum=own.right.tally.sum, count=len(truth.around_edges.windows.pixels)),
        "edge_coverage": Scores(values=kept, mask=edges.edge).tally,
        "flying_true_surfaces_scale_aligned": flying_between_true_surfaces(aligned, edges).tally,
        "wrong_side_true_surfaces_scale_aligned": nearer_to_other_true_surface(aligned, edges).tally,
        **{f"{name}_scale_aligned": tally for name, tally in boundary.items()},
        **{
            f"{name}_relative_scale_aligned": Tally(sum=tally.sum / truth.median_depth, count=tally.count)
            for name, tally in boundary.items()
        },
    }


def _skyline_errors(depth: Tensor, predicted_sky: Tensor | None, truth: ClipTruth) -> dict[str, Tally]:
    found = skyline_scores(depth, predicted_sky, truth.around_skylines)
    return {
        "flying_skyline": found.flying.tally,
        "wrong_side_skyline": found.wrong_side.tally,
        "unscored_skyline": found.unscored.tally,
    }
