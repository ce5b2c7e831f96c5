"""Cameras, rotations, rays and depth edges: plain geometry on tensors, no networks."""

from mda.geometry.cameras import Cameras
from mda.geometry.edge_neighbourhoods import EdgeNeighbourhoods
from mda.geometry.edge_truth import EDGE_RATIO, EdgeTruth
from mda.geometry.edges import depth_discontinuities, dilate, window_max
from mda.geometry.normals import normals_from_depth
from mda.geometry.pose_encoding import cameras_from_encoding, encode_cameras
from mda.geometry.rays import camera_rays, pixel_centers, points_from_depth, project
from mda.geometry.rigid import compose, homogeneous, rigid_inverse
from mda.geometry.rotations import matrix_from_quaternion, quaternion_from_matrix, rotation_angle
from mda.geometry.similarity import Similarity, fit_similarity, fit_similarity_robustly, weighted_median
from mda.geometry.triangles import surface_triangles
from mda.geometry.windows import Windows, masked_median

__all__ = [
    "EDGE_RATIO",
    "Cameras",
    "EdgeNeighbourhoods",
    "EdgeTruth",
    "Similarity",
    "Windows",
    "camera_rays",
    "cameras_from_encoding",
    "compose",
    "depth_discontinuities",
    "dilate",
    "encode_cameras",
    "fit_similarity",
    "fit_similarity_robustly",
    "homogeneous",
    "masked_median",
    "matrix_from_quaternion",
    "normals_from_depth",
    "pixel_centers",
    "points_from_depth",
    "project",
    "quaternion_from_matrix",
    "rigid_inverse",
    "rotation_angle",
    "surface_triangles",
    "weighted_median",
    "window_max",
]
