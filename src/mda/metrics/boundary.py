"""Boundary accuracy and completeness: distances between predicted and true 3D points at depth edges.

As in the boundary benchmark of the published release (paper, Table 1) the same edge pixels give both clouds and true
cameras place both; unlike there the edges are those of the ground truth itself (not Canny on 8-bit depth), one scale
per clip is fitted (no shift), and no ICP moves the prediction afterwards.
"""

from dataclasses import dataclass

import torch

from mda.metrics.tally import Scores
from mda.optional import require
from mda.shapes import Float, Tensor


@dataclass(frozen=True, kw_only=True)
class BoundaryDistances:
    """Distances in units of the points.

    Attributes:
        accuracy: [n] from each predicted point to the nearest true one; flying points are far from all of them.
        completeness: [m] from each true point to the nearest predicted one.
    """

    accuracy: Scores
    completeness: Scores


class TrueBoundary:
    """True boundary points of a clip with the tree to search them, built once for all predictions.

    Raises:
        MissingExtraError: scipy is not installed.
    """

    def __init__(self, points: Float[Tensor, "m 3"]) -> None:
        self._tree_of = require("scipy.spatial", "eval").cKDTree
        self._points = points.double().cpu().numpy()
        self._tree = self._tree_of(self._points) if len(self._points) else None

    def distances(self, predicted: Float[Tensor, "n 3"]) -> BoundaryDistances:
        """Nearest-neighbour distances both ways; predicted points that are not finite are left out."""
        finite = predicted.isfinite().all(-1).cpu()
        accuracy = torch.full((len(predicted),), torch.nan, dtype=torch.float64)
        completeness = torch.full((len(self._points),), torch.nan, dtype=torch.float64)
        compared = self._tree is not None and bool(finite.any())
        if self._tree is not None and compared:
            points = predicted.double().cpu()[finite].numpy()
            threads = torch.get_num_threads()
            accuracy[finite] = torch.from_numpy(self._tree.query(points, workers=threads)[0])
            completeness = torch.from_numpy(self._tree_of(points).query(self._points, workers=threads)[0])
        return BoundaryDistances(
            accuracy=Scores(values=accuracy, mask=finite & compared),
            completeness=Scores(values=completeness, mask=torch.full_like(completeness, compared, dtype=torch.bool)),
        )
