"""Quality of `mda_mini` and its single-depth baseline on held-out procedural clips, clean and blurred.

    python benchmarks/quality.py --baseline mda_mini_single.safetensors --remedies --figures docs/images

The clips are a fixed set: `BENCHMARK_VERSION` and the seed of the first clip say which, so anybody regenerates them.
The fingerprint of the first one is kept with the results.

Writes a JSON file with every metric, its standard error and counts (defined in docs/metrics.md), prints Markdown
tables and, if asked, puts them between `<!-- quality:begin -->` and `<!-- quality:end -->` of a README. The numbers
depend on the arguments alone, not on the number of workers.
"""

import argparse
import hashlib
import json
import math
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
from typing import Any

import numpy as np
import scipy
import torch
from tqdm import tqdm

import mda
from mda.data.source import SceneClip
from mda.errors import ConfigError
from mda.evaluation.procedural import REMEDIES, Predictor, evaluate, evaluate_glass, network_predictor
from mda.evaluation.results import Row, Statistic, Summary, summarise, to_json
from mda.evaluation.tables import quality_tables, replace_between_markers
from mda.inference.loading import find_weights
from mda.mixtures import Decoder
from mda.models import DepthNetwork, loading
from mda.models.presets import find_preset
from mda.synthetic import RenderOptions, render_clip

# Goes up whenever the scenes of a seed or the definition of a number change, so that results of two versions are not
# compared.
BENCHMARK_VERSION = 1
# Seeds from here on are neither training (10 000 000 on) nor validation seeds (1 000 000 on).
FIRST_SEED = 2_000_000
# Clips with panes of glass have seeds of their own.
FIRST_GLASS_SEED, PANES = 2_500_000, 2


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
        remedies: also score filters.
        glass: number of clips with panes of glass, scored besides.
    """

    models: tuple[tuple[str, str, Path], ...]
    seed: int
    views: int
    image_hw: tuple[int, int]
    factors: tuple[int, ...]
    decoders: tuple[Decoder, ...]
    threads: int
    remedies: bool = False
    glass: int = 0


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
    """Rows of the clip of the given number, and of the one with glass of that number if there is one."""
    clip = render_clip(settings.seed + index, views=settings.views, image_hw=settings.image_hw)
    remedies = REMEDIES if settings.remedies else ()
    rows = list(evaluate(predictors, [clip], factors=settings.factors, remedies=remedies))
    if index < settings.glass:
        options, seed = RenderOptions(glass=PANES), FIRST_GLASS_SEED + index
        panes = render_clip(seed, views=settings.views, image_hw=settings.image_hw, options=options)
        rows += evaluate_glass(predictors, [panes])
    return rows


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


def provenance(settings: Settings, clips: int, seconds: float) -> dict[str, Any]:
    """Everything needed to run this again and to judge the numbers."""
    first = render_clip(settings.seed, views=settings.views, image_hw=settings.image_hw)
    return {
        "benchmark": {"name": "procedural", "version": BENCHMARK_VERSION, "first_clip": fingerprint(first)},
        "command": shlex.join(["python", *sys.argv]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "clips": clips,
        "first_seed": settings.seed,
        "views": settings.views,
        "image_hw": settings.image_hw,
        "blur_factors": settings.factors,
        "glass": {"clips": settings.glass, "panes": PANES, "first_seed": FIRST_GLASS_SEED},
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


def fingerprint(clip: SceneClip) -> str:
    """Tells whether two machines render the same clip: its edges, skies, and depths to three digits."""
    digest = hashlib.sha256()
    for part in (clip.edge, clip.sky, clip.valid):
        digest.update(np.packbits(part).tobytes())
    digest.update(np.round(np.log(np.where(clip.valid, clip.depth, 1.0)) * 1000).astype(np.int32).tobytes())
    return digest.hexdigest()[:16]


def processor() -> str:
    """Name of the processor as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


# What must be the same for two measurements to stand in one table.
_SAME = ("clips", "first_seed", "views", "image_hw", "blur_factors")


def earlier_baseline(path: Path, facts: dict[str, Any], model: str) -> list[dict[str, Any]]:
    """Summaries of the baseline from earlier results, if these are of the same clips; else none."""
    if not path.is_file():
        return []
    earlier = json.loads(path.read_text(encoding="utf-8"))
    version = earlier.get("benchmark", {}).get("version", BENCHMARK_VERSION)
    alike = all(list_or_value(earlier.get(name)) == list_or_value(facts[name]) for name in _SAME)
    if not alike or version != BENCHMARK_VERSION:
        return []
    return [summary for summary in earlier["summaries"] if summary["model"] == model]


