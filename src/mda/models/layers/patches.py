"""Images to patch tokens, and position embeddings for any grid of patches."""

import torch
from torch import nn
from torch.nn import functional

from mda.errors import ConfigError
from mda.shapes import Float, Tensor


def check_patch_multiple(image_hw: tuple[int, int], patch: int) -> None:
    """Refuse image sizes that do not split into whole patches.

    Raises:
        ConfigError: height or width is not a positive multiple of `patch`.
    """
    if any(size < patch or size % patch for size in image_hw):
        below = " x ".join(str(max(size // patch, 1) * patch) for size in image_hw)
        message = (
            f"The network needs height and width to be multiples of {patch}, found {image_hw[0]} x {image_hw[1]}. "
            f"Resize the images, for example to {below}."
        )
        raise ConfigError(message)


class PatchEmbedding(nn.Module):
    """One token per patch: a convolution whose stride is its size, flattened row by row."""

    def __init__(self, dim: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, stride=patch)
        nn.init.trunc_normal_(self.proj.weight, std=0.02)
        nn.init.zeros_(self.proj.bias)  # pyright: ignore[reportArgumentType] - a convolution with bias

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n p d"]:
        """Tokens of the patches."""
        return self.proj(images).flatten(2).transpose(1, 2)


def resize_position_embedding(
    embedding: Float[Tensor, "1 n d"], grid_hw: tuple[int, int], *, offset: float | None = None, antialias: bool = False
) -> Float[Tensor, "1 m d"]:
    """Position embedding, learned on a square grid after one entry for the class token, for another grid of patches.

    Bicubic. With `offset` (Depth Anything 3: 0.1) the sampling ratio is (new + offset) / old, which is not new / old;
    without it the grid is resized to the new size (VGGT, which also uses antialias). The class entry stays as it is.
    """
    side = round((embedding.shape[1] - 1) ** 0.5)
    if grid_hw == (side, side):
        return embedding
    first, grid = embedding[:, :1], embedding[:, 1:].float()
    grid = grid.unflatten(1, (side, side)).permute(0, 3, 1, 2)
    if offset is None:
        grid = functional.interpolate(grid, size=list(grid_hw), mode="bicubic", antialias=antialias)
    else:
        factors = [(size + offset) / side for size in grid_hw]
        grid = functional.interpolate(grid, scale_factor=factors, mode="bicubic", antialias=antialias)
    return torch.cat([first, grid.flatten(2).transpose(1, 2).to(first.dtype)], dim=1)
