"""Pictures of held-out clips for the logs: image, truth, prediction and where the components disagree."""

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from mda.data.batches import Batch
from mda.io.preview import colour_depth
from mda.mixtures import Decoder
from mda.shapes import Float, Tensor, ndarray
from mda.training.module import DepthModule

_DECODER = Decoder.COMPONENT


class Pictures(lightning.Callback):
    """Writes one sheet of the first held-out clips to the loggers that take images (TensorBoard) at each validation."""

    def __init__(self, clips: int = 4) -> None:
        self.clips = clips
        self._rows: list[Tensor] = []

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,  # noqa: ARG002 - Lightning's signature
        pl_module: lightning.LightningModule,
        outputs: object,  # noqa: ARG002
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,  # noqa: ARG002
    ) -> None:
        """Draw a row for the first view of a clip."""
        if batch_idx < self.clips and isinstance(pl_module, DepthModule):
            self._rows.append(picture_row(pl_module, batch))

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Hand the sheet to the loggers."""
        if not self._rows:
            return
        sheet = torch.cat(self._rows, dim=-2)
        self._rows.clear()
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("val/clips", sheet, trainer.global_step)


@torch.no_grad()
def picture_row(module: DepthModule, batch: Batch) -> Float[Tensor, "3 h w"]:
    """Image | true depth | decoded depth | spread of the mixture, of the first view, in 0..1."""
    output = module(batch)
    depth = output.mixture.decode(_DECODER)[0, 0]
    truth, valid = batch.targets.depth[0, 0], batch.targets.valid[0, 0]
    sky = None if output.sky is None else output.sky[0, 0].cpu().numpy()
    spread = output.mixture.decode(Decoder.BACK)[0, 0] / output.mixture.decode(Decoder.FRONT)[0, 0].clamp_min(1e-3)
    panels = [
        batch.images[0, 0],
        _drawn(truth, (~valid).cpu().numpy()),
        _drawn(depth, sky),
        (spread.log() / 0.7).clamp(0, 1).expand(3, -1, -1),
    ]
    return torch.cat([panel.cpu() for panel in panels], dim=-1)


def _drawn(depth: Tensor, sky: ndarray | None) -> Tensor:
    """Coloured depth as a [3, h, w] tensor in 0..1."""
    coloured = colour_depth(depth.float().cpu().numpy(), sky=sky)
    return torch.from_numpy(coloured).permute(2, 0, 1) / 255
