"""Camera errors: angles between relative poses of view pairs, their AUC, and focal lengths."""

import math
from dataclasses import dataclass

import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, rigid_inverse, rotation_angle
from mda.metrics.tally import Scores
from mda.shapes import Float, Tensor

# Where the accuracy curve of the AUC ends, degrees.
AUC_DEGREES = 30.0


@dataclass(frozen=True, kw_only=True)
class PoseErrors:
    """Errors of the relative poses of all pairs of views i < j, which no choice of world frame or scale changes.

    Attributes:
        rotation: [*b, p] angle between predicted and true relative rotation, degrees.
        translation: [*b, p] angle between predicted and true direction of the relative translation, degrees (0..180,
            the sign counts); only pairs whose true baseline exceeds the minimum.
        auc: [*b, p] max(0, 1 - e / 30) with e the larger of the two angles, over the same pairs. Its mean is the exact
            area under the share of pairs with an error below t, for t from 0 to 30 degrees, divided by 30.
    """

    rotation: Scores
    translation: Scores
    auc: Scores


def pose_errors(pred: Cameras, target: Cameras, *, min_baseline: float = 0.0) -> PoseErrors:
    """Compare predicted with true cameras, batch shape [*b, v] each.

    Args:
        pred: predicted cameras, in any world frame and scale.
        target: true cameras.
        min_baseline: pairs whose true camera centres are not farther apart than this (units of `target`) have no
            direction of translation and are left out of `translation` and `auc`.

    Raises:
        ConfigError: the batch shapes differ.
    """
    _check_batch(pred, target)
    relative_pred, relative_true = _relative_poses(pred), _relative_poses(target)
    rotation = rotation_angle(relative_pred[..., :3, :3].transpose(-1, -2) @ relative_true[..., :3, :3])
    moved_pred, moved_true = relative_pred[..., :3, 3], relative_true[..., :3, 3]
    translation = _angle(moved_pred, moved_true)
    moves = moved_true.norm(dim=-1) > min_baseline
    score = (1 - torch.maximum(rotation, translation) / AUC_DEGREES).clamp_min(0)
    return PoseErrors(
        rotation=Scores(values=rotation, mask=torch.ones_like(moves)),
        translation=Scores(values=translation, mask=moves),
        auc=Scores(values=score, mask=moves),
    )


def focal_error(pred: Cameras, target: Cameras) -> Scores:
    """Relative error of the focal length of each view, (|fx / fx* - 1| + |fy / fy* - 1|) / 2; images of one size.

    Raises:
        ConfigError: the batch shapes or image sizes differ.
    """
    _check_batch(pred, target)
    if pred.image_hw != target.image_hw:
        message = f"Focal lengths compare in pixels of one image size, found {pred.image_hw} and {target.image_hw}."
        raise ConfigError(message)
    found, true = (cameras.intrinsics.diagonal(dim1=-2, dim2=-1)[..., :2] for cameras in (pred, target))
    error = (found / true - 1).abs().mean(-1)
    return Scores(values=error, mask=torch.ones_like(error, dtype=torch.bool))


def _check_batch(pred: Cameras, target: Cameras) -> None:
    if pred.batch_shape != target.batch_shape:
        message = f"Predicted and true cameras need one batch shape, found {pred.batch_shape} and {target.batch_shape}."
        raise ConfigError(message)


def _relative_poses(cameras: Cameras) -> Float[Tensor, "*b p 4 4"]:
    """Motions from the camera of view j to that of view i for all i < j, in double precision."""
    poses = cameras.world_from_cam.double()
    first, second = torch.triu_indices(poses.shape[-3], poses.shape[-3], offset=1, device=poses.device)
    return rigid_inverse(poses[..., first, :, :]) @ poses[..., second, :, :]


def _angle(first: Float[Tensor, "*b 3"], second: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b"]:
    """Angle between two vectors in degrees; 90 where the first one has no length (a direction that was not given)."""
    sine = torch.linalg.cross(first, second).norm(dim=-1)
    cosine = (first * second).sum(-1)
    angle = torch.atan2(sine, cosine) * (180 / math.pi)
    return torch.where(first.norm(dim=-1) > 0, angle, 90.0)
