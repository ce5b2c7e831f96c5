"""Predictions of the windows of a clip as one prediction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import torch

from mda.errors import ConfigError
from mda.mixtures import DepthMixture
from mda.shapes import Tensor
from mda.structures import Prediction

_Part = TypeVar("_Part")


def joined(predictions: Sequence[Prediction]) -> Prediction:
    """Predictions of consecutive windows as one."""
    first = predictions[0]
    if len(predictions) == 1:
        return first

    def together(get: Callable[[Prediction], Tensor]) -> Tensor:
        return torch.cat([get(prediction) for prediction in predictions])

    return replace(
        first,
        images=together(lambda part: part.images),
        names=tuple(name for prediction in predictions for name in prediction.names),
        depth=together(lambda part: part.depth),
        cameras=replace(
            first.cameras,
            world_from_cam=together(lambda part: part.cameras.world_from_cam),
            intrinsics=together(lambda part: part.cameras.intrinsics),
        ),
        confidence=together(lambda part: part.confidence),
        mixture=None if first.mixture is None else _joined_mixtures([part.mixture for part in predictions]),
        sky_log_odds=None if first.sky_log_odds is None else together(lambda part: _present(part.sky_log_odds)),
    )


def picked(prediction: Prediction, places: Sequence[int]) -> Prediction:
    """Some of the views, in the order of `places`; not copied if they are all in their order."""
    if list(places) == list(range(len(prediction.names))):
        return prediction
    index = torch.as_tensor(places)
    sky = prediction.sky_log_odds
    return replace(
        prediction,
        images=prediction.images[index],
        names=tuple(prediction.names[place] for place in places),
        depth=prediction.depth[index],
        cameras=prediction.cameras[index],
        confidence=prediction.confidence[index],
        mixture=None if prediction.mixture is None else prediction.mixture[index],
        sky_log_odds=None if sky is None else sky[index],
    )


def _joined_mixtures(mixtures: Sequence[DepthMixture | None]) -> DepthMixture:
    """Densities of consecutive windows as one."""
    present = [_present(mixture) for mixture in mixtures]
    parts = {
        name: torch.cat([getattr(mixture, name) for mixture in present]) for name in ("locs", "scales", "log_weights")
    }
    return replace(present[0], **parts)


def _present(part: _Part | None) -> _Part:
    """A part that every window of one model has if the first has it."""
    if part is None:
        message = "The windows of one clip must all have a density and sky, or none."
        raise ConfigError(message)
    return part
