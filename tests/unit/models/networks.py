"""Networks small enough for unit tests, and a state dict as a release would hold it."""

from dataclasses import replace

import torch

from mda.models.adapters import Scheme, to_published
from mda.models.backbones import DinoConfig
from mda.models.da3 import AnyViewConfig, AnyViewNetwork, MixtureConfig, MonoConfig, MonoNetwork

BACKBONE = DinoConfig(dim=32, depth=4, heads=2, special_start=1, out_layers=(0, 1, 2, 3), grid=5, layer_scale=1.0)
CONFIG = AnyViewConfig(backbone=BACKBONE, features=16, channels=(8, 12, 16, 20), encoder_heads=4)
HW = (28, 42)


def any_view_network(*, mixture: MixtureConfig | None = None, gaussians: bool = False) -> AnyViewNetwork:
    torch.manual_seed(0)
    return lively(replace(CONFIG, mixture=mixture, gaussians=gaussians).build().eval())


def mixture_network(**settings: object) -> AnyViewNetwork:
    return any_view_network(mixture=MixtureConfig(**settings))


def mono_network() -> MonoNetwork:
    torch.manual_seed(0)
    backbone = replace(BACKBONE, special_start=None, join_local=False)
    return lively(MonoConfig(backbone=backbone, features=16, channels=(8, 12, 16, 20)).build().eval())


def lively(network):
    """Weights large enough that every part of the network matters."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return network


def released(network: AnyViewNetwork) -> dict[str, torch.Tensor]:
    """Its state dict under published names, every tensor its own."""
    return {name: tensor.clone() for name, tensor in to_published(network.state_dict(), Scheme.DA3).items()}
