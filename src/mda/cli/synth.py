"""`mda synth`: procedural scenes with exact ground truth."""

import argparse
import time
from pathlib import Path

from mda.cli.messages import amount, progress_bar
from mda.errors import ConfigError

HELP = "make procedural scenes with exact ground truth"
DESCRIPTION = """Make clips of procedural scenes: images with exact depth, cameras, sky and depth edges.

  mda synth scenes --clips 10 --views 4 --size 240x320 --seed 7

The same seed gives the same scenes. A finished clip is not made again, so a stopped
command goes on where it stopped. Try: mda predict scenes/*/color"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that receives one folder per clip")
    parser.add_argument("--clips", type=int, default=10, metavar="N", help="number of clips; default 10")
    parser.add_argument("--views", type=int, default=4, metavar="N", help="views of a clip; default 4")
    parser.add_argument(
        "--size", type=_size, default=(240, 320), metavar="HxW", help="height and width of the views; default 240x320"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the first clip, the others follow; default 0"
    )
    parser.add_argument("--workers", type=int, default=None, metavar="N", help="processes; default: one per core")


def run(arguments: argparse.Namespace) -> int:
    """Make the clips.

    Raises:
        MdaError: a setting cannot work, or the folder cannot be written to.
    """
    for name, value in (
        ("--clips", arguments.clips),
        ("--views", arguments.views),
        ("--workers", arguments.workers or 1),
    ):
        if value < 1:
            message = f"{name} must be at least 1, found {value}."
            raise ConfigError(message)
    from mda.synthetic import write_scenes  # noqa: PLC0415 - compiles its renderer at import

    since = time.perf_counter()
    with progress_bar(arguments.clips, "clip", "synth") as bar:
        write_scenes(
            arguments.out,
            clips=arguments.clips,
            views=arguments.views,
            image_hw=arguments.size,
            seed=arguments.seed,
            workers=arguments.workers,
            on_progress=bar.update,
        )
    seconds = time.perf_counter() - since
    height, width = arguments.size
    what = f"{amount(arguments.clips, 'clip')} of {amount(arguments.views, 'view')}, {width} x {height} pixels"
    print(f"{what}, in {seconds:.1f} s: {arguments.out}")
    print(f"Try: mda predict {arguments.out}/*/color")
    return 0


def _size(text: str) -> tuple[int, int]:
    """Height and width from text like 240x320."""
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) > 0 and int(width) > 0):
        message = f"{text!r} is not a size; expected HEIGHTxWIDTH, e.g. 240x320"
        raise argparse.ArgumentTypeError(message)
    return int(height), int(width)
