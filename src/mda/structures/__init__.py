"""Records that pass between layers: no dictionaries, no half-present fields."""

from mda.structures.network_output import Gaussians, NetworkOutput, PointMap, RayMap, is_sky
from mda.structures.prediction import PointCloud, Prediction
from mda.structures.targets import LayerTargets, Targets, Views

__all__ = [
    "Gaussians",
    "LayerTargets",
    "NetworkOutput",
    "PointCloud",
    "PointMap",
    "Prediction",
    "RayMap",
    "Targets",
    "Views",
    "is_sky",
]
