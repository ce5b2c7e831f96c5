"""The mixture head: per pixel K depths with weights and confidences, and the odds of sky."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from mda.models.heads.chunks import in_chunks
from mda.models.heads.dense import Branch, DenseTrunk, run_branches
from mda.shapes import Float, Tensor

# Depths of the components before training, as factors of the scene's scale: apart, so that they specialise.
_FIRST_DEPTHS = (0.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class MixtureMaps:
    """Raw mixture per pixel.

    Attributes:
        depths: [n, h, w, k] exp of the first channel.
        confidence: [n, h, w, k] 1 + exp of the third channel.
        log_weights: [n, h, w, k] log-softmax of the second channel over the components; with independent weights the
            logarithms of their shares.
        sky_log_odds: [n, h, w] sky logit minus logsumexp of the component logits, or None; with independent weights the
            sky logit itself.
        activity: [n, h, w, k] logits of independent weights, or None.
    """

    depths: Float[Tensor, "n h w k"]
    confidence: Float[Tensor, "n h w k"]
    log_weights: Float[Tensor, "n h w k"]
    sky_log_odds: Float[Tensor, "n h w"] | None
    activity: Float[Tensor, "n h w k"] | None = None


class MixtureHead(nn.Module):
    """One small branch per component and one for sky on a common trunk.

    Args:
        dim, features, channels, patch: as in `DenseTrunk`.
        components: K.
        sky: whether there is a sky branch.
        activated_skip: as in `ResidualConvUnit`.
        independent: each weight is a sigmoid of its own, so that several may be active (transparent surfaces).
        recompute: run chunks again in the backward pass, to save memory in training.
    """

    def __init__(  # noqa: PLR0913 - what a head is made of
        self,
        dim: int,
        *,
        features: int,
        channels: Sequence[int],
        components: int = 4,
        sky: bool = True,
        patch: int = 14,
        activated_skip: bool = False,
        independent: bool = False,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.independent = independent
        self.recompute = recompute
        self.trunk = DenseTrunk(dim, features=features, channels=channels, patch=patch, activated_skip=activated_skip)
        self.components = nn.ModuleList(Branch(self.trunk.out_dim, 3) for _ in range(components))
        self.sky = Branch(self.trunk.out_dim, 1) if sky else None
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """Before training: components of almost equal weight, with depths spread evenly in the logarithm."""
        low, high = (torch.tensor(depth).log() for depth in _FIRST_DEPTHS)
        spread = torch.linspace(0, 1, len(self.components)) if len(self.components) > 1 else torch.tensor([0.5])
        for part, place in zip(self._branches(), spread, strict=False):
            bias = torch.zeros(3)
            bias[0] = low + (high - low) * place
            part.out.bias = nn.Parameter(bias)

    def _branches(self) -> list[Branch]:
        """The branches of the components and, last, of sky."""
        parts = [*self.components, *([] if self.sky is None else [self.sky])]
        return cast("list[Branch]", parts)

    def forward(
        self, levels: Sequence[Float[Tensor, "n p d"]], image_hw: tuple[int, int], *, chunk: int | None = None
    ) -> MixtureMaps:
        """Maps of n views; `chunk` are computed at a time (None: by the device), without effect on the result."""
        count = len(self.components)
        branches = self._branches()

        def run(*part: Tensor) -> tuple[Tensor, ...]:
            full = self.trunk.full_map(self.trunk.maps(part, image_hw), image_hw)
            raw = run_branches(full, branches).permute(0, 2, 3, 1)
            depths, logits, confidence = raw[..., : 3 * count].unflatten(-1, (count, 3)).unbind(-1)
            logit = None if self.sky is None else raw[..., -1]
            log_weights, odds, _ = weights_from_logits(logits, logit, independent=self.independent)
            return depths.exp(), 1 + confidence.exp(), log_weights, logits, *(() if odds is None else (odds,))

        depths, confidence, log_weights, logits, *sky = in_chunks(run, levels, chunk, recompute=self.recompute)
        return MixtureMaps(
            depths=depths,
            confidence=confidence,
            log_weights=log_weights,
            sky_log_odds=sky[0] if sky else None,
            activity=logits if self.independent else None,
        )


def weights_from_logits(
    logits: Float[Tensor, "*b k"], sky: Float[Tensor, "*b"] | None, *, independent: bool
) -> tuple[Float[Tensor, "*b k"], Float[Tensor, "*b"] | None, Float[Tensor, "*b k"] | None]:
    """Log weights that sum to one, log odds of sky, and the logits if they are those of independent weights.

    Independent weights are sigmoids (paper, transparent surfaces); the density takes their shares.
    """
    if not independent:
        return logits.log_softmax(-1), None if sky is None else sky - logits.logsumexp(-1), None
    log_weights = functional.logsigmoid(logits)
    return log_weights - log_weights.logsumexp(-1, keepdim=True), sky, logits
