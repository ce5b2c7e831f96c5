"""Image transformers that turn the views of a clip into patch features and camera tokens."""

from mda.models.backbones.aggregator import SPECIALS, Aggregator, AggregatorConfig, AggregatorState, AttentionMode
from mda.models.backbones.dinov2 import BackboneOutput, DinoBackbone, DinoConfig
from mda.models.backbones.reference_view import ReferenceView, choose_reference

__all__ = [
    "SPECIALS",
    "Aggregator",
    "AggregatorConfig",
    "AggregatorState",
    "AttentionMode",
    "BackboneOutput",
    "DinoBackbone",
    "DinoConfig",
    "ReferenceView",
    "choose_reference",
]
