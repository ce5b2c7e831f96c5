"""DINOv2 as Depth Anything 3 uses it: from some block on, every other block attends across all views of a clip.

Blocks before `special_start` are those of DINOv2 and see one view each. From `special_start` on, queries and keys are
normalised and rotated, odd blocks see all views at once, and the class token has become the camera token of its view.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from mda.errors import ConfigError
from mda.models.backbones.reference_view import ReferenceView, choose_reference, reference_first, reorder_views
from mda.models.layers import (
    Block,
    FeedForward,
    PatchEmbedding,
    patch_positions,
    resize_position_embedding,
    sight,
    token_sight,
)
from mda.shapes import Float, Int, Tensor

# Of the final layer norm; those within the blocks have 1e-6 (published release).
_FINAL_EPS = 1e-5
# The published position embedding of another grid is sampled with the ratio (grid + 0.1) / 37.
_POSITION_OFFSET = 0.1


@dataclass(frozen=True, kw_only=True)
class DinoConfig:
    """Sizes of the transformer.

    Attributes:
        dim, depth, heads: token width, number of blocks, attention heads.
        feed_forward: MLP or SwiGLU.
        special_start: first block with rotated, normalised queries and keys, where alternation and camera tokens begin;
            None for plain DINOv2, which never looks across views.
        out_layers: blocks whose output goes to the heads.
        join_local: outputs are the last single-view block's tokens beside the current ones, twice as wide.
        patch, grid: patch size in pixels, and side of the square grid of the stored position embedding.
        layer_scale: first value of the branch factors when training from scratch.
        checkpoint_blocks: recompute blocks in the backward pass to save memory.
    """

    dim: int
    depth: int
    heads: int
    feed_forward: FeedForward = FeedForward.MLP
    special_start: int | None = None
    out_layers: tuple[int, ...]
    join_local: bool = True
    patch: int = 14
    grid: int = 37
    layer_scale: float = 0.1
    checkpoint_blocks: bool = False

    @property
    def out_dim(self) -> int:
        """Width of the features and camera tokens that go to the heads."""
        return 2 * self.dim if self.join_local else self.dim


@dataclass(frozen=True, kw_only=True)
class BackboneOutput:
    """What the heads get.

    Attributes:
        features: per out layer, patch features [b, v, p, d].
        camera_tokens: per out layer, the special token of each view before any norm, [b, v, d].
        extra: patch features [b, v, p, c] of the extra layers that were asked for, in the network's own order of views.
        reference: index of the view that served as reference in each clip.
    """

    features: tuple[Float[Tensor, "b v p d"], ...]
    camera_tokens: tuple[Float[Tensor, "b v d"], ...]
    extra: tuple[Float[Tensor, "b v p c"], ...]
    reference: Int[Tensor, " b"]


class DinoBackbone(nn.Module):
    """The transformer; see the module's docstring."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        start = config.depth if config.special_start is None else config.special_start
        self.patch_embed = PatchEmbedding(dim, config.patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) * 1e-6)
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1 + config.grid**2, dim), std=0.02))
        if config.special_start is not None:
            self.camera_token = nn.Parameter(torch.randn(1, 2, dim) * 0.02)
        self.blocks = nn.ModuleList(
            Block(
                dim,
                config.heads,
                feed_forward=config.feed_forward,
                qk_norm=index >= start,
                rope=index >= start,
                layer_scale=config.layer_scale,
            )
            for index in range(config.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=_FINAL_EPS)

    def forward(
        self,
        images: Float[Tensor, "b v 3 h w"],
        camera_tokens: Float[Tensor, "b v d"] | None = None,
        *,
        reference_view: ReferenceView = ReferenceView.FIRST,
        extra_layers: Sequence[int] = (),
        counts: Int[Tensor, " b"] | None = None,
    ) -> BackboneOutput:
        """Features of the views of each clip.

        Args:
            images: ImageNet-normalised RGB, sizes multiples of the patch.
            camera_tokens: tokens of known cameras; the first view is then the reference.
            reference_view: how the reference is chosen otherwise (from three views on).
            extra_layers: further blocks whose normalised patch features are wanted.
            counts: number of views of each clip, beyond which there is padding; None where there is none.
        """
        batch, views = images.shape[:2]
        start = self.config.special_start
        if camera_tokens is not None and start is None:
            message = "This backbone looks at single views and cannot be told cameras."
            raise ConfigError(message)
        chooses = camera_tokens is None and start is not None
        x, grid_hw = self._embed(images.flatten(0, 1))
        own, shared = patch_positions(grid_hw, device=x.device)
        shared, seen = shared.repeat(views, 1), token_sight(sight(counts, views), len(shared))
        reference = torch.zeros(batch, dtype=torch.long, device=x.device)
        restore: Tensor | None = None
        local, outputs, extra = x, [], []
        for index, block in enumerate(self.blocks):
            if start is not None and chooses and index == start - 1:
                reference = choose_reference(x[:, 0].unflatten(0, (batch, views)), reference_view, counts)
                order, restore = reference_first(reference, views)
                x = local = reorder_views(x, order)
            if start is not None and index == start:
                x = local = self._with_camera(x, camera_tokens, (batch, views))
            if start is not None and index >= start and index % 2:
                x = self._run(block, x.reshape(batch, -1, x.shape[-1]), shared, seen).reshape(x.shape)
            else:
                x = local = self._run(block, x, own)
            if index in self.config.out_layers:
                outputs.append(self._collect(x, local, restore, (batch, views)))
            if index in extra_layers:
                extra.append(self.norm(x)[:, 1:].unflatten(0, (batch, views)))
        features, tokens = zip(*outputs, strict=True)
        return BackboneOutput(features=features, camera_tokens=tokens, extra=tuple(extra), reference=reference)

    def _embed(self, images: Float[Tensor, "n 3 h w"]) -> tuple[Float[Tensor, "n t d"], tuple[int, int]]:
        """Class token and patch tokens with positions added, and the grid of patches."""
        patch = self.config.patch
        grid_hw = (images.shape[-2] // patch, images.shape[-1] // patch)
        tokens = self.patch_embed(images)
        positions = resize_position_embedding(self.pos_embed, grid_hw, offset=_POSITION_OFFSET)
        first = (self.cls_token + positions[:, :1]).expand(len(tokens), -1, -1)
        return torch.cat([first, tokens + positions[:, 1:]], dim=1), grid_hw

    def _with_camera(self, x: Tensor, given: Tensor | None, clips: tuple[int, int]) -> Float[Tensor, "n t d"]:
        """Tokens whose class token is replaced by a camera token: the given one, or the learned one of its view."""
        batch, views = clips
        if given is None:
            first, other = self.camera_token.split(1, dim=1)
            given = torch.cat([first, other.expand(-1, views - 1, -1)], dim=1).expand(batch, -1, -1)
        return torch.cat([given.flatten(0, 1)[:, None].to(x.dtype), x[:, 1:]], dim=1)

    def _run(
        self, block: nn.Module, x: Tensor, positions: Tensor, mask: Tensor | None = None
    ) -> Float[Tensor, "n t d"]:
        """One block, recomputed in the backward pass if so configured."""
        if self.config.checkpoint_blocks and torch.is_grad_enabled():
            return checkpoint(block, x, positions, mask, use_reentrant=False)  # pyright: ignore[reportReturnType]
        return block(x, positions, mask)

    def _collect(
        self, x: Tensor, local: Tensor, restore: Tensor | None, clips: tuple[int, int]
    ) -> tuple[Float[Tensor, "b v p d"], Float[Tensor, "b v d"]]:
        """Patch features and camera tokens of one out layer, views in the order of the input.

        Only the current tokens pass through the final norm; the local half and the camera token stay as they are.
        """
        if restore is not None:
            x, local = reorder_views(x, restore), reorder_views(local, restore)
        patches, token = self.norm(x[:, 1:]), x[:, 0]
        if self.config.join_local:
            patches = torch.cat([local[:, 1:].to(patches.dtype), patches], dim=-1)
            token = torch.cat([local[:, 0], token], dim=-1)
        return patches.unflatten(0, clips), token.unflatten(0, clips)
