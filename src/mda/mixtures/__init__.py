"""Densities of depth, and how one depth is decided from them.

The network returns a `DepthMixture`; a `Decoder` picks a depth from it. Laplace modes are found in closed form, normal
modes by an exhaustive search with a bound (see `normal_modes`).
"""

from mda.mixtures.decoding import GENERAL_DECODERS, Decoder
from mda.mixtures.families import ALPHA, Family
from mda.mixtures.layers import SurfaceLayers
from mda.mixtures.mixture import DepthMixture
from mda.mixtures.spaces import LOG_OFFSET, Space
from mda.mixtures.transparent import TransparentLayers, first_half

__all__ = [
    "ALPHA",
    "GENERAL_DECODERS",
    "LOG_OFFSET",
    "Decoder",
    "DepthMixture",
    "Family",
    "Space",
    "SurfaceLayers",
    "TransparentLayers",
    "first_half",
]
