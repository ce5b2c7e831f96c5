"""From images to predictions: finding weights, reading views, looking at long clips in windows, decoding."""

from mda.inference.loading import load
from mda.inference.predictor import Predictor

__all__ = ["Predictor", "load"]
