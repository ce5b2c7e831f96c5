"""Training losses on mixtures: per-pixel values with masks, averaged once from sums and counts."""

from mda.losses.config import Compat, LossConfig, LossWeights, PointDepth
from mda.losses.report import LossCounts, LossReport, LossTerms
from mda.losses.total import TrainingLoss

__all__ = ["Compat", "LossConfig", "LossCounts", "LossReport", "LossTerms", "LossWeights", "PointDepth", "TrainingLoss"]
