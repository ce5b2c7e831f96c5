"""`mda evaluate video-depth`: depth errors on Sintel, Bonn, KITTI, DIODE and NYU."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mda.evaluation.benchmark import Benchmark

HELP = "depth errors of videos and images: Sintel, Bonn, KITTI, DIODE, NYU"
DESCRIPTION = """Depth errors on Sintel (all 23 sequences, and the usual 14), Bonn, KITTI, DIODE (each
image alone, and each scan together) and NYU, after each of several alignments per
sequence.

  mda evaluate video-depth --data benchmarks/ --model mda_mog_sky_l2 --datasets sintel,bonn"""

# As in mda.evaluation.alignment, which is not imported here because it brings torch along.
ALIGNMENTS = ("metric", "scale", "scale&shift", "median", "lstsq")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this benchmark alone."""
    default = ALIGNMENTS[:4]
    help_text = f"alignments before scoring; default: {' '.join(default)}"
    parser.add_argument("--align", nargs="+", choices=ALIGNMENTS, default=default, metavar="NAME", help=help_text)


def benchmark(arguments: argparse.Namespace) -> "Benchmark":
    """The benchmark as asked for."""
    from mda.evaluation.video_depth import video_depth  # noqa: PLC0415 - torch takes a second to import

    return video_depth(protocol=arguments.protocol, alignments=arguments.align)
