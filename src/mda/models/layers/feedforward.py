"""The two feed-forward nets of the published transformers."""

from enum import StrEnum

from torch import nn
from torch.nn import functional

from mda.shapes import Float, Tensor


class FeedForward(StrEnum):
    """Which feed-forward net a transformer block has."""

    MLP = "mlp"
    SWIGLU = "swiglu"

    def build(self, dim: int, ratio: float) -> "Mlp | SwiGlu":
        """The net for tokens of width `dim`, `ratio` times as wide inside (before the SwiGLU correction)."""
        hidden = int(dim * ratio)
        return Mlp(dim, hidden) if self is FeedForward.MLP else SwiGlu(dim, swiglu_width(hidden))


def swiglu_width(hidden: int) -> int:
    """Width that gives SwiGLU about as many weights as an MLP of width `hidden`: 2/3 of it, rounded up to 8."""
    return (int(hidden * 2 / 3) + 7) // 8 * 8


class Mlp(nn.Module):
    """fc2(gelu(fc1(x))) with the exact (erf) GELU."""

    def __init__(self, dim: int, hidden: int, dim_out: int | None = None) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim if dim_out is None else dim_out)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b e"]:
        """Apply the net."""
        return self.fc2(functional.gelu(self.fc1(x)))


class SwiGlu(nn.Module):
    """w3(silu(a) * b) with (a, b) the halves of w12(x)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(dim, 2 * hidden)
        self.w3 = nn.Linear(hidden, dim)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Apply the net."""
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(functional.silu(gate) * value)
