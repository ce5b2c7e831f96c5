"""`mda evaluate calibration`: whether densities and confidences mean what they say."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mda.evaluation.benchmark import Benchmark

HELP = "do densities, confidences and sky mean what they say? Likelihood, quantiles, intervals, sparsification"
DESCRIPTION = """Likelihood, CRPS, quantiles and intervals of the densities, sparsification by each
confidence, and sky masks; before and after the widths of all densities are multiplied
by one factor, which is fitted on other scenes than those it is judged on.

  mda evaluate calibration --data benchmarks/ --model mda_mini --datasets ibims,diode

The factor of all scenes is the one to use: mda predict ... --recalibration FACTOR"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This benchmark has no arguments of its own."""


def benchmark(arguments: argparse.Namespace) -> "Benchmark":
    """The benchmark."""
    from mda.evaluation.calibration import calibration  # noqa: PLC0415 - torch takes a second to import

    return calibration(protocol=arguments.protocol)
