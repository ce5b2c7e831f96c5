"""`mda_mini`: a small any-view mixture network that runs on a laptop.

EfficientNet-Lite0 features become one token per 16x16 patch; attention alternates between the tokens of one view and
those of all views, as in Depth Anything 3, and a camera token per view gathers what the camera decoder needs. A
convolutional decoder then climbs back to full resolution with skips at strides 8, 4, 2 and the pixels themselves, so
that edges stay sharp, and ends in the mixture and the sky logit.

The components of `mda_mini` are the nearest and the farthest surface around each pixel, on a fine and on a coarse grid
(`mda.models.mini.cells`); other configurations have components that are free at every pixel.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from mda.errors import ConfigError
from mda.geometry import Cameras, cameras_from_encoding
from mda.mixtures import DepthMixture, Family, Space
from mda.models.heads import weights_from_logits
from mda.models.layers import Block, CameraDecoder, patch_positions, sight, token_sight, uv_embedding
from mda.models.mini.cells import cell_layer, nearer_likelier, nearest_and_farthest, outside
from mda.models.mini.trunk import EfficientNetLite, TrunkFeatures
from mda.models.network import DepthNetwork
from mda.shapes import Float, Int, Tensor
from mda.structures import NetworkOutput

# From what callers normalise with, the ImageNet mean and deviation, to the trunk's own input (255 rgb - 127) / 128.
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_INPUT_SCALE = tuple(255 * deviation / 128 for deviation in _IMAGENET_STD)
_INPUT_SHIFT = tuple((255 * mean - 127) / 128 for mean in _IMAGENET_MEAN)
# Depths of the components before training, as factors of the mean distance of a scene: apart, so that they specialise.
_FIRST_DEPTHS = (0.5, 2.0)
# Logits of the surfaces of the first and of each further grid before training: the finer one is right more often.
_FIRST_LOGITS = (0.0, -1.5)
# Log odds of sky then.
_FIRST_SKY = -1.5
# Vertical and horizontal field of view before training, radians.
_FIRST_FOV = 1.0


@dataclass(frozen=True, kw_only=True)
class MiniConfig:
    """Sizes of the network; the defaults are those of `mda_mini`.

    Attributes:
        components: number K of mixture components; 1 with family laplace and space linear is the single-depth baseline.
        family, space: of the mixture.
        width, heads, blocks: of the alternating transformer at stride 16 (odd blocks look at all views).
        channels: decoder widths at strides 16, 8, 4 and 2.
        frozen_blocks: blocks of the trunk that are never trained.
        sky: whether there is a sky logit.
        independent: each weight is a sigmoid of its own (transparent surfaces).
        cells: sides in pixels of the grids, finest first, whose nearest and farthest surfaces are the components, two
            for each; with none, the components are free.
    """

    components: int = 4
    family: Family = Family.NORMAL
    space: Space = Space.LOG
    width: int = 192
    heads: int = 3
    blocks: int = 6
    channels: tuple[int, int, int, int] = (128, 96, 64, 48)
    head_channels: int = 64
    frozen_blocks: int = 3
    sky: bool = True
    independent: bool = False
    cells: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers of components that the cells do not have.

        Raises:
            ConfigError: there are cells, and not two components for each side.
        """
        if self.cells and self.components != 2 * len(self.cells):
            message = (
                f"The components of this network are the surfaces around a pixel, {2 * len(self.cells)} of them, and "
                f"cannot be {self.components}; mda_mini_free has free components."
            )
            raise ConfigError(message)

    def build(self) -> "MiniNetwork":
        """The network with fresh weights."""
        return MiniNetwork(self)


MINI = MiniConfig(cells=(4, 8))
MINI_FREE = MiniConfig()
# One depth with a confidence is a mixture of one Laplace component in linear depth.
MINI_SINGLE = MiniConfig(components=1, family=Family.LAPLACE, space=Space.LINEAR)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel; free of copies on channels-last maps."""

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:  # noqa: A002 - torch's name
        """Normalise each pixel."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ResidualConv(nn.Module):
    """x + conv(relu(conv(relu(norm(x))))), the unit of the decoder."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(dim)
        self.conv1 = nn.Conv2d(dim, dim, 3, padding=1)
        self.conv2 = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Apply the unit."""
        return x + self.conv2(functional.relu(self.conv1(functional.relu(self.norm(x)))))


