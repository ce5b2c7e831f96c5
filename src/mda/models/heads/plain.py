"""One value with a confidence per pixel: depth, or a point in the world (VGGT)."""

from collections.abc import Sequence
from enum import StrEnum

from torch import nn

from mda.models.heads.chunks import in_chunks
from mda.models.heads.dense import Branch, DenseTrunk, run_branches
from mda.shapes import Float, Tensor


class Quantity(StrEnum):
    """What a plain head predicts, and so how its channels become values."""

    DEPTH = "depth"
    """exp(y)."""
    POINT = "point"
    """sign(y) (exp|y| - 1) for each of x, y, z in the world."""

    @property
    def channels(self) -> int:
        """Number of channels of the value."""
        return 1 if self is Quantity.DEPTH else 3

    def from_raw(self, raw: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        """Channels to values."""
        return raw.exp() if self is Quantity.DEPTH else raw.sign() * raw.abs().expm1()


class PlainHead(nn.Module):
    """Values, and confidence = 1 + exp(last channel), from one branch on a trunk of its own.

    Args:
        dim, features, channels, patch: as in `DenseTrunk`.
        quantity: what is predicted.
        activated_skip: as in `ResidualConvUnit`.
    """

    def __init__(
        self,
        dim: int,
        *,
        features: int,
        channels: Sequence[int],
        quantity: Quantity,
        patch: int = 14,
        activated_skip: bool = False,
    ) -> None:
        super().__init__()
        self.quantity = quantity
        self.trunk = DenseTrunk(dim, features=features, channels=channels, patch=patch, activated_skip=activated_skip)
        self.branch = Branch(self.trunk.out_dim, quantity.channels + 1)

    def forward(
        self, levels: Sequence[Float[Tensor, "n p d"]], image_hw: tuple[int, int], *, chunk: int | None = None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, "n h w"]]:
        """Values and confidence of n views; `chunk` are computed at a time, without effect on the result."""

        def run(*part: Tensor) -> tuple[Tensor, ...]:
            raw = run_branches(self.trunk.full_map(self.trunk.maps(part, image_hw), image_hw), [self.branch])
            raw = raw.permute(0, 2, 3, 1)
            return self.quantity.from_raw(raw[..., :-1]), 1 + raw[..., -1].exp()

        values, confidence = in_chunks(run, levels, chunk)
        return values, confidence
