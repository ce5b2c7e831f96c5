"""What the terms of the loss work on: a batch whose every number is finite, with masks saying which of them count."""

from dataclasses import dataclass, replace

import torch

from mda.geometry import Cameras, cameras_from_encoding, encode_cameras
from mda.mixtures import DepthMixture
from mda.shapes import Bool, Float, Tensor
from mda.structures import NetworkOutput, Targets

# Depth beyond this is not used, neither true nor predicted: squares and ratios must stay finite in single precision.
MAX_DEPTH = 1e9
# Likewise for the numbers of a camera.
MAX_CAMERA_NUMBER = 1e12
# And for those of a mixture: lower and upper ends for locs, scales and log weights; largest log odds of sky.
_LOCS, _SCALES, _LOG_WEIGHTS, _LOG_ODDS = (-1e18, 1e18), (0.0, 1e30), (-1e15, 1e3), 1e15


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Prediction and truth of a batch, cleaned.

    Attributes:
        mixture: prediction in single (or double) precision; a plain standard mixture where it was not finite.
        sky_log_odds: likewise, zero where it was not finite; None where the network does not know sky.
        encoding, cameras: predicted cameras, or None; they may hold numbers that are not finite.
        target: true depth; where it is not known the finite number that stood there, else one.
        known: pixels with usable depth: valid, positive, below 1e9, and with a finite prediction.
        sky, not_sky: pixels known to be sky, and known not to be (by label, or because their depth is known).
        unlabelled: pixels of which neither depth nor sky is known.
        finite: pixels with a finite prediction.
        target_cameras: true cameras.
    """

    mixture: DepthMixture
    sky_log_odds: Float[Tensor, "b v h w"] | None
    encoding: Float[Tensor, "b v 9"] | None
    cameras: Cameras | None
    target: Float[Tensor, "b v h w"]
    known: Bool[Tensor, "b v h w"]
    sky: Bool[Tensor, "b v h w"]
    not_sky: Bool[Tensor, "b v h w"]
    unlabelled: Bool[Tensor, "b v h w"]
    finite: Bool[Tensor, "b v h w"]
    target_cameras: Cameras


def prepare(output: NetworkOutput, targets: Targets) -> Scene:
    """Clean a batch; nothing that is not finite gets past, forward or backward."""
    dtype = torch.promote_types(output.mixture.locs.dtype, torch.float32)
    mixture, odds, finite = _finite_prediction(output, dtype)
    depth = targets.depth.to(dtype)
    known = targets.valid & (depth > 0) & (depth < MAX_DEPTH) & finite
    # Where both are said, depth is believed.
    sky = targets.sky & targets.sky_labelled & finite & ~known
    encoding, cameras = _predicted_cameras(output, targets, dtype)
    return Scene(
        mixture=mixture,
        sky_log_odds=odds,
        encoding=encoding,
        cameras=cameras,
        target=torch.where(depth.abs() < MAX_DEPTH, depth, 1.0),
        known=known,
        sky=sky,
        not_sky=(targets.sky_labelled & ~targets.sky & finite) | known,
        unlabelled=finite & ~known & ~targets.sky,
        finite=finite,
        target_cameras=targets.cameras.to(dtype),
    )


def _finite_prediction(
    output: NetworkOutput, dtype: torch.dtype
) -> tuple[DepthMixture, Tensor | None, Bool[Tensor, "b v h w"]]:
    """Mixture and sky odds with harmless constants where they are not finite, and which pixels were finite."""
    mixture = output.mixture.to(dtype)
    odds = None if output.sky_log_odds is None else output.sky_log_odds.to(dtype)
    parts = {_LOCS: mixture.locs, _SCALES: mixture.scales, _LOG_WEIGHTS: mixture.log_weights}
    finite = torch.ones_like(mixture.locs[..., 0], dtype=torch.bool)
    for ends, part in parts.items():
        if not _all_between(part, *ends):
            finite &= ((part > ends[0]) & (part < ends[1])).all(-1)
    if odds is not None:
        finite &= odds.abs() < _LOG_ODDS
    if bool(finite.all()):
        return mixture, odds, finite
    each = finite[..., None]
    mixture = replace(
        mixture,
        locs=torch.where(each, mixture.locs, 0.0),
        scales=torch.where(each, mixture.scales, 1.0),
        log_weights=torch.where(each, mixture.log_weights, 0.0),
    )
    return mixture, None if odds is None else torch.where(finite, odds, 0.0), finite


def _all_between(part: Tensor, low: float, high: float) -> bool:
    """Whether all numbers lie strictly between the ends, in one pass; NaN does not."""
    smallest, largest = part.detach().aminmax()
    return bool((smallest > low) & (largest < high))


def _predicted_cameras(
    output: NetworkOutput, targets: Targets, dtype: torch.dtype
) -> tuple[Tensor | None, Cameras | None]:
    """Pose encoding and cameras; each is made from the other where the network gave only one."""
    encoding = None if output.pose_encoding is None else output.pose_encoding.to(dtype)
    cameras = None if output.cameras is None else output.cameras.to(dtype)
    if cameras is None and encoding is not None:
        cameras = cameras_from_encoding(encoding, targets.cameras.image_hw)
    if encoding is None and cameras is not None:
        encoding = encode_cameras(cameras)
    return encoding, cameras
