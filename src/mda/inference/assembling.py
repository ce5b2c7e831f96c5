"""Predictions of the windows of a clip as one prediction."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from mda.geometry import Cameras
from mda.mixtures import DepthMixture, TransparentLayers
from mda.shapes import Tensor
from mda.structures import Prediction


def joined(predictions: Sequence[Prediction]) -> Prediction:
    """Predictions of consecutive windows, by one model, as one."""
    first = predictions[0]
    if len(predictions) == 1:
        return first

    def together(get: Callable[[Prediction], Tensor]) -> Tensor:
        return torch.cat([get(prediction) for prediction in predictions])

    mixtures = [prediction.mixture for prediction in predictions if prediction.mixture is not None]
    skies = [prediction.sky_log_odds for prediction in predictions if prediction.sky_log_odds is not None]
    layers = [prediction.layers for prediction in predictions if prediction.layers is not None]
    return replace(
        first,
        images=together(lambda part: part.images),
        names=tuple(name for prediction in predictions for name in prediction.names),
        depth=together(lambda part: part.depth),
        cameras=Cameras.joined([prediction.cameras for prediction in predictions]),
        confidence=together(lambda part: part.confidence),
        mixture=DepthMixture.joined(mixtures) if mixtures else None,
        sky_log_odds=torch.cat(skies) if skies else None,
        layers=TransparentLayers.joined(layers) if len(layers) == len(predictions) else None,
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
        layers=None if prediction.layers is None else prediction.layers[index],
    )
