"""`mda evaluate boundary`: clouds of edge pixels on NRGBD, 7Scenes and HiRoom."""

import argparse
from typing import TYPE_CHECKING

from mda.cli.arguments import whole_number

if TYPE_CHECKING:
    from mda.evaluation.benchmark import Benchmark

HELP = "boundary quality of point clouds: NRGBD, 7Scenes, HiRoom, clean and blurred"
DESCRIPTION = """Accuracy, completeness, Chamfer distance and normal consistency of the points at depth
edges, on NRGBD, 7Scenes and HiRoom; of all points, too; and of blurred images.

  mda evaluate boundary --data benchmarks/ --model mda_mog_sky_l2 --masks pooled --datasets nrgbd"""

# As in mda.evaluation.edge_masks and mda.evaluation.boundary, which bring torch along.
MASKS = ("all", "pooled", "per_view", "blur")
FACTORS = (1, 2, 4, 8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this benchmark alone."""
    add = parser.add_argument
    masks = f"which points: {', '.join(MASKS)}; default: all four, which docs/evaluation.md explains"
    add("--masks", nargs="+", choices=MASKS, default=MASKS, metavar="NAME", help=masks)
    blur = "blur factors of the mask `blur`; default: 1 2 4 8, and 1 is without blur"
    add("--blur", nargs="+", type=whole_number, default=FACTORS, metavar="N", help=blur)


def benchmark(arguments: argparse.Namespace) -> "Benchmark":
    """The benchmark as asked for."""
    from mda.evaluation.boundary import boundary  # noqa: PLC0415 - torch takes a second to import

    return boundary(protocol=arguments.protocol, masks=arguments.masks, factors=arguments.blur)
