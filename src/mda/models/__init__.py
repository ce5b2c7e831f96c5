"""Networks: layers, backbones, heads, presets, and the way published weights get into them."""

from mda.models.network import DepthNetwork

__all__ = ["DepthNetwork"]
