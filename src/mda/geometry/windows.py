"""Square windows around a few chosen pixels, and medians over parts of them."""

from dataclasses import dataclass

import torch

from mda.shapes import Bool, Float, Int, Tensor

# A median stands on at least this many pixels.
MIN_PIXELS = 3


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows of (2 radius + 1)^2 pixels around chosen pixels of maps [*b, h, w].

    Attributes:
        pixels: [n] flat index of each chosen pixel.
        neighbours: [n, m] flat indices of its window (its own where the window leaves the image).
        inside: [n, m] whether the window pixel lies in the image.
    """

    pixels: Int[Tensor, " n"]
    neighbours: Int[Tensor, "n m"]
    inside: Bool[Tensor, "n m"]

    @classmethod
    def around(cls, chosen: Bool[Tensor, "*b h w"], radius: int) -> "Windows":
        """Windows around the chosen pixels."""
        height, width = chosen.shape[-2:]
        pixels = chosen.flatten().nonzero().squeeze(-1)
        row, column = (pixels // width) % height, pixels % width
        step = torch.arange(-radius, radius + 1, device=pixels.device)
        down, right = (grid.flatten() for grid in torch.meshgrid(step, step, indexing="ij"))
        rows, columns = row[:, None] + down, column[:, None] + right
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        neighbours = torch.where(inside, pixels[:, None] + down * width + right, pixels[:, None])
        return cls(pixels=pixels, neighbours=neighbours, inside=inside)

    def __getitem__(self, chosen: Bool[Tensor, " n"] | slice) -> "Windows":
        """Windows of some of the pixels."""
        return Windows(pixels=self.pixels[chosen], neighbours=self.neighbours[chosen], inside=self.inside[chosen])

    def at(self, values: Tensor) -> Tensor:
        """Values [n] of a map at the chosen pixels."""
        return values.flatten()[self.pixels]

    def of(self, values: Tensor) -> Tensor:
        """Values [n, m] of a map in the windows; means nothing where not `inside`."""
        return values.flatten()[self.neighbours]


def masked_median(
    values: Float[Tensor, "n m"], mask: Bool[Tensor, "n m"]
) -> tuple[Float[Tensor, " n"], Bool[Tensor, " n"]]:
    """Median over the mask of each row, without NaNs, and whether it stands on `MIN_PIXELS` values or more.

    Of an even number of values it is the lower of the middle two.
    """
    kept = torch.where(mask, values, torch.nan)
    return kept.nanmedian(-1).values, (~kept.isnan()).sum(-1) >= MIN_PIXELS
