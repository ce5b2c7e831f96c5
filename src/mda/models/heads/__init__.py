"""Dense heads on patch features, and the 3D Gaussians made from one of them."""

from mda.models.heads.camera import CameraHead, CameraState
from mda.models.heads.chunks import default_chunk, heads_in_chunks, in_chunks
from mda.models.heads.dense import DenseTrunk
from mda.models.heads.dual import DualHead, DualMaps
from mda.models.heads.gaussian import GaussianHead
from mda.models.heads.gaussian_adapter import gaussians_from_raw
from mda.models.heads.mixture import MixtureHead, MixtureMaps, weights_from_logits
from mda.models.heads.mono import MonoHead, MonoMaps, fill_sky, sky_log_odds
from mda.models.heads.plain import PlainHead, Quantity

__all__ = [
    "CameraHead",
    "CameraState",
    "DenseTrunk",
    "DualHead",
    "DualMaps",
    "GaussianHead",
    "MixtureHead",
    "MixtureMaps",
    "MonoHead",
    "MonoMaps",
    "PlainHead",
    "Quantity",
    "default_chunk",
    "fill_sky",
    "gaussians_from_raw",
    "heads_in_chunks",
    "in_chunks",
    "sky_log_odds",
    "weights_from_logits",
]
