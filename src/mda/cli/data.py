"""`mda data`: data sets with ground truth: which can be read, whether a download is whole, and smaller copies."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mda.cli.arguments import whole_number
from mda.cli.messages import amount, progress_bar

if TYPE_CHECKING:
    from mda.data.check import CheckReport
    from mda.data.contract import OpenedSource, SourceInfo
    from mda.evaluation.benchmark import Dataset

HELP = "list, check and pack data sets for training"
DESCRIPTION = """Data sets for training and evaluation.

  mda data list                                   which there are, licence and link
  mda data check ROOT --source tartanair          is it whole? what does it look like?
  mda data pack ROOT OUT --source tartanair       a small copy in a few large archives
  mda data index FOLDER                           what is where in archives, for reading them from afar

`check` looks for every file, reads frames from all scenes, compares depth with cameras, says
what is missing and draws a contact sheet. Exit code 1 if something is missing or broken, or if
the cameras do not fit the depth."""
_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="which data sets can be read")
    check = actions.add_parser("check", help="whether a download is whole")
    add = check.add_argument
    _add_what(check)
    add("--frames", type=whole_number, default=200, metavar="N", help="frames to read, evenly; default 200")
    add("--all", action="store_true", help="read every frame")
    add("--out", type=Path, metavar="PNG", help="contact sheet; default data_check/NAME.png")
    add("--overwrite", action="store_true", help="replace an existing contact sheet")
    pack = actions.add_parser("pack", help="a smaller copy as WebDataset archives")
    _add_what(pack)
    add = pack.add_argument
    add("out", type=Path, metavar="OUT", help="folder for the archives")
    add("--long-side", type=whole_number, default=640, metavar="N", help="shrink pictures to this; default 640")
    add("--full-size", action="store_true", help="keep the size of the pictures")
    add("--shard-mb", type=whole_number, default=1000, metavar="N", help="size of an archive; default 1000")
    add("--quality", type=whole_number, default=95, metavar="Q", help="of JPEG; 100 for PNG; default 95")
    index = actions.add_parser("index", help="an index of archives, so that they can be read from another machine")
    index.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the archives")
    for action in (parser, *actions.choices.values()):
        action.formatter_class = argparse.RawDescriptionHelpFormatter


def _add_what(parser: argparse.ArgumentParser) -> None:
    """Arguments that say which data set, and where it is."""
    add = parser.add_argument
    add("root", metavar="ROOT", help="folder of the data set, or URL of a folder of its archives")
    add("--source", required=True, metavar="NAME", help="which data set; see `mda data list`")
    add("--layout", metavar="NAME", help="how it lies on disk: published, original or packed; default: found out")
    add("--split", metavar="NAME", help="which part; default: all")


def run(arguments: argparse.Namespace) -> int:
    """List, check, pack or index; 1 if something is missing or broken, or cameras do not fit.

    Raises:
        MdaError: there is no such data set, or nothing of it in the folder, or a place cannot be written to.
    """
    actions = {"list": _list, "check": _check, "pack": _pack, "index": _index}
    return actions[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    del arguments
    width = max(map(len, _sources()))
    for info in _sources().values():
        layouts = ", ".join(layout.name for layout in info.layouts)
        print(f"{info.name:{width}}  {info.title}; {info.licence}; layouts: {layouts}; {info.link}")
    print("\nof `mda evaluate` (docs/evaluation.md):")
    for dataset in _benchmarks().values():
        print(f"{dataset.name:{width}}  {dataset.title}; {dataset.licence}; {dataset.link}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from mda.data.check import check_source  # noqa: PLC0415 - imports numpy and torch
    from mda.data.sheet import draw_sheet  # noqa: PLC0415
    from mda.io.atomic import make_folder  # noqa: PLC0415
    from mda.io.images import write_png  # noqa: PLC0415

    if arguments.source in _benchmarks():
        return _check_benchmark(arguments)
    info = _info(arguments.source)
    sheet = _sheet(arguments, info.name)
    source = _open(arguments, info)
    frames = None if arguments.all else arguments.frames
    with progress_bar(min(frames or source.num_frames, source.num_frames), "frame", "check") as bar:
        report = check_source(source, frames=frames, progress=bar.update)
    _print(source, report)
    if report.examples:
        make_folder(sheet.parent)
        write_png(sheet, draw_sheet(report, title=info.title, unit=info.unit))
        print(f"contact sheet: {sheet}")
    return 0 if report.whole and report.cameras_fit else 1


def _pack(arguments: argparse.Namespace) -> int:
    from mda.data.packed import pack_source  # noqa: PLC0415 - imports numpy and torch

    source = _open(arguments, _info(arguments.source))
    with progress_bar(source.num_frames, "frame", "pack") as bar:
        report = pack_source(
            source,
            arguments.out,
            long_side=None if arguments.full_size else arguments.long_side,
            shard_bytes=arguments.shard_mb * 1_000_000,
            quality=arguments.quality,
            progress=bar.update,
        )
    what = f"{amount(report.views, 'view')} of {amount(report.scenes, 'scene')}"
    print(f"{what} in {amount(len(report.shards), 'archive')}: {arguments.out}")
    _print_some(source.lacking, "missing or empty file")
    _print_some(report.broken, "broken frame")
    print(f"Try: mda data check {arguments.out} --source {arguments.source}")
    return 1 if report.broken or source.lacking else 0


def _index(arguments: argparse.Namespace) -> int:
    from mda.data.archives import write_index  # noqa: PLC0415 - with the package comes torch
    from mda.data.shards import INDEX_FILE  # noqa: PLC0415

    shards = write_index(arguments.folder)
    files = sum(len(shard.members) for shard in shards)
    print(f"{amount(files, 'file')} in {amount(len(shards), 'archive')}: {arguments.folder / INDEX_FILE}")
    return 0


def _info(name: str) -> "SourceInfo":
    from mda.errors import ConfigError  # noqa: PLC0415 - with the package comes torch

    sources = _sources()
    if name not in sources:
        message = f"There is no source {name!r}; the sources are {', '.join([*sources, *_benchmarks()])}."
        raise ConfigError(message)
    return sources[name]


def _open(arguments: argparse.Namespace, info: "SourceInfo") -> "OpenedSource":
    from mda.data.contract import open_source  # noqa: PLC0415 - imports numpy and torch
    from mda.data.packed import PackedLayout  # noqa: PLC0415

    return open_source(info, arguments.root, layout=arguments.layout, split=arguments.split, more=(PackedLayout(),))


def _check_benchmark(arguments: argparse.Namespace) -> int:
    """Check a data set of `mda evaluate`; ROOT is its folder, or that of all data sets."""
    from mda.data.sheet import draw_sheet  # noqa: PLC0415 - imports numpy and torch
    from mda.errors import ConfigError, InputError  # noqa: PLC0415
    from mda.evaluation.benchmark import FoundDataset, ViewSize  # noqa: PLC0415
    from mda.evaluation.checking import check_dataset  # noqa: PLC0415
    from mda.io.atomic import make_folder  # noqa: PLC0415
    from mda.io.images import write_png  # noqa: PLC0415

    dataset = _benchmarks()[arguments.source]
    if arguments.layout or arguments.split:
        message = f"{dataset.title} has one layout and one part; leave out --layout and --split."
        raise ConfigError(message)
    if "://" in arguments.root:
        message = f"{dataset.title} is read from a local folder only; copy it here."
        raise ConfigError(message)
    sheet, root = _sheet(arguments, dataset.name), Path(arguments.root)
    folder = dataset.find(root) or root
    found = FoundDataset(dataset=dataset, scenes=tuple(dataset.list_scenes(folder, ViewSize())))
    if not found.frames:
        message = f"{folder} holds no scene of {dataset.title}; expected {dataset.folder}/ (docs/evaluation.md)."
        raise InputError(message)
    frames = None if arguments.all else arguments.frames
    with progress_bar(min(frames or found.frames, found.frames), "frame", "check") as bar:
        report = check_dataset(found, frames=frames, progress=bar.update)
    print(f"{dataset.title}: {amount(report.frames, 'frame')}, {amount(report.scenes, 'scene')}")
    _print_report(report, "m")
    if report.examples:
        make_folder(sheet.parent)
        write_png(sheet, draw_sheet(report, title=dataset.title, unit="m"))
        print(f"contact sheet: {sheet}")
    return 0 if report.whole and report.cameras_fit else 1


def _sheet(arguments: argparse.Namespace, name: str) -> Path:
    """Where the contact sheet goes.

    Raises:
        OutputError: a folder is there, or a file that may not be replaced.
    """
    from mda.errors import OutputError  # noqa: PLC0415 - with the package comes torch

    sheet: Path = arguments.out or Path("data_check") / f"{name}.png"
    if sheet.is_dir():
        message = f"{sheet} is a folder; name the file of the contact sheet: --out {sheet / name}.png."
        raise OutputError(message)
    if sheet.exists() and not arguments.overwrite:
        message = f"{sheet} exists; give --overwrite to replace it, or another --out."
        raise OutputError(message)
    return sheet


def _print(source: "OpenedSource", report: "CheckReport") -> None:
    from mda.data.files import FolderFiles  # noqa: PLC0415 - with the package comes torch

    info, kind = source.info, "files" if isinstance(source.files, FolderFiles) else "archives"
    counts = f"{amount(report.frames, 'frame')}, {amount(report.scenes, 'scene')}"
    print(f"{info.title}, {source.layout.name} layout: {counts}, from {kind} in {source.files.place}")
    _print_report(report, info.unit, info.sky)


def _print_report(report: "CheckReport", unit: str, sky: str | None = None) -> None:
    sizes = ", ".join(f"{w} x {h} ({count})" for (h, w), count in sorted(report.sizes.items()))
    print(f"read {amount(report.read, 'frame')}: {sizes or 'none was usable'}")
    if report.depth_range is not None:
        low, middle, high = report.depth_range
        print(f"depth: {low:.3g} to {high:.3g} {unit}, median {middle:.3g}; known at {report.valid:.0%} of pixels")
    if sky is not None:
        print(f"sky: {report.sky:.0%} sky, {report.unknown_sky:.0%} unknown ({sky})")
    if report.agreement is not None:
        told = f"{report.agreement:.0%} of points agree within 5 % with the next frame ({amount(report.pairs, 'pair')})"
        print(f"cameras against depth: {told}")
    _print_some(report.missing, "missing or empty file")
    _print_some(report.broken, "broken frame")
    if not report.cameras_fit:
        print("cameras do not fit the depth: one of them is of another release, or read in the wrong convention")
    if not report.whole:
        print("not whole: frames with missing files and broken frames are left out")
    elif report.read < report.frames:
        print(f"whole as far as read ({report.read:,} of {amount(report.frames, 'frame')})")
    else:
        print("whole")


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


def _benchmarks() -> "dict[str, Dataset]":
    """Data sets that only `mda evaluate` reads, by name; a source of the same name goes first."""
    from mda.evaluation.checking import benchmark_datasets  # noqa: PLC0415 - imports torch

    return {name: dataset for name, dataset in benchmark_datasets().items() if name not in _sources()}
