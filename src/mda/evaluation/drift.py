"""How far a long clip went astray: its trajectory, and the scale of its depth from view to view."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mda.geometry import fit_similarity
from mda.shapes import Bool, Float, Float32, ndarray

_TINY = 1e-6


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Errors of a clip against ground truth.

    Attributes:
        trajectory: root mean square distance of predicted and true camera centres after the similarity transform that
            makes it smallest, as a share of that of the true ones from their mean: 0 is perfect, and 1 is what all
            cameras at one point would get.
        scale: standard deviation over the views of log(true / predicted depth), of each view its median over pixels.
        jump: largest change of that logarithm from one view to the next.
    """

    trajectory: float
    scale: float
    jump: float


def drift(
    centers: Float[ndarray, "v 3"],
    depths: Sequence[Float32[ndarray, "h w"]],
    true_centers: Float[ndarray, "v 3"],
    true_depth: Float32[ndarray, "v h w"],
    valid: Bool[ndarray, "v h w"],
) -> Drift:
    """The drift of a clip.

    Args:
        centers: predicted camera centres, in any world.
        depths: predicted depth of each view, in the scale of the same world.
        true_centers: true camera centres, which do not all stand at one point.
        true_depth: true depth.
        valid: pixels where it is known.
    """
    logs = np.array(
        [
            np.median(np.log(true[known]) - np.log(np.maximum(depth[known], _TINY)))
            for depth, true, known in zip(depths, true_depth, valid, strict=True)
            if known.any()
        ]
    )
    jumps = np.abs(np.diff(logs))
    return Drift(
        trajectory=trajectory_error(centers, true_centers),
        scale=float(logs.std()),
        jump=float(jumps.max()) if jumps.size else 0.0,
    )


def trajectory_error(centers: Float[ndarray, "v 3"], true_centers: Float[ndarray, "v 3"]) -> float:
    """See `Drift.trajectory`."""
    source, target = torch.from_numpy(centers).double(), torch.from_numpy(true_centers).double()
    found = fit_similarity(source, target, torch.ones(len(source), dtype=torch.float64))
    spread = (target - target.mean(0)).square().sum(-1).mean()
    return float(((found.apply(source) - target).square().sum(-1).mean() / spread).sqrt())
