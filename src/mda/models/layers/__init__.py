"""Building blocks shared by every network: attention, transformer block, positions, cameras, dense fusion."""

from mda.models.layers.attention import Attention
from mda.models.layers.block import Block, LayerScale
from mda.models.layers.cache import KeyValueCache
from mda.models.layers.camera import CameraDecoder, CameraEncoder
from mda.models.layers.feedforward import FeedForward, Mlp, SwiGlu, swiglu_width
from mda.models.layers.fusion import FusionBlock, FusionChain, ResidualConvUnit, pointwise, resize_bilinear
from mda.models.layers.padding import sight, token_sight
from mda.models.layers.patches import PatchEmbedding, check_patch_multiple, resize_position_embedding
from mda.models.layers.rope import patch_positions, rotate
from mda.models.layers.start import start_transformer
from mda.models.layers.uv import add_uv_embedding, uv_embedding

__all__ = [
    "Attention",
    "Block",
    "CameraDecoder",
    "CameraEncoder",
    "FeedForward",
    "FusionBlock",
    "FusionChain",
    "KeyValueCache",
    "LayerScale",
    "Mlp",
    "PatchEmbedding",
    "ResidualConvUnit",
    "SwiGlu",
    "add_uv_embedding",
    "check_patch_multiple",
    "patch_positions",
    "pointwise",
    "resize_bilinear",
    "resize_position_embedding",
    "rotate",
    "sight",
    "start_transformer",
    "swiglu_width",
    "token_sight",
    "uv_embedding",
]