class Climb(nn.Module):
    """One step of the decoder: double the resolution, add the projected skip, refine."""

    def __init__(self, dim_in: int, dim_skip: int, dim_out: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(dim_in, dim_out, 1)
        # Trunk features have a spread of about five, tokens of about one: without the norm a skip drowns the rest.
        self.norm = ChannelNorm(dim_skip)
        self.skip = nn.Conv2d(dim_skip, dim_out, 3, padding=1)
        self.refine = ResidualConv(dim_out)

    def forward(self, x: Float[Tensor, "n c h w"], skip: Float[Tensor, "n s sh sw"]) -> Float[Tensor, "n d sh sw"]:
        """Fuse the coarse map with the finer skip."""
        size = [skip.shape[-2], skip.shape[-1]]
        coarse = functional.interpolate(self.reduce(x), size=size, mode="bilinear", align_corners=False)
        return self.refine(coarse + self.skip(self.norm(skip)))


class MiniNetwork(DepthNetwork):
    """Small any-view network: images in, mixture, sky and cameras out."""

    patch = 16

    def __init__(self, config: MiniConfig = MINI) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.trunk = EfficientNetLite(frozen_blocks=config.frozen_blocks)
        _, stride4, stride8, stride16, stride32 = EfficientNetLite.channels
        self.embed16 = nn.Sequential(ChannelNorm(stride16), nn.Conv2d(stride16, width, 1))
        self.embed32 = nn.Sequential(ChannelNorm(stride32), nn.Conv2d(stride32, width, 1))
        self.camera_token = nn.Parameter(torch.randn(2, width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, qk_norm=True, rope=True, layer_scale=0.1) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.camera_decoder = CameraDecoder(width)
        first, second, third, fourth = config.channels
        self.lift = nn.Conv2d(width, first, 1)
        self.refine = ResidualConv(first)
        self.climb8 = Climb(first, stride8, second)
        self.climb4 = Climb(second, stride4, third)
        # At stride 2 the skip also holds the four pixels of each 2x2 cell, so that edges can follow the image itself.
        self.climb2 = Climb(third, EfficientNetLite.channels[0] + 12, fourth)
        self.head_norm = ChannelNorm(fourth)
        self.head_hidden = nn.Conv2d(fourth, config.head_channels, 3, padding=1)
        self.cells = nn.ModuleList(cell_layer(config.head_channels, side) for side in config.cells)
        # With cells, a pixel has the logits of the components, a share of their log confidence, and a depth of its own.
        per_pixel = config.components + 2 if config.cells else 3 * config.components
        self.head = nn.Conv2d(config.head_channels, 4 * (per_pixel + int(config.sky)), 3, padding=1)
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """Start from components that are spread over depth, and from cameras that all look straight ahead."""
        for module in self.modules():
            if isinstance(module, ResidualConv):
                module.conv2.weight.mul_(0.1)
        if self.config.cells:
            for parameter in self.cells.parameters():
                parameter.mul_(0.1)
            self.start_undecided()
        else:
            self._start_apart()
        self.camera_decoder.start_at_identity(_FIRST_FOV)

    def _start_apart(self) -> None:
        """Free components begin spread over depth."""
        bias = torch.zeros(3 * self.config.components + int(self.config.sky))
        low, high = (torch.tensor(depth).log() for depth in _FIRST_DEPTHS)
        spread = torch.linspace(0, 1, self.config.components) if self.config.components > 1 else torch.tensor([0.5])
        bias[: 3 * self.config.components : 3] = low + (high - low) * spread
        # The four pixels of a 2x2 cell begin alike; random differences between them would show as a checkerboard.
        cells = self.head.weight.unflatten(0, (-1, 4))
        cells.copy_(0.3 * cells[:, :1].expand_as(cells))
        self.head.bias = nn.Parameter(bias.repeat_interleave(4))

    @torch.no_grad()
    def start_undecided(self) -> None:
        """Let the head of a network with cells say the same of all pixels: own depth 1, hardly sky."""
        weight, bias = self.head.parameters()
        weight.zero_()
        bias.zero_()
        first, further = _FIRST_LOGITS
        logits = torch.tensor([first, first, *[further] * (self.config.components - 2)]).log_softmax(0)
        bias[: 4 * self.config.components] = logits.repeat_interleave(4)
        if self.config.sky:
            bias[-4:] = _FIRST_SKY

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        cameras: Cameras | None = None,
        *,
        counts: Int[Tensor, " b"] | None = None,
    ) -> NetworkOutput:
        """Look at the views of each clip together.

        Args:
            images: ImageNet-normalised RGB; h and w multiples of 16.
            cameras: must be None, this network cannot be told cameras.
            counts: see `DepthNetwork`.

        Raises:
            ConfigError: sizes do not fit, or cameras were given.
        """
        if cameras is not None:
            message = "mda_mini cannot take known cameras; leave them out or choose a Depth Anything 3 model."
            raise ConfigError(message)
        self.check_size(images)
        batch, views = images.shape[:2]
        scale, shift = (images.new_tensor(values)[:, None, None] for values in (_INPUT_SCALE, _INPUT_SHIFT))
        pixels = images.flatten(0, 1) * scale + shift
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        features = self._features(pixels)
        tokens, camera_tokens = self._look(features, (batch, views), counts)
        x = self.refine(self.lift(tokens))
        x = self.climb8(x, features.stride8)
        x = self.climb4(x, features.stride4)
        x = self.climb2(x, torch.cat([features.stride2, functional.pixel_unshuffle(pixels, 2)], dim=1))
        hidden = functional.relu(self.head_hidden(self.head_norm(x)))
        # Depths and poses leave in single precision whatever the layers before them use.
        with torch.autocast(pixels.device.type, enabled=False):
            hidden = hidden.float()
            raw = functional.pixel_shuffle(self.head(hidden), 2).permute(0, 2, 3, 1)
            if self.config.cells:
                raw = self._around(raw, hidden)
            encoding = self.camera_decoder(camera_tokens.float())
        height, width = images.shape[-2:]
        return self._output(raw.unflatten(0, (batch, views)), encoding, (height, width))

    def _features(self, pixels: Tensor) -> TrunkFeatures:
        """Features of the trunk; on a CPU never under autocast, which slows depth-wise convolutions down."""
        kind = pixels.device.type
        with torch.autocast(kind, enabled=kind != "cpu" and torch.is_autocast_enabled(kind)):
            return self.trunk(pixels)

    def _look(
        self, features: TrunkFeatures, clips: tuple[int, int], counts: Int[Tensor, " b"] | None
    ) -> tuple[Tensor, Tensor]:
        """Attention within and across views; token maps [n, c, h, w] and camera tokens [b, v, c]."""
        (batch, views), (rows, columns) = clips, features.stride16.shape[-2:]
        coarse = functional.interpolate(
            self.embed32(features.stride32), size=[rows, columns], mode="bilinear", align_corners=False
        )
        grid = self.embed16(features.stride16) + coarse
        grid = grid + uv_embedding(grid.shape[1], (rows, columns), columns / rows, like=grid)
        tokens = grid.flatten(2).transpose(1, 2)
        chosen = torch.tensor([0] + [1] * (views - 1), device=tokens.device)
        camera = self.camera_token[chosen].expand(batch, -1, -1).reshape(batch * views, 1, -1)
        tokens = torch.cat([camera.to(tokens.dtype), tokens], dim=1)
        local, everywhere = patch_positions((rows, columns), device=tokens.device)
        everywhere, seen = everywhere.repeat(views, 1), token_sight(sight(counts, views), len(everywhere))
        for index, block in enumerate(self.blocks):
            if index % 2:
                joined = tokens.reshape(batch, -1, tokens.shape[-1])
                tokens = block(joined, everywhere, seen).reshape(tokens.shape)
            else:
                tokens = block(tokens, local)
        tokens = self.norm(tokens)
        grid = tokens[:, 1:].transpose(1, 2).unflatten(2, (rows, columns))
        return grid.contiguous(memory_format=torch.channels_last), tokens[:, 0].unflatten(0, (batch, views))

    def _around(self, raw: Float[Tensor, "n h w c"], hidden: Tensor) -> Float[Tensor, "n h w d"]:
        """The channels that free components have, from those of the pixels and the cells."""
        depths, confidences = [], []
        for layer, side in zip(self.cells, self.config.cells, strict=True):
            surfaces, confidence = nearest_and_farthest(layer(hidden), side)
            depths.append(outside(surfaces, depths[-1]) if depths else surfaces)
            confidences.append(confidence)
        depth, confidence, count = torch.cat(depths, -1), torch.cat(confidences, -1), self.config.components
        logits, added, own, sky = raw.split([count, 1, 1, int(self.config.sky)], dim=-1)
        logits = nearer_likelier(logits, own, depth)
        return torch.cat([torch.stack([depth, logits, confidence + added], -1).flatten(-2), sky], -1)

    def _output(self, raw: Tensor, encoding: Tensor, image_hw: tuple[int, int]) -> NetworkOutput:
        """Mixture from channels [b, v, h, w, 3 K (+ 1)], ordered as published: depth, weight, confidence."""
        count = self.config.components
        depth, logits, confidence = raw[..., : 3 * count].unflatten(-1, (count, 3)).unbind(-1)
        sky_logit = raw[..., -1] if self.config.sky else None
        log_weights, sky, activity = weights_from_logits(logits, sky_logit, independent=self.config.independent)
        mixture = DepthMixture.from_confidence(
            depths=depth.exp(),
            confidence=1 + confidence.exp(),
            log_weights=log_weights,
            family=self.config.family,
            space=self.config.space,
            activity=activity,
        )
        cameras = cameras_from_encoding(encoding, image_hw)
        return NetworkOutput(
            mixture=mixture, sky_log_odds=sky, activity=activity, pose_encoding=encoding, cameras=cameras
        )
