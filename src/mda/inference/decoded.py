"""From what a network says about views to a prediction, and where its pixels come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mda.geometry import Cameras
from mda.inference.joints import Anchors
from mda.inference.looking import images_of
from mda.inference.windows import Look
from mda.io.clips import ClipView
from mda.io.resize import cameras_in_source
from mda.mixtures import Decoder
from mda.shapes import Tensor
from mda.structures import Prediction


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The prediction for some views, and the weight [v, h, w] of the components that its depths belong to."""

    prediction: Prediction
    mass: Tensor

    def anchors(self, numbers: Sequence[int]) -> Anchors:
        """What it says of views that another window may share."""
        prediction, sky = self.prediction, self.prediction.sky_log_odds
        p_sky = None if sky is None else sky.sigmoid()
        return Anchors.of(numbers, prediction.depth, self.mass, p_sky, prediction.cameras)


def decoded(views: Sequence[ClipView], look: Look, decoder: Decoder, *, model: str, licence: str) -> Decoded:
    """The prediction for some views from what a model says about them."""
    depth, component = look.mixture.decode_with_component(decoder)
    confidence, log_weight = (
        part.gather(-1, component[..., None])[..., 0] for part in (look.mixture.confidence, look.mixture.log_weights)
    )
    prediction = Prediction(
        images=images_of(views),
        names=tuple(view.name for view in views),
        depth=depth,
        cameras=look.cameras,
        confidence=confidence,
        mixture=look.mixture,
        sky_log_odds=look.sky_log_odds,
        decoder=decoder.value,
        model=model,
        licence=licence,
        layers=look.mixture.transparent_layers(),
    )
    return Decoded(prediction=prediction, mass=log_weight.exp())


def source_of(view: ClipView) -> dict[str, Any]:
    """Where the pixels of a view come from: size of its file's image, the part of it that was used, time in a video."""
    crop = view.view.crop
    return {
        "source_hw": view.view.source_hw,
        "crop": (crop.top, crop.left, crop.height, crop.width),
        "seconds": view.time,
    }


def details_of(prediction: Prediction, views: Sequence[ClipView], skipped: Sequence[str], size: int) -> dict[str, Any]:
    """What a prediction in memory tells about its views: their files, sizes, crops, and what was left out."""
    sources = [
        {"name": view.name, **source_of(view), "source_intrinsics": _source_intrinsics(view, camera)}
        for view, camera in zip(views, map(prediction.cameras.__getitem__, range(len(views))), strict=True)
    ]
    return {
        "skipped": list(skipped),
        "sources": sources,
        "sizes": {"image_hw": list(prediction.depth.shape[1:]), "size": size},
    }


def _source_intrinsics(view: ClipView, camera: Cameras) -> list[list[float]]:
    """Intrinsics of a view in pixels of the image in its file."""
    camera = camera.to(torch.float64)
    return cameras_in_source(camera, view.view.crop, view.view.source_hw).intrinsics.tolist()
