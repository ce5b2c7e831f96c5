"""Image transformers that turn the views of a clip into patch features and camera tokens."""

from mda.models.backbones.dinov2 import BackboneOutput, DinoBackbone, DinoConfig
from mda.models.backbones.reference_view import ReferenceView, choose_reference

__all__ = ["BackboneOutput", "DinoBackbone", "DinoConfig", "ReferenceView", "choose_reference"]
