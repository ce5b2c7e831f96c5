"""Quality of `mda_mini` and its single-depth baseline on held-out procedural clips, clean and blurred.

    python benchmarks/quality.py --weights mda_mini.safetensors --baseline mda_mini_single.safetensors

Writes a JSON file with every metric, its standard error and counts (defined in docs/metrics.md), prints Markdown
tables and, if asked, puts them between `<!-- quality:begin -->` and `<!-- quality:end -->` of a README. The numbers
depend on the arguments alone, not on the number of workers.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy
import torch
from tqdm import tqdm

import mda
from mda.evaluation.procedural import Predictor, evaluate, network_predictor
from mda.evaluation.results import Row, Summary, summarise, to_json
from mda.evaluation.tables import quality_tables, replace_between_markers
from mda.mixtures import Decoder
from mda.models import DepthNetwork, loading
from mda.models.presets import find_preset
from mda.synthetic import render_clip

# Seeds from here on are neither training (10 000 000 on) nor validation seeds (1 000 000 on).
FIRST_SEED = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a worker needs to know.

    Attributes:
        models: (name, preset, weights file) each.
        seed: of the first clip; the others follow.
        views, image_hw: of each clip.
        factors: blur factors.
        decoders: of mixtures with several components.
        threads: of torch, per worker.
    """

    models: tuple[tuple[str, str, Path], ...]
    seed: int
    views: int
    image_hw: tuple[int, int]
    factors: tuple[int, ...]
    decoders: tuple[Decoder, ...]
    threads: int


def load_network(preset: str, weights: Path) -> DepthNetwork:
    """The preset with the weights of a file."""
    return loading.load_network(find_preset(preset), weights)


def load_predictors(settings: Settings) -> dict[str, Predictor]:
    """Predictors by model name."""
    torch.set_num_threads(settings.threads)
    return {
        name: network_predictor(load_network(preset, weights), settings.decoders)
        for name, preset, weights in settings.models
    }


def score_clip(settings: Settings, predictors: dict[str, Predictor], index: int) -> list[Row]:
    """Rows of the clip of the given number."""
    clip = render_clip(settings.seed + index, views=settings.views, image_hw=settings.image_hw)
    return list(evaluate(predictors, [clip], factors=settings.factors))


_in_worker: dict[str, partial[list[Row]]] = {}


def _start_worker(settings: Settings) -> None:
    _in_worker["score"] = partial(score_clip, settings, load_predictors(settings))


def _score_in_worker(index: int) -> list[Row]:
    return _in_worker["score"](index)


def score_clips(settings: Settings, clips: int, workers: int) -> Iterator[Row]:
    """Rows of all clips in their order."""
    if workers <= 1:
        score = partial(score_clip, settings, load_predictors(settings))
        for index in tqdm(range(clips), unit="clip"):
            yield from score(index)
        return
    with multiprocessing.get_context("spawn").Pool(workers, _start_worker, (settings,)) as pool:
        for rows in tqdm(pool.imap(_score_in_worker, range(clips)), total=clips, unit="clip"):
            yield from rows


def provenance(settings: Settings, clips: int, seconds: float) -> dict[str, object]:
    """Everything needed to run this again and to judge the numbers."""
    return {
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "clips": clips,
        "first_seed": settings.seed,
        "views": settings.views,
        "image_hw": settings.image_hw,
        "blur_factors": settings.factors,
        "weights": {name: {"preset": preset, "file": weights.name} for name, preset, weights in settings.models},
        "hardware": {"machine": platform.machine(), "processor": processor(), "cores": os.cpu_count()},
        "versions": {
            "mda": mda.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }


def processor() -> str:
    """Name of the processor as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def heading(facts: dict[str, object], summaries: tuple[Summary, ...]) -> str:
    """One paragraph above the tables."""
    edges = next((s.metrics["flying_true_surfaces_scale_aligned"].count for s in summaries if s.decoder), 0)
    height, width = facts["image_hw"]  # pyright: ignore[reportGeneralTypeIssues]
    return (
        f"{facts['clips']} held-out procedural clips of {facts['views']} views, {width}x{height} pixels, "
        f"{edges} scored edge pixels. Definitions: [docs/metrics.md](docs/metrics.md). Rows `truth` are the true depth "
        f"itself and the true depth averaged over 3x3 pixels.\n"
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="weights of the mixture network")
    parser.add_argument("--preset", default="mda_mini", help="its preset")
    parser.add_argument("--baseline", type=Path, help="weights of the single-depth baseline")
    parser.add_argument("--baseline-preset", default="mda_mini_single", help="its preset")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--size", default="192x256", help="height x width")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="seed of the first clip")
    parser.add_argument("--blur", type=int, nargs="+", default=[1, 2, 4, 8], help="blur factors; 1 is clean")
    parser.add_argument("--decoders", nargs="+", choices=[d.value for d in Decoder], default=[d.value for d in Decoder])
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/quality.json"))
    parser.add_argument("--readme", type=Path, help="file to put the tables into, between its markers")
    parser.add_argument("--figure", type=Path, help="picture of flying points to draw (see flying_points_figure.py)")
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings of the parsed command line."""
    height, width = (int(part) for part in options.size.lower().split("x"))
    models = [(options.preset, options.preset, options.weights)]
    if options.baseline is not None:
        models.append((options.baseline_preset, options.baseline_preset, options.baseline))
    return Settings(
        models=tuple(models),
        seed=options.seed,
        views=options.views,
        image_hw=(height, width),
        factors=tuple(options.blur),
        decoders=tuple(Decoder(decoder) for decoder in options.decoders),
        threads=options.threads,
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmark."""
    options = parse(arguments)
    settings = settings_of(options)
    start = perf_counter()
    summaries = summarise(score_clips(settings, options.clips, options.workers))
    facts = provenance(settings, options.clips, perf_counter() - start)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    report = {**facts, "summaries": json.loads(to_json(summaries))}
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    text = heading(facts, summaries) + "\n" + quality_tables(summaries)
    print(text)
    if options.readme is not None:
        replace_between_markers(options.readme, "quality", text)
    if options.figure is not None:
        from flying_points_figure import draw  # noqa: PLC0415 - needed for this option only

        clips = (render_clip(settings.seed + i, views=1, image_hw=settings.image_hw) for i in range(options.clips))
        draw(load_predictors(settings), clips, options.figure)


if __name__ == "__main__":
    main()
