"""`mda_mini`, the small network that ships with the package."""

from mda.models.mini.network import MINI, MINI_FREE, MINI_SINGLE, MiniConfig, MiniNetwork
from mda.models.mini.starting import mixture_from_single
from mda.models.mini.trunk import EfficientNetLite, same_padding, trunk_from_imagenet

__all__ = [
    "MINI",
    "MINI_FREE",
    "MINI_SINGLE",
    "EfficientNetLite",
    "MiniConfig",
    "MiniNetwork",
    "mixture_from_single",
    "same_padding",
    "trunk_from_imagenet",
]
