"""Every edge metric on one frame of any data set: truth is looked up once, then any number of predictions is scored.

The procedural benchmark, which knows its surfaces exactly and scores whole clips, has `mda.evaluation.clip_scores`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mda.geometry import Cameras, dilate, points_from_depth
from mda.metrics import (
    EdgeNeighbourhoods,
    EdgeTruth,
    SkylineNeighbourhoods,
    Tally,
    ThinTruth,
    TrueBoundary,
    abs_rel,
    canny_edges,
    coverage_of,
    delta,
    depth_boundary_errors,
    depth_pro_boundary_f1,
    edge_matches,
    moge_boundary_f1s,
    own_surface_scores,
    skyline_scores,
    soft_edge_error,
    thin_scores,
    true_surface_sweep,
)
from mda.metrics.flying_points import usable
from mda.shapes import Bool, Float, Tensor

# Tolerances (in ln depth) and radii (in pixels) of the rates against true surfaces.
TOLERANCES, RADII = (0.02, 0.05, 0.1), (0, 1, 3)
MOGE_RADII, MATCH_RADII = (1, 2, 3), (1, 3)
# Points within this many pixels of an edge make up the edge-aware chamfer distance.
CHAMFER_RADIUS = 2


@dataclass(frozen=True, kw_only=True)
class FrameEdges:
    """Ground truth of one frame with what is looked up once for all predictions.

    Attributes:
        edges: depth, validity, edges and surfaces, batch shape [1].
        around_edges, around_skylines: interior pixels around them.
        thin: thin structures.
        boundary_pixels: [1, h, w] edges by which depth boundary errors are measured.
        sky: [1, h, w] sky pixels, None where the data set does not know them.
        camera: with the identity as its pose; None where unknown, and then there is no chamfer distance.
        median_depth: the frame's unit of length.
        near: [1, h, w] valid pixels that make up the chamfer distance.
        boundary: their points.
    """

    edges: EdgeTruth
    around_edges: EdgeNeighbourhoods
    around_skylines: SkylineNeighbourhoods
    thin: ThinTruth
    boundary_pixels: Bool[Tensor, "1 h w"]
    sky: Bool[Tensor, "1 h w"] | None
    camera: Cameras | None
    median_depth: float
    near: Bool[Tensor, "1 h w"]
    boundary: TrueBoundary | None

    @classmethod
    def of(
        cls,
        depth: Float[Tensor, "h w"],
        valid: Bool[Tensor, "h w"],
        *,
        sky: Bool[Tensor, "h w"] | None = None,
        boundary_pixels: Bool[Tensor, "h w"] | None = None,
        intrinsics: Float[Tensor, "3 3"] | None = None,
    ) -> "FrameEdges":
        """Look everything up.

        Args:
            depth: true z-depth; anything where not `valid`.
            valid: pixels with known depth.
            sky: pixels that are known to be sky.
            boundary_pixels: edges annotated by the data set; by default the Canny edges of the true depth.
            intrinsics: of the depth map.

        Raises:
            MissingExtraError: scipy or scikit-image is not installed.
        """
        known = torch.where(valid, depth, 1.0)[None].float()
        edges = EdgeTruth.from_depth(known, valid[None], sky=None if sky is None else sky[None])
        camera = None
        if intrinsics is not None:
            height, width = depth.shape
            camera = Cameras(world_from_cam=torch.eye(4), intrinsics=intrinsics.float(), image_hw=(height, width))
        near = dilate(edges.edge, CHAMFER_RADIUS) & edges.valid
        return cls(
            edges=edges,
            around_edges=EdgeNeighbourhoods.of(edges),
            around_skylines=SkylineNeighbourhoods.of(edges),
            thin=ThinTruth.of(known, valid[None]),
            boundary_pixels=(canny_edges(depth, valid) if boundary_pixels is None else boundary_pixels)[None],
            sky=None if sky is None else sky[None],
            camera=camera,
            median_depth=float(depth[valid].median()) if valid.any() else 1.0,
            near=near,
            boundary=None if camera is None else TrueBoundary(points_from_depth(known[0], camera)[near[0]]),
        )


def score_frame(
    depth: Float[Tensor, "h w"],
    truth: FrameEdges,
    *,
    scale: float,
    predicted_sky: Bool[Tensor, "h w"] | None = None,
    published: bool = False,
    tolerances: Sequence[float] = TOLERANCES,
    radii: Sequence[int] = RADII,
) -> dict[str, Tally]:
    """All edge metrics of one frame, under the names of docs/metrics.md. Pixels whose depth is NaN make no point.

    Args:
        depth: prediction at the size of the truth, not aligned.
        truth: of the frame.
        scale: that aligns the clip.
        predicted_sky: pixels that the prediction calls sky.
        published: Depth Pro's F1 counts empty ratios as 0.
        tolerances: of the rates against true surfaces.
        radii: of the same.
    """
    raw = depth[None].float()
    aligned, edges = raw * scale, truth.edges
    return {
        **_depth_errors(aligned, edges),
        **_own_surfaces(raw, truth),
        **_true_surfaces(aligned, edges, tolerances, radii),
        **_published_edges(raw, truth, published=published),
        "soft_edge_error_scale_aligned": soft_edge_error(aligned, edges).tally,
        **_thin(aligned, truth),
        **_chamfer(aligned, truth),
        **_skyline(raw, None if predicted_sky is None else predicted_sky[None], truth),
    }


def _depth_errors(aligned: Tensor, edges: EdgeTruth) -> dict[str, Tally]:
    made = edges.valid & usable(aligned)
    return {
        "abs_rel_scale_aligned": abs_rel(aligned, edges.depth, made).tally,
        "delta1_scale_aligned": delta(aligned, edges.depth, made).tally,
        "coverage": coverage_of(aligned, edges.valid).tally,
        "edge_coverage": coverage_of(aligned, edges.edge).tally,
    }


def _own_surfaces(depth: Tensor, truth: FrameEdges) -> dict[str, Tally]:
    own = own_surface_scores(depth, truth.around_edges)
    # Over all edge pixels with two surfaces around, points or none: what is deleted is not right.
    pixels = len(truth.around_edges.windows.pixels)
    return {
        "flying_own_surfaces": own.flying.tally,
        "wrong_side_own_surfaces": own.wrong_side.tally,
        "right_own_surfaces": own.right.tally,
        "right_of_all_own_surfaces": Tally(sum=own.right.tally.sum, count=pixels),
        "unresolved_own_surfaces": own.unresolved.tally,
        "unscored_own_surfaces": own.unscored.tally,
    }


def _true_surfaces(
    aligned: Tensor, edges: EdgeTruth, tolerances: Sequence[float], radii: Sequence[int]
) -> dict[str, Tally]:
    tallies = {}
    for (tolerance, radius), rates in true_surface_sweep(aligned, edges, tolerances=tolerances, radii=radii).items():
        name = f"true_surfaces_t{round(100 * tolerance):02d}_r{radius}_scale_aligned"
        tallies[f"flying_{name}"], tallies[f"wrong_side_{name}"] = rates.flying, rates.wrong_side
    return tallies


def _published_edges(depth: Tensor, truth: FrameEdges, *, published: bool) -> dict[str, Tally]:
    edges = truth.edges
    boundary = depth_boundary_errors(depth, truth.boundary_pixels)
    tallies = {
        "boundary_f1_depth_pro": depth_pro_boundary_f1(depth, edges.depth, edges.valid, published=published).tally,
        "depth_boundary_accuracy_px": boundary.accuracy.tally,
        "depth_boundary_completeness_px": boundary.completeness.tally,
    }
    for radius, score in moge_boundary_f1s(depth, edges.depth, edges.valid, radii=MOGE_RADII).items():
        tallies[f"boundary_f1_moge_r{radius}"] = score.tally
    for radius in MATCH_RADII:
        found = edge_matches(depth, edges, radius=radius)
        tallies[f"edge_precision_r{radius}"] = found.precision.tally
        tallies[f"edge_recall_r{radius}"] = found.recall.tally
    return tallies


def _thin(aligned: Tensor, truth: FrameEdges) -> dict[str, Tally]:
    found = thin_scores(aligned, truth.thin)
    return {
        "thin_found": found.found.tally,
        "thin_recalled": found.recalled.tally,
        "thin_complete80": found.complete.tally,
        **{f"thin_abs_rel_w{width}": score.tally for width, score in found.abs_rel.items()},
    }


def _chamfer(aligned: Tensor, truth: FrameEdges) -> dict[str, Tally]:
    if truth.camera is None or truth.boundary is None:
        return {}
    points = points_from_depth(torch.where(usable(aligned), aligned, torch.nan)[0], truth.camera)
    found = truth.boundary.distances(points[truth.near[0]])
    return {
        f"edge_chamfer_{name}_relative_scale_aligned": Tally(
            sum=scores.tally.sum / truth.median_depth, count=scores.tally.count
        )
        for name, scores in (("accuracy", found.accuracy), ("completeness", found.completeness))
    }


def _skyline(depth: Tensor, predicted_sky: Tensor | None, truth: FrameEdges) -> dict[str, Tally]:
    if truth.sky is None:
        return {}
    found = skyline_scores(depth, predicted_sky, truth.around_skylines)
    return {
        "flying_skyline": found.flying.tally,
        "wrong_side_skyline": found.wrong_side.tally,
        "unscored_skyline": found.unscored.tally,
    }
