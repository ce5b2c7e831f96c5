"""Pictures of held-out clips: image, truth, prediction with its edges, and each hypothesis with its weight."""

from pathlib import Path

import lightning
import torch
from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger
from torch.nn import functional

from mda.data.batches import Batch
from mda.geometry import depth_discontinuities
from mda.io.atomic import make_folder
from mda.io.images import write_png
from mda.io.preview import colour_depth
from mda.shapes import Bool, Float, Tensor, UInt8, ndarray
from mda.training.module import DepthModule

FOLDER = "pictures"
_EDGE_COLOUR = (1.0, 0.55, 0.0)
_NAME = "val/clips"


class Pictures(lightning.Callback):
    """At each validation, one sheet of the first held-out clips: to <folder>/pictures, and to loggers of images.

    Rows are image | true depth | decoded depth | its edges | where the hypotheses disagree, and below them each
    hypothesis and its weight (white: one); of networks that know transparent surfaces also the last one, and where
    there is one behind the first.
    """

    def __init__(self, folder: Path, clips: int = 4) -> None:
        self.folder = folder
        self.clips = clips
        self._rows: list[Tensor] = []

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        outputs: object,  # noqa: ARG002
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,  # noqa: ARG002
    ) -> None:
        """Draw the rows of the first view of a clip; every process looks, so that sharded networks can."""
        if batch_idx < self.clips and isinstance(pl_module, DepthModule):
            rows = picture_rows(pl_module, batch)
            if trainer.is_global_zero:
                self._rows.append(rows)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Write the sheet."""
        if not self._rows:
            return
        sheet = torch.cat(self._rows, dim=-2)
        self._rows.clear()
        pixels = (sheet.permute(1, 2, 0) * 255).round().byte().numpy()
        folder = self.folder / FOLDER
        make_folder(folder)
        write_png(folder / f"{trainer.global_step:08d}.png", pixels)
        for logger in trainer.loggers:
            _log_image(logger, pixels, trainer.global_step)


def _log_image(logger: Logger, pixels: UInt8[ndarray, "h w 3"], step: int) -> None:
    """Hand a picture to a logger that takes pictures."""
    match logger:
        case TensorBoardLogger():
            logger.experiment.add_image(_NAME, pixels, step, dataformats="HWC")
        case WandbLogger():
            logger.log_image(_NAME, [pixels], step=step)
        case _:
            pass


@torch.no_grad()
def picture_rows(module: DepthModule, batch: Batch) -> Float[Tensor, "3 h w"]:
    """Two rows of panels for the first view of a batch, in 0..1."""
    output = module(batch)
    mixture = output.mixture[0, 0]
    decoded, hypotheses = mixture.decode(module.decoder).float().cpu(), mixture.hypotheses.float().cpu().unbind(-1)
    weights = mixture.log_weights.exp().float().cpu().unbind(-1)
    truth, valid = batch.targets.depth[0, 0].float().cpu(), batch.targets.valid[0, 0].cpu()
    sky = None if output.sky is None else output.sky[0, 0].cpu()
    spread = torch.stack(hypotheses).clamp_min(1e-3).log().std(0, correction=0)
    first = [
        batch.images[0, 0].float().cpu(),
        _drawn(truth, ~valid),
        _drawn(decoded, sky),
        _with_edges(batch.images[0, 0].float().cpu(), decoded, sky),
        (spread / 0.7).clamp(0, 1).expand(3, -1, -1),
    ]
    second = [panel for depth, weight in zip(hypotheses, weights, strict=True) for panel in _pair(depth, sky, weight)]
    layers = output.layers
    if layers is not None:
        second += _pair(layers.last_depth[0, 0].float().cpu(), sky, layers.transparent[0, 0].float().cpu())
    rows = [torch.cat(first, dim=-1), torch.cat(second, dim=-1)]
    width = max(row.shape[-1] for row in rows)
    return torch.cat([functional.pad(row, (0, width - row.shape[-1])) for row in rows], dim=-2)


def _pair(depth: Tensor, sky: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
    """A hypothesis and its weight."""
    return _drawn(depth, sky), weight.expand(3, -1, -1)


def _with_edges(image: Float[Tensor, "3 h w"], depth: Tensor, sky: Tensor | None) -> Float[Tensor, "3 h w"]:
    """The darkened image with the edges of the decoded depth."""
    known = torch.ones_like(depth, dtype=torch.bool) if sky is None else ~sky
    edges = depth_discontinuities(depth, known & depth.isfinite() & (depth > 0), ratio=0.1)
    return torch.where(edges, torch.tensor(_EDGE_COLOUR)[:, None, None], 0.4 * image)


def _drawn(depth: Float[Tensor, "h w"], sky: Bool[Tensor, "h w"] | None) -> Float[Tensor, "3 h w"]:
    """Coloured depth in 0..1, each panel over its own range."""
    coloured = colour_depth(depth.numpy(), sky=None if sky is None else sky.numpy())
    return torch.from_numpy(coloured).permute(2, 0, 1) / 255
