"""What the parts of the mixture are for: the ablation recipes on the same trunk, data and steps, with several seeds.

    python benchmarks/ablation.py --steps 300 --seeds 3

Every recipe of `mda/ablation/` and the single-depth twin `mda/mini_single` is trained on the same rendered batches
(order and starting weights follow from the seed) and scored on the same held-out clips. After each run the JSON file is
written anew, and runs that it already holds are not made again, so the script can be stopped at any time. Prints a
Markdown table of means and standard deviations over the seeds and, if asked, puts it between `<!-- ablation:begin -->`
and `<!-- ablation:end -->` of a document.
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import ClassVar

import numpy as np
import torch
from quality import processor

import mda
from mda.data.batches import Batch
from mda.evaluation.tables import replace_between_markers
from mda.io.atomic import write_bytes
from mda.models.mini.trunk import TrunkFeatures
from mda.training.composing import compose_config, recipes
from mda.training.config import TrainConfig
from mda.training.data_config import ProceduralDataConfig
from mda.training.main import build_module
from mda.training.procedural_data import ValidationClips, training_batch
from mda.training.validation import ClipTallies

# Names of the metrics in the table, how they are written, and in which unit.
COLUMNS = {
    "abs_rel_scale_aligned": ("AbsRel % ↓", 100.0, 1),
    "flying_own_surfaces": ("flying, own surfaces % ↓", 100.0, 1),
    "unresolved_own_surfaces": ("unresolved % ↓", 100.0, 1),
    "flying_true_surfaces_scale_aligned": ("flying, true surfaces % ↓", 100.0, 1),
    "nll_log_depth": ("NLL ↓", 1.0, 3),
    "calibration_error": ("calibration error % ↓", 100.0, 1),
    "sky_accuracy": ("sky right % ↑", 100.0, 1),
}


class RememberedTrunk(torch.nn.Module):
    """The trunk, which is never trained here, with its features of every batch seen so far."""

    features: ClassVar[dict[bytes, TrunkFeatures]] = {}

    def __init__(self, trunk: torch.nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    @torch.no_grad()
    def forward(self, image: torch.Tensor) -> TrunkFeatures:
        """Features of a batch of images, from memory if it has come before."""
        key = image[..., ::8, ::8].contiguous().numpy().tobytes()
        if key not in self.features:
            self.features[key] = self.trunk(image)
        return self.features[key]


def settings(recipe: str, options: argparse.Namespace) -> TrainConfig:
    """Settings of a recipe at the size of the ablation; data are those of every other recipe."""
    height, width = options.size
    return compose_config(
        [
            f"experiment={recipe}",
            f"steps={options.steps}",
            f"data.sizes=[[{height},{width}]]",
            f"data.validation_size=[{height},{width}]",
            f"data.validation_clips={options.clips}",
            f"data.views_per_batch={options.views}",
            "data.blur=0",
            "data.colour=0",
            f"optimiser.decay_steps={options.steps // 2}",
        ]
    )


def train(config: TrainConfig, batches: Sequence[Batch], seed: int) -> torch.nn.Module:
    """The module after its steps; starting weights and the order of the batches follow from the seed."""
    torch.manual_seed(seed)
    module = build_module(config)
    module.network.trunk = RememberedTrunk(module.network.get_submodule("trunk"))
    chosen = module.configure_optimizers()
    optimiser, schedule = chosen["optimizer"], chosen["lr_scheduler"]["scheduler"]  # pyright: ignore[reportGeneralTypeIssues, reportIndexIssue, reportTypedDictNotRequiredAccess]
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    rng = np.random.default_rng(seed)
    for step in range(config.steps):
        if step % len(batches) == 0:
            order = rng.permutation(len(batches))
        batch = batches[order[step % len(batches)]]
        module.loss(module(batch), batch.targets).total.backward()
        torch.nn.utils.clip_grad_norm_(learning, config.optimiser.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        schedule.step()
    return module


@torch.no_grad()
def score(module: torch.nn.Module, clips: Sequence[Batch]) -> dict[str, float]:
    """Means over the held-out clips."""
    tallies = ClipTallies()
    for clip in clips:
        output = module(clip)
        tallies.add(output, clip, module.loss(output, clip.targets), module.decoder)
    return tallies.means()


def table(runs: dict[str, dict[str, dict[str, float]]]) -> str:
    """Means and, after the sign, standard deviations over the seeds."""
    head = ["recipe", "runs", *(title for title, _, _ in COLUMNS.values())]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for recipe, seeds in runs.items():
        cells = [recipe.removeprefix("mda/"), str(len(seeds))]
        for name, (_, factor, digits) in COLUMNS.items():
            values = [factor * found[name] for found in seeds.values() if name in found]
            spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.{digits}f}{spread}" if values else "-")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=100, help="different batches; they come again and again")
    parser.add_argument("--views", type=int, default=6, help="views of a batch")
    parser.add_argument("--clips", type=int, default=24, help="held-out clips")
    parser.add_argument("--size", type=int, nargs=2, default=[64, 96], help="height and width")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ablation.json"))
    parser.add_argument("--document", type=Path, help="file to put the table into, between its markers")
    return parser.parse_args(arguments)


def main() -> None:
    """Make the runs that are missing, seed by seed, and the table."""
    options = parse()
    torch.set_num_threads(options.threads)
    names = ["mda/mini_single", *(name for name in recipes() if name.startswith("mda/ablation/"))]
    size = {key: getattr(options, key) for key in ("steps", "batches", "views", "clips", "size")}
    known = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    runs = known["runs"] if known.get("of") == size else {}
    runs = {name: runs.get(name, {}) for name in names}
    seconds = known.get("cpu_seconds", 0.0) if known.get("of") == size else 0.0
    base = settings("mda/ablation/base", options)
    data = base.data
    if not isinstance(data, ProceduralDataConfig):
        message = "the ablation recipes are for procedural scenes"
        raise SystemExit(message)
    missing = [(seed, name) for seed in range(options.seeds) for name in names if str(seed) not in runs[name]]
    batches = [training_batch(data, index) for index in range(options.batches)] if missing else []
    clips = list(ValidationClips(data)) if missing else []
    for seed, name in missing:
        config, began = settings(name, options), process_time()
        if config.data != data:
            message = f"{name} has other data than the base"
            raise SystemExit(message)
        runs[name][str(seed)] = score(train(config, batches, seed).eval(), clips)
        seconds += process_time() - began
        print(f"{name}, seed {seed}: {runs[name][str(seed)]['abs_rel_scale_aligned']:.4f}", flush=True)
        facts = {
            "command": shlex.join(["python", *sys.argv]),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "cpu_seconds": round(seconds, 1),
            "hardware": {"machine": platform.machine(), "processor": processor(), "cores": os.cpu_count()},
            "versions": {"mda": mda.__version__, "python": platform.python_version(), "torch": torch.__version__},
        }
        write_bytes(options.out, (json.dumps({"of": size, **facts, "runs": runs}, indent=1) + "\n").encode())
    text = table(runs)
    print(text)
    if options.document:
        replace_between_markers(options.document, "ablation", text)


if __name__ == "__main__":
    main()
