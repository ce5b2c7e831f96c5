"""`mda compare`: two runs of the same pictures side by side."""

import argparse
from pathlib import Path

from mda.cli.arguments import whole_number

HELP = "two runs of the same pictures side by side"
DEFAULT_ROOT = Path("eval_results/compare")
DESCRIPTION = f"""Compare two runs of the same pictures: depth, edges, clouds from beside, and numbers.

  mda compare RUN_A RUN_B              {DEFAULT_ROOT}/<A>_<B>/compare.png, .html and .json
  mda compare RUN_A RUN_B --views 5    more views

No ground truth is needed. Depth of the second run is brought to the scale of the first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("first", metavar="RUN_A", type=Path, help="folder of a run")
    add("second", metavar="RUN_B", type=Path, help="folder of another run of the same pictures")
    add("--out", metavar="DIR", type=Path, help=f"folder to write to; default: {DEFAULT_ROOT}/<A>_<B>")
    add("--views", metavar="N", type=whole_number, default=3, help="how many views to show; default: 3")
    add("--crops", metavar="N", type=whole_number, default=2, help="edge crops of each view; default: 2")
    add("--overwrite", action="store_true", help="replace an earlier sheet")


def run(arguments: argparse.Namespace) -> int:
    """Write the sheet and print its numbers.

    Raises:
        MdaError: a run cannot be read, they have no view in common, or the sheet cannot be written.
    """
    from mda.evaluation.compare import Comparison  # noqa: PLC0415 - imports torch
    from mda.evaluation.compare_sheet import PNG_FILE, CompareSettings, write_comparison  # noqa: PLC0415
    from mda.io.run import load_run  # noqa: PLC0415

    first, second = load_run(arguments.first), load_run(arguments.second)
    names = [_name(path) for path in (arguments.first, arguments.second)]
    folder = arguments.out or DEFAULT_ROOT / "_".join(names)
    settings = CompareSettings(views=arguments.views, crops=arguments.crops)
    lines = write_comparison(Comparison(first, second), folder, settings, overwrite=arguments.overwrite)
    for line in lines:
        print("".join(f"{part:44}" if i == 0 else f"{part:24}" for i, part in enumerate(line.split("\t"))).rstrip())
    print(f"\nSheet: {folder / PNG_FILE} (and .html, .json)")
    return 0


def _name(path: Path) -> str:
    """Name of a run's folder."""
    return path.resolve().name
