"""Similarity transforms (scale, rotation, translation) and their robust estimation from pairs of points."""

from dataclasses import dataclass

import torch

from mda.geometry.cameras import Cameras
from mda.geometry.rigid import compose
from mda.shapes import Float, Tensor

_ROUNDS = 20
# Of Geman and McClure's weight, in units of the median residual: pairs beyond it hardly count.
_TOLERANCE = 2.0


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """x -> scale * rotation @ x + translation, between two worlds.

    Attributes:
        scale: positive.
        rotation: orthonormal, determinant 1.
        translation: in the units of the target.
    """

    scale: float
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    def apply(self, points: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
        """Points of the source world in the target world."""
        return self.scale * points @ self.rotation.T.to(points) + self.translation.to(points)

    def apply_to(self, cameras: Cameras) -> Cameras:
        """Cameras of the source world in the target world; depth must be multiplied by `scale`."""
        poses = cameras.world_from_cam
        moved = compose(self.rotation.to(poses) @ poses[..., :3, :3], self.apply(cameras.centers))
        return Cameras(world_from_cam=moved, intrinsics=cameras.intrinsics, image_hw=cameras.image_hw)


def fit_similarity(
    source: Float[Tensor, "n 3"], target: Float[Tensor, "n 3"], weights: Float[Tensor, " n"]
) -> Similarity:
    """The similarity with the least weighted sum of squared distances, in closed form (Umeyama 1991).

    Args:
        source: points, better in double precision.
        target: where each of them belongs.
        weights: not negative, not all zero.
    """
    share = (weights / weights.sum())[:, None]
    source_mean, target_mean = (share * source).sum(0), (share * target).sum(0)
    source, target = source - source_mean, target - target_mean
    left, singular, right = torch.linalg.svd(target.T @ (share * source))
    signs = torch.ones_like(singular)
    signs[2] = torch.sign(torch.linalg.det(left) * torch.linalg.det(right))
    rotation = left @ (signs[:, None] * right)
    spread = (share * source.square()).sum()
    scale = float((singular * signs).sum() / spread) if spread > 0 else 1.0
    return Similarity(scale=scale, rotation=rotation, translation=target_mean - scale * rotation @ source_mean)


def fit_similarity_robustly(
    source: Float[Tensor, "n 3"],
    target: Float[Tensor, "n 3"],
    weights: Float[Tensor, " n"],
    size: Float[Tensor, " n"],
) -> tuple[Similarity, Float[Tensor, " n"]]:
    """A similarity that a minority of wrong pairs does not sway: reweighted least squares with Geman-McClure weights.

    Args:
        source: points in double precision.
        target: where each of them belongs.
        weights: trust in each pair, not negative, not all zero.
        size: positive length by which the distance of a pair is measured, e.g. its depth.

    Returns:
        The similarity, and the distance of each pair in units of its size.
    """
    trust = weights / size.square()
    found = fit_similarity(source, target, trust)
    residual = (found.apply(source) - target).norm(dim=-1) / size
    for _ in range(_ROUNDS):
        spread = weighted_median(residual, weights).clamp_min(1e-9) * _TOLERANCE
        found = fit_similarity(source, target, trust / (1 + (residual / spread).square()).square())
        residual = (found.apply(source) - target).norm(dim=-1) / size
    return found, residual


def weighted_median(values: Float[Tensor, " n"], weights: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """The value at which half of the weight is reached."""
    ordered, order = values.sort()
    total = weights[order].cumsum(0)
    return ordered[int((total < total[-1] / 2).sum())]
