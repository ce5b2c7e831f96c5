"""`mda evaluate flying-points`: edge metrics at equal coverage."""

import argparse
from typing import TYPE_CHECKING

from mda.cli.arguments import share

if TYPE_CHECKING:
    from mda.evaluation.benchmark import Benchmark

HELP = "flying points and every other edge metric, at equal coverage: iBims-1, Sintel, DIODE, synthetic sources"
DESCRIPTION = """Flying points, wrong sides, and the edge metrics of others (Depth Pro, MoGe, SMD-Nets,
iBims-1, thin structures), unfiltered and after leaving out the least confident pixels.

  mda evaluate flying-points --data benchmarks/ --model mda_mini --datasets ibims,sintel
  mda evaluate flying-points --data benchmarks/ --predictions theirs/ --model theirs"""

# As in mda.evaluation.scene_frames and mda.metrics.coverage, which are not imported here because they bring torch.
CONFIDENCES = ("confidence", "smoothness", "mass", "std", "entropy")
COVERAGES = (1.0, 0.97, 0.95, 0.9, 0.8, 0.7, 0.5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this benchmark alone."""
    by = "confidences to filter by, so far as a prediction has them; default: confidence smoothness"
    parser.add_argument("--by", nargs="+", choices=CONFIDENCES, default=CONFIDENCES[:2], metavar="NAME", help=by)
    kept = f"shares of pixels that are kept; default: {' '.join(f'{value:g}' for value in COVERAGES)}"
    parser.add_argument("--coverage", nargs="+", type=share, default=COVERAGES, metavar="C", help=kept)


def benchmark(arguments: argparse.Namespace) -> "Benchmark":
    """The benchmark as asked for."""
    from mda.evaluation.flying_points import flying_points  # noqa: PLC0415 - torch takes a second to import

    return flying_points(
        protocol=arguments.protocol, confidences=tuple(arguments.by), coverages=tuple(arguments.coverage)
    )
