"""`mda synth`: procedural scenes with exact ground truth."""

import argparse
import os
import time
from pathlib import Path

from mda.cli.arguments import height_and_width, whole_number
from mda.cli.messages import amount, progress_bar

HELP = "make procedural scenes with exact ground truth"
DESCRIPTION = """Make clips of procedural scenes: images with exact depth, cameras, sky and depth edges.

  mda synth scenes --clips 10 --views 4 --size 240x320 --seed 7

The same seed gives the same scenes. A finished clip is not made again, so a stopped
command goes on where it stopped. Try: mda predict scenes/*/color"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="folder that receives one folder per clip")
    add("--clips", type=whole_number, default=10, metavar="N", help="number of clips; default 10")
    add("--views", type=whole_number, default=4, metavar="N", help="views of a clip; default 4")
    size = "height and width of the views; default 240x320"
    add("--size", type=height_and_width, default=(240, 320), metavar="HxW", help=size)
    add("--seed", type=int, default=0, metavar="N", help="seed of the first clip, the others follow; default 0")
    add("--family", metavar="NAME", help="kind of scene; default: any")
    add("--camera-effects", action="store_true", help="blur, noise and JPEG of ordinary cameras; depth stays exact")
    add("--glass", type=int, default=0, metavar="N", help="panes of glass in front; both layers are written; default 0")
    add("--workers", type=whole_number, metavar="N", help="processes; default: one per core")


def run(arguments: argparse.Namespace) -> int:
    """Make the clips.

    Raises:
        MdaError: a setting cannot work, or the folder cannot be written to.
    """
    from mda.synthetic import CAMERA_EFFECTS, Effects, RenderOptions, write_scenes  # noqa: PLC0415 - a compiler

    effects = CAMERA_EFFECTS if arguments.camera_effects else Effects()
    options = RenderOptions(family=arguments.family, effects=effects, glass=arguments.glass)
    since = time.perf_counter()
    with progress_bar(arguments.clips, "clip", "synth") as bar:

        def show(done: int, _: int) -> None:
            bar.update(done - bar.n)

        try:
            write_scenes(
                arguments.out,
                clips=arguments.clips,
                views=arguments.views,
                image_hw=arguments.size,
                seed=arguments.seed,
                workers=arguments.workers or os.cpu_count() or 1,
                options=options,
                progress=show,
            )
        except KeyboardInterrupt as stop:
            message = f"Interrupted. Finished clips are kept in {arguments.out}; the same command goes on from there."
            raise KeyboardInterrupt(message) from stop
    seconds = time.perf_counter() - since
    height, width = arguments.size
    what = f"{amount(arguments.clips, 'clip')} of {amount(arguments.views, 'view')}, {width} x {height} pixels"
    print(f"{what}, in {seconds:.1f} s: {arguments.out}")
    print(f"Try: mda predict {arguments.out}/*/color")
    return 0
