"""Small batches for the tests of the losses."""

from dataclasses import dataclass, replace

import torch

from mda.geometry import Cameras, cameras_from_encoding
from mda.mixtures import DepthMixture
from mda.structures import NetworkOutput, Targets


@dataclass(frozen=True, kw_only=True)
class Leaves:
    """What a head gives; tensors that collect gradients."""

    depth: torch.Tensor
    confidence: torch.Tensor
    logits: torch.Tensor
    sky: torch.Tensor
    encoding: torch.Tensor

    def output(self, *, family="normal", space="log", sky=True, cameras=True):
        mixture = DepthMixture.from_confidence(
            depths=self.depth.exp(),
            confidence=1 + self.confidence.exp(),
            log_weights=self.logits.log_softmax(-1),
            family=family,
            space=space,
        )
        return NetworkOutput(
            mixture=mixture,
            sky_log_odds=self.sky if sky else None,
            pose_encoding=self.encoding if cameras else None,
            cameras=cameras_from_encoding(self.encoding, tuple(self.sky.shape[-2:])) if cameras else None,
        )

    def finite_gradients(self):
        grads = [leaf.grad for leaf in vars(self).values() if leaf.grad is not None]
        return len(grads) > 0 and all(bool(grad.isfinite().all()) for grad in grads)


def leaves(*, shape=(2, 2, 24, 28), components=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def noise(*size):
        return torch.randn(*size, generator=generator)

    encoding = torch.tensor([0.1, 0.0, 0.2, 0.05, -0.02, 0.1, 1.0, 0.8, 0.9]) + 0.02 * noise(*shape[:2], 9)
    raw = {name: noise(*shape, components) for name in ("depth", "confidence", "logits")}
    made = Leaves(
        depth=0.5 * raw["depth"],
        confidence=raw["confidence"],
        logits=raw["logits"],
        sky=noise(*shape),
        encoding=encoding,
    )
    for leaf in vars(made).values():
        leaf.requires_grad_()
    return made


def targets(*, shape=(2, 2, 24, 28), seed=1):
    """Depth around one; the top rows are sky, a hole has no label at all."""
    generator = torch.Generator().manual_seed(seed)
    depth = 0.5 + torch.rand(shape, generator=generator)
    sky = torch.zeros(shape, dtype=torch.bool)
    sky[:, :, :4] = True
    hole = torch.zeros_like(sky)
    hole[:, :, 8:11, 5:9] = True
    poses = torch.eye(4).repeat(*shape[:2], 1, 1)
    poses[:, 1:, 0, 3] = 0.2
    cameras = Cameras.from_fov(poses, torch.tensor([0.8, 0.9]).expand(*shape[:2], 2), tuple(shape[-2:]))
    return Targets(depth=depth, valid=~sky & ~hole, sky=sky, sky_labelled=~hole, cameras=cameras)


def without_depth(truth):
    return replace(truth, valid=torch.zeros_like(truth.valid))


def without_sky_labels(truth):
    none = torch.zeros_like(truth.sky)
    return replace(truth, sky=none, sky_labelled=none)


def all_sky(truth):
    everywhere = torch.ones_like(truth.sky)
    return replace(truth, valid=~everywhere, sky=everywhere, sky_labelled=everywhere)
