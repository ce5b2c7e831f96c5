"""VGGT's transformer: single-view features, then rounds of attention within each view and across all views.

Attention across views may be full, causal (a view sees itself and those before it) or causal within a window. Causal
attention also works as a stream: keys and values of past views are kept, and views come one at a time.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mda.errors import ConfigError
from mda.models.layers import (
    Block,
    KeyValueCache,
    PatchEmbedding,
    patch_positions,
    resize_position_embedding,
    sight,
    token_sight,
)
from mda.shapes import Bool, Float, Int, Tensor

# Of the layer norms of the aggregator's blocks; those of the patch encoder, its final one too, have 1e-6.
_EPS = 1e-5
_ENCODER_EPS = 1e-6
_REGISTERS = 4
# Camera token and registers, which stand before the patches of each view.
SPECIALS = 1 + _REGISTERS


class AttentionMode(StrEnum):
    """Which views a view sees."""

    FULL = "full"
    """All of them (what the published weights are used with)."""
    CAUSAL = "causal"
    """Itself and all before it."""
    WINDOW = "window"
    """Itself, the few before it, and the first."""

    def mask(self, views: int, window: int, device: torch.device) -> Bool[Tensor, "v v"] | None:
        """Which view (row) sees which (column); None means all."""
        if self is AttentionMode.FULL:
            return None
        index = torch.arange(views, device=device)
        age = index[:, None] - index
        if self is AttentionMode.CAUSAL:
            return age >= 0
        return (age >= 0) & ((age < window) | (index == 0))


@dataclass(frozen=True, kw_only=True)
class AggregatorConfig:
    """Sizes of the transformer; the defaults are those of VGGT-1B.

    Attributes:
        dim, heads: token width and attention heads.
        encoder_depth: blocks of the single-view patch encoder (DINOv2 with registers).
        depth: rounds; each is a block within views and a block across views.
        out_layers: rounds whose output goes to the heads; the last round is one of them.
        patch, grid: patch size in pixels, and side of the square grid of the stored position embedding.
        mode: attention across views.
        window: views that a view sees in window mode, itself included and the first not counted.
        layer_scale: first value of the branch factors when training from scratch.
        checkpoint_blocks: compute blocks again in the backward pass, to save memory in training.
    """

    dim: int = 1024
    heads: int = 16
    encoder_depth: int = 24
    depth: int = 24
    out_layers: tuple[int, ...] = (4, 11, 17, 23)
    patch: int = 14
    grid: int = 37
    mode: AttentionMode = AttentionMode.FULL
    window: int = 5
    layer_scale: float = 0.01
    checkpoint_blocks: bool = False

    def __post_init__(self) -> None:
        """Refuse layers that do not exist."""
        if self.out_layers[-1] != self.depth - 1:
            message = f"The last out layer must be the last round, {self.depth - 1}, found {self.out_layers[-1]}."
            raise ConfigError(message)

    def sight(
        self, views: int, device: torch.device, counts: Int[Tensor, " b"] | None = None
    ) -> Bool[Tensor, "*n q v"] | None:
        """Which view (row) sees which (column) across views, see `mda.models.layers.sight`."""
        return sight(counts, views, self.mode.mask(views, self.window, device))


class PatchEncoder(nn.Module):
    """DINOv2 with register tokens: normalised patch tokens of single views."""

    def __init__(self, config: AggregatorConfig) -> None:
        super().__init__()
        dim = config.dim
        self.patch = config.patch
        self.patch_embed = PatchEmbedding(dim, config.patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 1e-6)
        self.register_tokens = nn.Parameter(torch.randn(1, _REGISTERS, dim) * 1e-6)
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1 + config.grid**2, dim), std=0.02))
        # Stands for masked patches in DINOv2's own training; never used here, kept so that files can be read whole.
        self.mask_token = nn.Parameter(torch.zeros(1, dim), requires_grad=False)
        self.blocks = nn.ModuleList(
            Block(dim, config.heads, eps=_ENCODER_EPS, layer_scale=config.layer_scale)
            for _ in range(config.encoder_depth)
        )
        self.norm = nn.LayerNorm(dim, eps=_ENCODER_EPS)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n p d"]:
        """Tokens of the patches, row by row."""
        grid_hw = (images.shape[-2] // self.patch, images.shape[-1] // self.patch)
        positions = resize_position_embedding(self.pos_embed, grid_hw, antialias=True)
        patches = self.patch_embed(images) + positions[:, 1:]
        # Registers have no position.
        first = torch.cat([self.cls_token + positions[:, :1], self.register_tokens], dim=1)
        x = torch.cat([first.expand(len(patches), -1, -1), patches], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, SPECIALS:])


@dataclass(kw_only=True)
class AggregatorState:
    """What a stream remembers: keys and values of past views for each block across views.

    Attributes:
        caches: one per round.
        views: number of views seen.
    """

    caches: list[KeyValueCache]
    views: int = 0


class Aggregator(nn.Module):
    """The transformer; see the module's docstring."""

    def __init__(self, config: AggregatorConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.encoder = PatchEncoder(config)
        # Entry 0 belongs to the first view, entry 1 to all others.
        self.camera_token = nn.Parameter(torch.randn(1, 2, 1, dim) * 1e-6)
        self.register_token = nn.Parameter(torch.randn(1, 2, _REGISTERS, dim) * 1e-6)

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(
                Block(dim, config.heads, qk_norm=True, rope=True, eps=_EPS, layer_scale=config.layer_scale)
                for _ in range(config.depth)
            )

        self.frame_blocks, self.global_blocks = blocks(), blocks()

    def start_stream(self) -> AggregatorState:
        """Memory for views that come one at a time.

        Raises:
            ConfigError: the attention is not causal.
        """
        if self.config.mode is AttentionMode.FULL:
            message = (
                "Views can only come one at a time where attention is causal or has a window, not where it is full."
            )
            raise ConfigError(message)
        window = self.config.window if self.config.mode is AttentionMode.WINDOW else None
        return AggregatorState(caches=[KeyValueCache(window) for _ in self.global_blocks])

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        state: AggregatorState | None = None,
        counts: Int[Tensor, " b"] | None = None,
    ) -> tuple[Float[Tensor, "b v t d"], ...]:
        """Tokens of each out layer: camera token, registers, patches; the view's half beside the half across views.

        Args:
            images: ImageNet-normalised RGB, sizes multiples of the patch.
            state: of a stream, brought up to date here; `images` then is its next view alone (v = 1).
            counts: number of views of each clip, beyond which there is padding; None where there is none.
        """
        batch, views = images.shape[:2]
        grid_hw = (images.shape[-2] // self.config.patch, images.shape[-1] // self.config.patch)
        x = torch.cat([self._specials(batch, views, state), self.encoder(images.flatten(0, 1))], dim=1)
        positions, _ = patch_positions(grid_hw, specials=SPECIALS, device=x.device)
        everywhere = positions.repeat(views, 1)
        mask = None
        if state is None:
            mask = token_sight(self.config.sight(views, x.device, counts), len(positions))
        outputs = []
        for index, (within, across) in enumerate(zip(self.frame_blocks, self.global_blocks, strict=True)):
            local = self._run(within, x, positions)
            cache = None if state is None else state.caches[index]
            x = self._run(across, local.reshape(batch, -1, local.shape[-1]), everywhere, mask, cache)
            x = x.reshape(local.shape)
            if index in self.config.out_layers:
                outputs.append(torch.cat([local, x], dim=-1).unflatten(0, (batch, views)))
        if state is not None:
            state.views += views
        return tuple(outputs)

    def _run(self, block: nn.Module, *arguments: Tensor | KeyValueCache | None) -> Float[Tensor, "n t d"]:
        """One block, computed again in the backward pass if so configured."""
        if self.config.checkpoint_blocks and torch.is_grad_enabled():
            return checkpoint(block, *arguments, use_reentrant=False)  # pyright: ignore[reportReturnType]
        return block(*arguments)

    def _specials(self, batch: int, views: int, state: AggregatorState | None) -> Float[Tensor, "n s d"]:
        """Camera token and registers of each view."""
        tokens = torch.cat([self.camera_token, self.register_token], dim=2)[0]
        first = 0 if state is None else state.views
        chosen = [0 if first + view == 0 else 1 for view in range(views)]
        return tokens[chosen].repeat(batch, 1, 1)
