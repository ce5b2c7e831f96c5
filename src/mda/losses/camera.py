"""Camera term: L1 errors of the pose encoding (published release)."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from mda.losses.prepare import MAX_CAMERA_NUMBER
from mda.losses.reduce import Masked
from mda.shapes import Float, Tensor


@dataclass(frozen=True, kw_only=True)
class CameraErrors:
    """Mean absolute error per view of translation, quaternion and fields of view."""

    translation: Masked
    rotation: Masked
    fov: Masked


def camera_errors(
    encoding: Float[Tensor, "b v 9"],
    target: Float[Tensor, "b v 9"],
    scale: Float[Tensor, " b"],
    *,
    raw_quaternion: bool = False,
) -> CameraErrors:
    """Errors of predicted cameras in the pose encoding (translation, quaternion x y z w, field of view h w).

    Args:
        encoding: predicted; views with a number that is not finite (or beyond 1e12) are left out.
        target: true, quaternion of length one; likewise.
        scale: factor per clip that brings the predicted translation to the scale of the truth.
        raw_quaternion: compare the quaternion as it is instead of its unit version with the sign nearer the truth
            (q and -q are the same rotation).
    """
    mask = ((encoding.abs() < MAX_CAMERA_NUMBER) & (target.abs() < MAX_CAMERA_NUMBER)).all(-1)
    encoding, target = (torch.where(mask[..., None], code, torch.ones_like(code)) for code in (encoding, target))
    translation, quaternion, fov = encoding.split([3, 4, 2], dim=-1)
    true_translation, true_quaternion, true_fov = target.split([3, 4, 2], dim=-1)
    if not raw_quaternion:
        quaternion = functional.normalize(quaternion, dim=-1, eps=1e-6)
        opposed = (quaternion.detach() * true_quaternion).sum(-1, keepdim=True) < 0
        quaternion = torch.where(opposed, -quaternion, quaternion)

    def error(pred: Tensor, true: Tensor) -> Masked:
        return Masked(values=(pred - true).abs().mean(-1), mask=mask)

    return CameraErrors(
        translation=error(translation * scale[:, None, None], true_translation),
        rotation=error(quaternion, true_quaternion),
        fov=error(fov, true_fov),
    )
