"""Image effects that keep geometry: the blur of the robustness benchmark and small colour changes."""

import numpy as np
import torch
from torch.nn import functional

from mda.shapes import Float, Tensor


def degrade(images: Float[Tensor, "*b 3 h w"], factor: int) -> Float[Tensor, "*b 3 h w"]:
    """Blur as the published robustness benchmark does: area down-sampling by `factor`, bicubic up-sampling back.

    Args:
        images: RGB in 0..1.
        factor: 1 leaves the images as they are.
    """
    if factor == 1:
        return images
    height, width = images.shape[-2:]
    flat = images.reshape(-1, 3, height, width)
    small = functional.interpolate(flat, size=[max(1, height // factor), max(1, width // factor)], mode="area")
    large = functional.interpolate(small, size=[height, width], mode="bicubic", align_corners=False)
    return large.clamp(0, 1).reshape(images.shape)


def adjust_colour(
    images: Float[Tensor, "*b 3 h w"], rng: np.random.Generator, *, strength: float
) -> Float[Tensor, "*b 3 h w"]:
    """Change colours at random, alike in all views.

    Args:
        images: RGB in 0..1.
        rng: decides.
        strength: each channel changes by up to this share, brightness by up to this share of white, contrast and
            saturation by up to twice this share.
    """
    contrast, saturation = 1 + strength * rng.uniform(-2, 2, 2)
    gains = torch.tensor(1 + strength * rng.uniform(-1, 1, 3), dtype=images.dtype, device=images.device)
    grey = images.mean(-3, keepdim=True)
    images = (grey + (images - grey) * saturation) * gains[:, None, None]
    return (0.5 + (images - 0.5) * contrast + strength * rng.uniform(-1, 1)).clamp(0, 1)
