"""Quality metrics: values with masks, and tallies (sum, count) that merge over shards."""

from mda.metrics.boundary import BoundaryDistances, TrueBoundary
from mda.metrics.depth import DELTA_THRESHOLD, abs_rel, align_scale, delta, root_mean, squared_error, squared_log_error
from mda.metrics.edge_truth import EDGE_RATIO, EdgeTruth
from mda.metrics.flying_points import flying_between_true_surfaces, nearer_to_other_true_surface
from mda.metrics.own_surfaces import EdgeNeighbourhoods, OwnSurfaceScores, own_surface_scores
from mda.metrics.pose import AUC_DEGREES, PoseErrors, focal_error, pose_errors
from mda.metrics.sky import sky_iou, sky_precision, sky_recall
from mda.metrics.skyline import SkylineNeighbourhoods, SkylineScores, skyline_scores
from mda.metrics.tally import Scores, Tally

__all__ = [
    "AUC_DEGREES",
    "DELTA_THRESHOLD",
    "EDGE_RATIO",
    "BoundaryDistances",
    "EdgeNeighbourhoods",
    "EdgeTruth",
    "OwnSurfaceScores",
    "PoseErrors",
    "Scores",
    "SkylineNeighbourhoods",
    "SkylineScores",
    "Tally",
    "TrueBoundary",
    "abs_rel",
    "align_scale",
    "delta",
    "flying_between_true_surfaces",
    "focal_error",
    "nearer_to_other_true_surface",
    "own_surface_scores",
    "pose_errors",
    "root_mean",
    "sky_iou",
    "sky_precision",
    "sky_recall",
    "skyline_scores",
    "squared_error",
    "squared_log_error",
]
