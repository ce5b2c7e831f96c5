"""`mda evaluate`: predictions of any model against ground truth, by published rules."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mda.cli import evaluate_boundary, evaluate_calibration, evaluate_flying_points, evaluate_video_depth
from mda.cli.arguments import whole_number
from mda.cli.messages import amount, progress_bar
from mda.errors import InputError

if TYPE_CHECKING:
    from mda.evaluation.benchmark import Benchmark, FoundDataset
    from mda.evaluation.predicting import SceneModel
    from mda.evaluation.scores import SceneScores

_LOGGER = logging.getLogger(__name__)

HELP = "score a model, or anybody's predictions, against ground truth"
DESCRIPTION = """Score a model, or predictions of any program, on a benchmark.

  mda evaluate video-depth --data benchmarks/ --model mda_mog_sky_l2
  mda evaluate video-depth --data benchmarks/ --model mine --predictions depths/

First the model looks at every scene and its predictions are kept as runs, then they
are scored. Of other programs, DIR/<data set>/<scene>.npz with an array `depth` will
do. A stopped command goes on where it stopped. docs/evaluation.md tells how to get
the data, and what each number means."""

DEFAULT_ROOT = Path("eval_results/evaluate")
# One line per benchmark: a module with HELP, DESCRIPTION, add_arguments(parser) and benchmark(arguments) -> Benchmark.
# The modules must be cheap to import.
_BENCHMARKS = {
    "boundary": evaluate_boundary,
    "video-depth": evaluate_video_depth,
    "flying-points": evaluate_flying_points,
    "calibration": evaluate_calibration,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    shared = type(parser)(add_help=False)
    _add_shared(shared)
    kinds = parser.add_subparsers(dest="protocol_name", metavar="BENCHMARK", required=True, parser_class=type(parser))
    for name, module in _BENCHMARKS.items():
        kind = kinds.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            parents=[shared],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(kind)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="folder of the data sets, or of one of them")
    add("--model", metavar="NAME", help="see `mda models`, or a weights file; with --predictions: what to call them")
    add("--checkpoint", type=Path, metavar="FILE", help="weights file for the named model")
    add("--commercial", action="store_true", help="refuse weights that may not be used commercially")
    predictions = "score these instead of predicting: runs or .npz files, DIR/<data set>/<scene>[.npz]"
    add("--predictions", type=Path, metavar="DIR", help=predictions)
    add("--out", type=Path, metavar="DIR", help=f"default: {DEFAULT_ROOT}/<benchmark>/<model>/<protocol>")
    add("--datasets", metavar="A,B", help="only these; default: all that are there")
    add("--scenes", metavar="TEXT", help="only scenes whose name holds this text (marks results as incomplete)")
    add("--partial", action="store_true", help="accept incomplete data sets (marks results as incomplete)")
    add("--shard", type=_shard, metavar="K/N", help="only the k-th of n parts; the same without it then joins them")
    add("--protocol", choices=("published", "corrected"), default="published", help="rules to score by; published")
    add("--size", type=whole_number, metavar="PIXELS", help="longer side of the views; default: the model's own")
    add("--decoder", metavar="NAME", help="how a depth is chosen from the density; default: the model's own")
    views = "views looked at together; longer scenes go in windows; default: all, as published"
    add("--max-views", type=whole_number, metavar="N", help=views)
    add("--workers", type=whole_number, default=2, metavar="N", help="scenes scored at the same time; default 2")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps; default: the best there is")


def run(arguments: argparse.Namespace) -> int:
    """Predict, score and report.

    Raises:
        MdaError: data, model or predictions cannot be used, or results cannot be written.
    """
    from mda.evaluation.benchmark import ViewSize, find_datasets  # noqa: PLC0415 - torch takes a second to import
    from mda.evaluation.report import MARKDOWN_FILE, Report  # noqa: PLC0415

    benchmark = _chosen(_BENCHMARKS[arguments.protocol_name].benchmark(arguments), arguments.datasets)
    foreign: Path | None = arguments.predictions
    model = _model(arguments) if foreign is None else None
    size = ViewSize(long_side=arguments.size or ViewSize().long_side) if model is None else model.view_size
    found = find_datasets(benchmark, arguments.data, size, partial=arguments.partial or arguments.scenes is not None)
    name = str(arguments.model or (foreign and foreign.resolve().name)) if model is None else model.name
    out = arguments.out or DEFAULT_ROOT / benchmark.name / Path(name).name / benchmark.protocol
    scores = _scores(benchmark, found, model, name, out, arguments)
    report = Report(
        benchmark=benchmark,
        model=name,
        found=found,
        scores=scores,
        command=arguments.command_line,
        about={} if model is None else model.identity,
    )
    report.write(out)
    print(report.markdown())
    for present in found:
        print(f"{present.dataset.name}: {amount(len(present.scenes), 'scene')}, {amount(present.frames, 'frame')}")
    if not report.complete:
        _LOGGER.warning("Not all data sets and scenes of %s are in these numbers.", benchmark.name)
    print(f"Results, tables and plot: {out} (look at {MARKDOWN_FILE})")
    return 0


def _scores(
    benchmark: "Benchmark",
    found: "Sequence[FoundDataset]",
    model: "SceneModel | None",
    name: str,
    out: Path,
    arguments: argparse.Namespace,
) -> "list[SceneScores]":
    """Both loops."""
    from mda.evaluation.predicting import predict_scenes  # noqa: PLC0415
    from mda.evaluation.scoring import score_scenes, shard_of  # noqa: PLC0415

    scenes = [scene for present in found for scene in present.scenes if (arguments.scenes or "") in scene.name]
    if not scenes:
        message = f"No scene of {arguments.data} has {arguments.scenes!r} in its name; leave out --scenes to see all."
        raise InputError(message)
    scenes = shard_of(scenes, arguments.shard) if arguments.shard else scenes
    total = len(scenes) * len(benchmark.variants)
    predictions = arguments.predictions
    try:
        if model is not None:
            # Both protocols score the same predictions.
            predictions = (out.parent if arguments.out is None else out) / "predictions"
            with progress_bar(total, "scene", "predict") as bar:
                predict_scenes(
                    benchmark, scenes, model, predictions, command=arguments.command_line, on_scene=bar.update
                )
        with progress_bar(total, "scene", "score") as bar:
            options = {"model": name, "workers": arguments.workers, "on_scene": bar.update}
            return score_scenes(benchmark, scenes, predictions, out, **options)
    except KeyboardInterrupt as stop:
        message = f"Interrupted. What is done is kept in {out}; the same command goes on from there."
        raise KeyboardInterrupt(message) from stop


def _model(arguments: argparse.Namespace) -> "SceneModel":
    from mda.evaluation.predicting import NetworkModel  # noqa: PLC0415
    from mda.inference import load  # noqa: PLC0415

    if arguments.model is None:
        message = "Name a model with --model (see `mda models`), or predictions to score with --predictions."
        raise InputError(message)
    options = {"checkpoint": arguments.checkpoint, "device": arguments.device, "commercial": arguments.commercial}
    predictor = load(arguments.model, **options)
    decoder = None if arguments.decoder is None else predictor.decoder(arguments.decoder)
    return NetworkModel(predictor=predictor, decoder=decoder, max_views=arguments.max_views, size=arguments.size)


def _chosen(benchmark: "Benchmark", names: str | None) -> "Benchmark":
    """The benchmark with the named data sets only."""
    from dataclasses import replace  # noqa: PLC0415

    if names is None:
        return benchmark
    known = {dataset.name: dataset for dataset in benchmark.datasets}
    wanted = names.split(",")
    unknown = [name for name in wanted if name not in known]
    if unknown:
        message = f"{benchmark.name} has no data set {unknown[0]!r}; choose among {', '.join(known)}."
        raise InputError(message)
    return replace(benchmark, datasets=[known[name] for name in wanted])


def _shard(text: str) -> tuple[int, int]:
    part, separator, parts = text.partition("/")
    if not (separator and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        message = f"{text!r} is not a part; expected K/N, e.g. 1/4"
        raise argparse.ArgumentTypeError(message)
    return int(part), int(parts)
