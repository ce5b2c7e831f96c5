"""From cameras to tokens and back (Depth Anything 3)."""

import torch
from torch import nn

from mda.geometry import Cameras, encode_cameras
from mda.models.layers.block import Block
from mda.models.layers.feedforward import Mlp
from mda.models.layers.start import start_transformer
from mda.shapes import Float, Tensor

_ENCODING = 9
_EPS = 1e-5
# Field of view before training, radians: that of a phone or a 35 mm lens.
_FIRST_FOV = 1.0


class CameraDecoder(nn.Module):
    """Pose encoding (see `mda.geometry.pose_encoding`) of `world_from_cam` from a camera token.

    A two-layer perceptron with ReLU and three linear outputs: translation, quaternion (x, y, z, w; any length) and
    field of view, the last through a ReLU.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.translation = nn.Linear(dim, 3)
        self.quaternion = nn.Linear(dim, 4)
        self.fov = nn.Linear(dim, 2)
        self.start_at_identity(_FIRST_FOV)

    @torch.no_grad()
    def start_at_identity(self, fov: float) -> None:
        """Before training: every camera at the origin, looking ahead, with this field of view (radians) both ways.

        A random start would often leave the ReLU of the field of view shut for good.
        """
        for layer in (self.translation, self.quaternion, self.fov):
            nn.init.trunc_normal_(layer.weight, std=1e-3)
            nn.init.zeros_(layer.bias)
        self.quaternion.bias[3] = 1.0
        self.fov.bias.fill_(fov)

    def forward(self, token: Float[Tensor, "*b d"]) -> Float[Tensor, "*b 9"]:
        """Decode camera tokens."""
        hidden = self.hidden(token)
        return torch.cat([self.translation(hidden), self.quaternion(hidden), self.fov(hidden).relu()], dim=-1)


class CameraEncoder(nn.Module):
    """Camera tokens of known cameras: a perceptron on the pose encoding and a transformer over the views."""

    def __init__(self, dim: int, *, heads: int = 16, blocks: int = 4) -> None:
        super().__init__()
        self.pose_branch = Mlp(_ENCODING, dim // 2, dim)
        start_transformer(self.pose_branch)
        self.token_norm = nn.LayerNorm(dim, eps=_EPS)
        self.trunk = nn.ModuleList(Block(dim, heads, eps=_EPS, layer_scale=0.01) for _ in range(blocks))
        self.trunk_norm = nn.LayerNorm(dim, eps=_EPS)

    def forward(self, cameras: Cameras, mask: Tensor | None = None) -> Float[Tensor, "b v d"]:
        """Tokens of cameras of batch shape [b, v]; `mask` as in `Attention`."""
        tokens = self.token_norm(self.pose_branch(encode_cameras(cameras)))
        for block in self.trunk:
            tokens = block(tokens, mask=mask)
        return self.trunk_norm(tokens)