def list_or_value(value: object) -> object:
    """A value as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def summary_of(content: dict[str, Any]) -> Summary:
    """A summary from what `to_json` wrote of it."""
    metrics = {
        name: Statistic(**{key: math.nan if value is None else value for key, value in numbers.items()})
        for name, numbers in content["metrics"].items()
    }
    return Summary(
        model=content["model"],
        factor=content["factor"],
        decoder=content["decoder"],
        metrics=metrics,
        remedy=content.get("remedy"),
    )


def heading(facts: dict[str, Any], summaries: tuple[Summary, ...]) -> str:
    """One paragraph above the tables."""
    edges = next((s.metrics["flying_true_surfaces_scale_aligned"].count for s in summaries if s.decoder), 0)
    height, width = facts["image_hw"]
    return (
        f"{facts['clips']} held-out procedural clips of {facts['views']} views, {width}x{height} pixels, "
        f"{edges} scored edge pixels. Definitions: [docs/metrics.md](docs/metrics.md). Rows `truth` are the true depth "
        f"itself and the true depth averaged over 3x3 pixels.\n"
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="weights of the mixture network; those in the package by default")
    parser.add_argument("--preset", default="mda_mini", help="its preset")
    baseline = "weights of the single-depth baseline; without them its rows are kept from --out, if made the same way"
    parser.add_argument("--baseline", type=Path, help=baseline)
    parser.add_argument("--baseline-preset", default="mda_mini_single", help="its preset")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--size", default="192x256", help="height x width")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="seed of the first clip")
    parser.add_argument("--blur", type=int, nargs="+", default=[1, 2, 4, 8], help="blur factors; 1 is clean")
    decoders = (
        "decoders of the mixture; by default all, the model's own first: it is the one that is filtered and drawn"
    )
    parser.add_argument("--decoders", nargs="+", choices=[d.value for d in Decoder], help=decoders)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/quality.json"))
    parser.add_argument("--readme", type=Path, help="file to put the tables into, between its markers")
    parser.add_argument("--remedies", action="store_true", help="also filters of confidence and of depth jumps")
    parser.add_argument("--glass", type=int, default=0, help="clips with panes of glass besides, at most --clips")
    parser.add_argument("--figures", type=Path, help="folder for curves over blur and coverage")
    parser.add_argument("--figure", type=Path, help="picture of flying points to draw (see flying_points_figure.py)")
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings of the parsed command line."""
    height, width = (int(part) for part in options.size.lower().split("x"))
    preset = find_preset(options.preset)
    weights = options.weights or find_weights(preset)
    if weights is None:
        message = f"There are no weights of {options.preset} on this machine; pass them with --weights FILE."
        raise ConfigError(message)
    models = [(options.preset, options.preset, weights)]
    if options.baseline is not None and options.baseline.is_file():
        models.append((options.baseline_preset, options.baseline_preset, options.baseline))
    return Settings(
        models=tuple(models),
        seed=options.seed,
        views=options.views,
        image_hw=(height, width),
        factors=tuple(options.blur),
        decoders=tuple(map(Decoder, options.decoders or dict.fromkeys((preset.decoder, *Decoder)))),
        threads=options.threads,
        remedies=options.remedies,
        glass=min(options.glass, options.clips),
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
    if options.baseline_preset not in {name for name, _, _ in settings.models}:
        earlier = earlier_baseline(options.out, facts, options.baseline_preset)
        told = "its rows are kept from the earlier results" if earlier else "it has no rows"
        message = f"No weights of the baseline {options.baseline_preset} ({options.baseline or '--baseline'}): {told}."
        print(message, file=sys.stderr)
        summaries = (*summaries, *map(summary_of, earlier))
        report["summaries"] += earlier
        report["baseline_of"] = "an earlier measurement" if earlier else None
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    text = heading(facts, summaries) + "\n" + quality_tables(summaries)
    print(text)
    if options.readme is not None:
        replace_between_markers(options.readme, "quality", text)
    if options.figure is not None and len(settings.models) < 2:
        print(f"{options.figure} is kept: it compares with the baseline.", file=sys.stderr)
    elif options.figure is not None:
        from flying_points_figure import draw  # noqa: PLC0415 - needed for this option only

        clips = (render_clip(settings.seed + i, views=1, image_hw=settings.image_hw) for i in range(options.clips))
        draw(load_predictors(settings), clips, options.figure)
    if options.figures is not None:
        from quality_figures import draw_curves  # noqa: PLC0415 - needs matplotlib

        draw_curves(summaries, options.figures)


if __name__ == "__main__":
    main()
