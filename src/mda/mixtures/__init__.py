"""Densities of depth and how one depth is decided from them."""

from mda.mixtures.decoding import Decoder
from mda.mixtures.families import ALPHA, Family
from mda.mixtures.mixture import DepthMixture
from mda.mixtures.spaces import LOG_OFFSET, Space

__all__ = ["ALPHA", "LOG_OFFSET", "Decoder", "DepthMixture", "Family", "Space"]
