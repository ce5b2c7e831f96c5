"""One training step, one validation step, and the optimiser."""

from collections.abc import Iterable

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn

from mda.data.batches import Batch, normalise_images
from mda.losses import TrainingLoss
from mda.metrics import abs_rel, align_scale, delta
from mda.mixtures import Decoder
from mda.models import DepthNetwork
from mda.structures import NetworkOutput
from mda.training.config import OptimiserConfig, TrainConfig
from mda.training.schedule import rate_factor

VALIDATED_DECODERS = (Decoder.MODE, Decoder.COMPONENT, Decoder.HEAVIEST, Decoder.MEAN)


class DepthModule(lightning.LightningModule):
    """Trains a network with the mixture loss and watches it on held-out clips."""

    def __init__(self, network: DepthNetwork, loss: TrainingLoss, config: TrainConfig) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.config = config
        for name, parameter in network.named_parameters():
            if name.startswith(tuple(config.network.freeze)):
                parameter.requires_grad_(False)

    def forward(self, batch: Batch) -> NetworkOutput:
        """Output of the network for a batch of clips."""
        return self.network(normalise_images(batch.images))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:  # noqa: ARG002 - Lightning's signature
        """Loss of a batch; its terms are logged."""
        report = self.loss(self(batch), batch.targets)
        terms = {f"train/{name}": value.detach() for name, value in report.terms.items()}
        self.log_dict({"train/loss": report.total.detach(), **terms}, batch_size=1)
        rate = self.trainer.optimizers[0].param_groups[-1]["lr"]
        self.log("train/rate", rate, batch_size=1)
        return report.total

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        """Depth error of each decoder on a held-out clip, one scale per clip."""
        output, targets = self(batch), batch.targets
        report = self.loss(output, targets)
        self.log("val/loss", report.total, batch_size=1)
        for decoder in VALIDATED_DECODERS if output.mixture.num_components > 1 else (Decoder.COMPONENT,):
            depth = output.mixture.decode(decoder)
            scale = align_scale(depth, targets.depth, targets.valid)
            aligned = depth * scale[:, None, None, None]
            error = abs_rel(aligned, targets.depth, targets.valid).mean
            self.log(f"val/{decoder.value}/abs_rel_scale_aligned", error, batch_size=1)
            within = delta(aligned, targets.depth, targets.valid).mean
            self.log(f"val/{decoder.value}/delta1_scale_aligned", within, batch_size=1)
        if output.p_sky is not None:
            right = ((output.p_sky > 0.5) == targets.sky).float().mean()
            self.log("val/sky_accuracy", right, batch_size=1)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with the closed-form schedule."""
        config = self.config
        groups = parameter_groups(self.network.named_parameters(), config.optimiser)
        optimiser = torch.optim.AdamW(
            groups, lr=config.optimiser.rate, betas=(config.optimiser.betas[0], config.optimiser.betas[1])
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: rate_factor(step, steps=config.steps, config=config.optimiser)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def parameter_groups(parameters: Iterable[tuple[str, nn.Parameter]], config: OptimiserConfig) -> list[dict]:
    """Groups of the trainable parameters: matrices decay, vectors do not, and the trunk learns more slowly."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in parameters:
        if parameter.requires_grad:
            groups.setdefault((name.startswith("trunk."), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": members,
            "lr": config.rate * (config.trunk_factor if trunk else 1.0),
            "weight_decay": config.weight_decay if matrix else 0.0,
        }
        for (trunk, matrix), members in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]
