"""`mda data`: data sets with ground truth: which can be read, and whether a download is whole."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mda.cli.arguments import whole_number
from mda.cli.messages import amount, progress_bar

if TYPE_CHECKING:
    from mda.data.check import CheckReport
    from mda.data.contract import OpenedSource, SourceInfo

HELP = "check a download of a data set, and list those that can be read"
DESCRIPTION = """Data sets for training and evaluation.

  mda data list                                   which there are, licence and link
  mda data check ROOT --source tartanair          is it whole? what does it look like?

`check` looks for every file, reads frames from all scenes, compares depth with cameras, says
what is missing and draws a contact sheet. Exit code 1 if something is missing or broken."""
_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="which data sets can be read")
    check = actions.add_parser("check", help="whether a download is whole")
    add = check.add_argument
    add("root", type=Path, metavar="ROOT", help="folder of the data set")
    add("--source", required=True, metavar="NAME", help="which data set; see `mda data list`")
    add("--layout", metavar="NAME", help="how it lies on disk: published or original; default: found out")
    add("--split", metavar="NAME", help="which part; default: all")
    add("--frames", type=whole_number, default=200, metavar="N", help="frames to read, evenly; default 200")
    add("--all", action="store_true", help="read every frame")
    add("--out", type=Path, metavar="PNG", help="contact sheet; default data_check/NAME.png")
    add("--overwrite", action="store_true", help="replace an existing contact sheet")
    for action in (parser, *actions.choices.values()):
        action.formatter_class = argparse.RawDescriptionHelpFormatter


def run(arguments: argparse.Namespace) -> int:
    """List or check.

    Raises:
        MdaError: there is no such data set, or nothing of it in the folder.
    """
    return _list() if arguments.action == "list" else _check(arguments)


def _list() -> int:
    width = max(map(len, _sources()))
    for info in _sources().values():
        layouts = ", ".join(layout.name for layout in info.layouts)
        print(f"{info.name:{width}}  {info.title}; {info.licence}; layouts: {layouts}; {info.link}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from mda.data.check import check_source  # noqa: PLC0415 - imports numpy and torch
    from mda.data.contract import open_source  # noqa: PLC0415
    from mda.data.sheet import draw_sheet  # noqa: PLC0415
    from mda.errors import ConfigError, OutputError  # noqa: PLC0415
    from mda.io.atomic import make_folder  # noqa: PLC0415
    from mda.io.images import write_png  # noqa: PLC0415

    sources = _sources()
    if arguments.source not in sources:
        message = f"There is no source {arguments.source!r}; the sources are {', '.join(sources)}."
        raise ConfigError(message)
    info = sources[arguments.source]
    sheet = arguments.out or Path("data_check") / f"{info.name}.png"
    if sheet.exists() and not arguments.overwrite:
        message = f"{sheet} exists; give --overwrite to replace it, or another --out."
        raise OutputError(message)
    source = open_source(info, arguments.root, layout=arguments.layout, split=arguments.split)
    frames = None if arguments.all else arguments.frames
    with progress_bar(min(frames or source.num_frames, source.num_frames), "frame", "check") as bar:
        report = check_source(source, frames=frames, progress=bar.update)
    _print(source, report)
    if report.examples:
        make_folder(sheet.parent)
        write_png(sheet, draw_sheet(report, title=info.title, unit=info.unit))
        print(f"contact sheet: {sheet}")
    return 0 if report.whole else 1


def _print(source: "OpenedSource", report: "CheckReport") -> None:
    info = source.info
    print(
        f"{info.title}, {source.layout.name} layout: {amount(report.frames, 'frame')}, {amount(report.scenes, 'scene')}"
    )
    sizes = ", ".join(f"{w} x {h} ({count})" for (h, w), count in sorted(report.sizes.items()))
    print(f"read {amount(report.read, 'frame')}: {sizes or 'none was usable'}")
    if report.depth_range is not None:
        low, middle, high = report.depth_range
        print(f"depth: {low:.3g} to {high:.3g} {info.unit}, median {middle:.3g}; known at {report.valid:.0%} of pixels")
    print(f"sky: {report.sky:.0%} sky, {report.unknown_sky:.0%} unknown ({info.sky})")
    if report.agreement is not None:
        told = f"{report.agreement:.0%} of points agree within 5 % with the next frame ({amount(report.pairs, 'pair')})"
        print(f"cameras against depth: {told}")
    _print_some(report.missing, "missing file")
    _print_some(report.broken, "broken frame")
    print("whole" if report.whole else "not whole: frames with missing files and broken frames are left out")


def _print_some(lines: Sequence[str], noun: str) -> None:
    if lines:
        print(f"{amount(len(lines), noun)}:")
        for line in lines[:_SHOWN]:
            print(f"  {line}")
        if len(lines) > _SHOWN:
            print(f"  and {len(lines) - _SHOWN:,} more")


def _sources() -> "dict[str, SourceInfo]":
    """All data sets by name; those of training, then those of evaluation."""
    from mda.data.sources import SOURCES  # noqa: PLC0415 - imports numpy and torch

    return dict(SOURCES)
