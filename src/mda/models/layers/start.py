"""First values of weights when a network is trained from scratch."""

from torch import nn

_STD = 0.02


def start_transformer(module: nn.Module) -> None:
    """Linear layers within `module` start from a truncated normal of deviation 0.02 and zero bias (as in DINOv2)."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=_STD)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
