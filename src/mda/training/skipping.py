"""Batches that are left out because something in them is not finite: noticed, counted, and named."""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from mda.losses import LossReport
from mda.mixtures import DepthMixture
from mda.structures import NetworkOutput

logger = logging.getLogger(__name__)

SKIPPED_FILE = "skipped.csv"
_HEADER = ("step", "rank", "reason", "clips")


def why_spoilt(output: NetworkOutput, report: LossReport) -> str | None:
    """Why a batch must not be learnt from, or None.

    The loss leaves single broken pixels out by itself; but a prediction that is not finite anywhere comes with
    gradients that are not.
    """
    mixture: DepthMixture = output.mixture
    if int(report.counts.dropped_predictions) > 0 or not bool(mixture.locs.sum().isfinite()):
        return "prediction is not finite"
    if output.pose_encoding is not None and not bool(torch.isfinite(output.pose_encoding).all()):
        return "predicted camera is not finite"
    return None if bool(report.total.isfinite()) else "loss is not finite"


@dataclass(kw_only=True)
class SkippedBatches:
    """What was left out in this run.

    Attributes:
        folder: where the list is kept, or None for no list.
        count: number of micro-batches, and steps for their gradients.
    """

    folder: Path | None = None
    count: int = field(default=0)

    def note(self, step: int, said: Sequence[tuple[str | None, Sequence[str]]], *, write: bool) -> None:
        """Count one, warn, and add the clips of the ranks that gave a reason to <folder>/skipped.csv.

        Args:
            step: optimiser step.
            said: reason (None: all was well there) and names of the clips, by rank.
            write: whether this process keeps the list.
        """
        self.count += 1
        if not write:
            return
        rows = [
            (step, rank, reason, " ".join(names)) for rank, (reason, names) in enumerate(said) if reason is not None
        ]
        for row in rows:
            logger.warning("Left out at step %s by process %s, because the %s: %s", *row)
        if self.folder is not None:
            path = self.folder / SKIPPED_FILE
            known = path.exists()
            with path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows if known else [_HEADER, *rows])
