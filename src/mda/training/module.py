"""One training step, one validation step, and the optimiser."""

import functools
import math
from dataclasses import replace
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from mda.data.batches import Batch, normalise_images
from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.losses import LossReport, TrainingLoss
from mda.mixtures import Decoder
from mda.models import DepthNetwork
from mda.models.checkpoints import METADATA_KEY
from mda.models.converting import metadata_of
from mda.structures import NetworkOutput
from mda.training.building import chosen_preset
from mda.training.config import TrainConfig
from mda.training.groups import parameter_groups
from mda.training.processes import gathered, pooled, summed, true_everywhere
from mda.training.schedule import rate_factor
from mda.training.skipping import SkippedBatches, why_spoilt
from mda.training.source_losses import by_source
from mda.training.told_cameras import known_targets, told_cameras
from mda.training.validation import ClipTallies

# Where a checkpoint holds how many batches and frames were left out before it.
_LEFT_OUT = "left_out"


class DepthModule(lightning.LightningModule):
    """Trains a network with the mixture loss and watches it on held-out clips.

    Args:
        network: what is trained; which of its parameters learn has been decided.
        loss: by which.
        config: of the run.
        decoder: whose scores are also logged without a decoder's name.
        skipped: keeps count of the batches that are left out.
    """

    def __init__(
        self,
        network: DepthNetwork,
        loss: TrainingLoss,
        config: TrainConfig,
        *,
        decoder: Decoder = Decoder.COMPONENT,
        skipped: SkippedBatches | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.config = config
        self.decoder = decoder
        self.skipped = skipped or SkippedBatches()
        self._tallies = ClipTallies()
        # Of the step that is being made: micro-batches seen, micro-batches learnt from, and clips.
        self._seen, self._kept = 0, 0
        self._clips: list[str] = []
        self._broken = 0
        # Sums and counts by name, since the last log.
        self._unlogged: dict[str, tuple[float, int]] = {}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say which network it is, and what has been left out; all processes take part."""
        broken = sum(gathered(self._broken))
        if not self.config.network.lora.rank:  # whose adapters only the exported weights have merged
            checkpoint[METADATA_KEY] = self._metadata
        checkpoint[_LEFT_OUT] = {"batches": self.skipped.count, "frames": broken}

    @functools.cached_property
    def _metadata(self) -> dict[str, str]:
        return metadata_of(chosen_preset(self.config.network))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting."""
        before = checkpoint.get(_LEFT_OUT, {"batches": 0, "frames": 0})
        self.skipped.count = before["batches"]
        self._broken = before["frames"] if self.global_rank == 0 else 0

    def on_train_start(self) -> None:
        """Learn at the rate that the settings say: the checkpoint's is that of a run of the length asked for then."""
        for scheduler in (config.scheduler for config in self.trainer.lr_scheduler_configs):
            if not isinstance(scheduler, LambdaLR):
                continue
            rates = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
            for group, rate, factor in rates:
                group["lr"] = rate * factor(scheduler.last_epoch)

    def forward(self, batch: Batch, cameras: Cameras | None = None) -> NetworkOutput:
        """Output of the network for a batch of clips, which it may be told the cameras of."""
        return self.network(normalise_images(batch.images), cameras)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:  # noqa: ARG002 - Lightning's signature
        """Loss of a micro-batch; nothing is learnt where that of any process cannot be learnt from."""
        # One word for the whole batch; a batch with made-up cameras is not told any.
        told = None
        if all(batch.cameras_known):
            number, network = self._number(), self.config.network
            told = told_cameras(batch.targets.cameras, number, seed=self.config.seed, config=network)
        if self.config.network.lora.dropout:
            # Draws that a resumed run repeats.
            torch.manual_seed(int(np.random.SeedSequence([self.config.seed, self._number()]).generate_state(1)[0]))
        self._broken += len(batch.broken)
        self._seen += 1
        self._clips.extend(batch.names)
        output = self(batch, told)
        report = self.loss(output, known_targets(batch), batch.layers)
        reason = why_spoilt(output, report)
        if not true_everywhere(reason is None, self.device):
            self._note((reason, batch.names))
            return self._nothing(batch)
        self._kept += 1
        self._collect(report, batch)
        if self._is_logged() and self._seen == self.config.accumulate:
            self._log_training()
        return report.total

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,  # noqa: ARG002 - ours is in the settings
        gradient_clip_algorithm: str | None = None,  # noqa: ARG002
    ) -> None:
        """Clip the norm of all gradients together; a step whose gradients are not finite is left out.

        Without gradients AdamW touches neither weights nor moments. All processes see the same, averaged gradients.
        """
        learning = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = nn.utils.clip_grad_norm_(learning, self.config.optimiser.clip or math.inf)
        norm = norm.full_tensor() if isinstance(norm, DTensor) else norm
        finite = bool(norm.isfinite())
        if not finite:
            self._note(("gradient is not finite", tuple(self._clips)))
        elif self._kept and self._is_logged():
            self.log("train/gradient_norm", norm, batch_size=1)
        if not finite or not self._kept:
            for parameter in learning:
                parameter.grad = None
        self._seen, self._kept = 0, 0
        self._clips.clear()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        """Score a held-out clip with the metrics of evaluation."""
        output = self(batch)
        self._tallies.add(output, batch, self.loss(output, known_targets(batch), batch.layers), self.decoder)

    def on_validation_epoch_end(self) -> None:
        """Log the scores of all clips of all processes."""
        means = self._tallies.means()
        self._tallies = ClipTallies()
        if self.config.best_by.removeprefix("val/") not in means:
            message = (
                f"best_by={self.config.best_by}: this run has no such metric of validation, but "
                f"{', '.join(f'val/{name}' for name in means)}. The same command with one of them goes on."
            )
            raise ConfigError(message)
        for name, value in means.items():
            self.log(f"val/{name}", value, batch_size=1)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with the closed-form schedule."""
        config = self.config
        optimiser = torch.optim.AdamW(
            parameter_groups(self.network, config.optimiser),
            lr=config.optimiser.rate,
            betas=(config.optimiser.betas[0], config.optimiser.betas[1]),
        )
        schedule = LambdaLR(optimiser, lambda step: rate_factor(step, steps=config.steps, config=config.optimiser))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _number(self) -> int:
        """Number of this micro-batch among all that all processes see."""
        step = self.global_step * self.config.accumulate + self._seen
        return step * self.trainer.world_size + self.global_rank

    def _is_logged(self) -> bool:
        return (self.global_step + 1) % self.config.log_every == 0

    def _note(self, mine: tuple[str | None, tuple[str, ...]]) -> None:
        """Count and tell what is left out; all processes take part."""
        self.skipped.note(self.global_step, gathered(mine), write=self.trainer.is_global_zero)
        self.log("train/skipped", float(self.skipped.count), batch_size=1)

    def _nothing(self, batch: Batch) -> torch.Tensor:
        """A loss of zero whose gradients are zero, so that processes that wait for each other's still meet.

        It goes through the network, on black images, because sharded parameters are whole only in there.
        """
        output = self(replace(batch, images=torch.zeros_like(batch.images)))
        mixture, others = output.mixture, (output.sky_log_odds, output.activity, output.pose_encoding)
        parts = [mixture.locs, mixture.scales, mixture.log_weights, *(part for part in others if part is not None)]
        return 0 * torch.stack([part.sum() for part in parts]).sum()

    def _collect(self, report: LossReport, batch: Batch) -> None:
        """Terms, counts and losses by source of a micro-batch, for the log."""
        values = {f"train/{name}": (float(value.detach()), 1) for name, value in report.terms.items()}
        values["train/loss"] = (float(report.total.detach()), 1)
        values |= {f"train/source/{name}": pair for name, pair in by_source(report.clip_nll, batch.names).items()}
        values["train/dropped_truth"] = (float(report.counts.dropped_truth), 1)
        self._unlogged = pooled([self._unlogged, values])

    def _log_training(self) -> None:
        """Means since the last log, over all processes; from the start, how many frames were broken."""
        totals = summed(self._unlogged | {"data/broken_frames_so_far": (float(self._broken), 1)})
        self._unlogged = {}
        self.log_dict({name: total / count for name, (total, count) in totals.items() if count}, batch_size=1)
        # The rate of the parameters that learn fastest.
        self.log("train/rate", max(group["lr"] for group in self.trainer.optimizers[0].param_groups), batch_size=1)
