"""Quality metrics: values with masks, and tallies (sum, count) that merge over shards."""

from mda.geometry import EDGE_RATIO, EdgeNeighbourhoods, EdgeTruth
from mda.metrics.boundary import BoundaryDistances, TrueBoundary
from mda.metrics.boundary_f1 import depth_pro_boundary_f1, harmonic_mean, moge_boundary_f1, moge_boundary_f1s
from mda.metrics.calibration import (
    INTERVALS,
    PitHistogram,
    continuous_ranked_probability_score,
    fitted_recalibration,
    mass_near,
    negative_log_likelihood,
)
from mda.metrics.coverage import COVERAGES, coverage_of, most_confident, smoothness, without
from mda.metrics.depth import DELTA_THRESHOLD, abs_rel, align_scale, delta, root_mean, squared_error, squared_log_error
from mda.metrics.depth_boundary_error import DepthBoundaryErrors, canny_edges, depth_boundary_errors
from mda.metrics.edge_matches import EdgeMatches, edge_matches
from mda.metrics.flying_points import (
    TrueSurfaceRates,
    flying_between_true_surfaces,
    nearer_to_other_true_surface,
    true_surface_sweep,
)
from mda.metrics.hanging import hanging_points
from mda.metrics.layered import ordering_tallies
from mda.metrics.own_surfaces import OwnSurfaceScores, own_surface_scores
from mda.metrics.pose import AUC_DEGREES, PoseErrors, focal_error, pose_errors
from mda.metrics.sky import sky_iou, sky_precision, sky_recall
from mda.metrics.skyline import SkylineNeighbourhoods, SkylineScores, skyline_scores
from mda.metrics.soft_edge import soft_edge_error
from mda.metrics.sparsification import Sparsification, sparsification, sparsification_scores
from mda.metrics.tally import Scores, Tally
from mda.metrics.thin import ThinScores, ThinTruth, thin_scores

__all__ = [
    "AUC_DEGREES",
    "COVERAGES",
    "DELTA_THRESHOLD",
    "EDGE_RATIO",
    "INTERVALS",
    "BoundaryDistances",
    "DepthBoundaryErrors",
    "EdgeMatches",
    "EdgeNeighbourhoods",
    "EdgeTruth",
    "OwnSurfaceScores",
    "PitHistogram",
    "PoseErrors",
    "Scores",
    "SkylineNeighbourhoods",
    "SkylineScores",
    "Sparsification",
    "Tally",
    "ThinScores",
    "ThinTruth",
    "TrueBoundary",
    "TrueSurfaceRates",
    "abs_rel",
    "align_scale",
    "canny_edges",
    "continuous_ranked_probability_score",
    "coverage_of",
    "delta",
    "depth_boundary_errors",
    "depth_pro_boundary_f1",
    "edge_matches",
    "fitted_recalibration",
    "flying_between_true_surfaces",
    "focal_error",
    "hanging_points",
    "harmonic_mean",
    "mass_near",
    "moge_boundary_f1",
    "moge_boundary_f1s",
    "most_confident",
    "nearer_to_other_true_surface",
    "negative_log_likelihood",
    "ordering_tallies",
    "own_surface_scores",
    "pose_errors",
    "root_mean",
    "sky_iou",
    "sky_precision",
    "sky_recall",
    "skyline_scores",
    "smoothness",
    "soft_edge_error",
    "sparsification",
    "sparsification_scores",
    "squared_error",
    "squared_log_error",
    "thin_scores",
    "true_surface_sweep",
    "without",
]
