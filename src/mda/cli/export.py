"""`mda export`: a run as files that other programs open."""

import argparse
from pathlib import Path

from mda.cli.arguments import positive_number, whole_number

HELP = "write a run as PLY, GLB, COLMAP, EXR and other formats"
DESCRIPTION = """Write a run, as `mda predict` made it, in formats of other programs. The run is not changed.

  mda export RUN --format ply                 a point cloud, RUN/exports/points.ply
  mda export RUN --format ply glb --out DIR   several formats into a folder
  mda export RUN --list                       all formats"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("run", metavar="RUN", type=Path, nargs="?", help="folder of a run")
    add("--format", metavar="NAME", nargs="+", default=["ply"], help="see --list; default: ply")
    add("--list", action="store_true", help="list the formats")
    add("--out", metavar="PATH", type=Path, help="file or folder for one format, folder for several")
    add("--overwrite", action="store_true", help="replace what is there")
    add("--original-size", action="store_true", help="cameras at the size of the original images (colmap, transforms)")
    add("--text", action="store_true", help="the text form, where a format has one (colmap)")
    add("--normals", action="store_true", help="with normals, where the format can hold them")
    add("--mesh", action="store_true", help="triangles that never bridge an edge, where the format can hold them")
    add("--fill-sky", action="store_true", help="one finite depth for the sky of the whole clip")
    add("--fps", metavar="F", type=positive_number, default=10.0, help="frames per second of videos; default: 10")
    group = parser.add_argument_group("which points")
    add = group.add_argument
    add("--views", metavar="FIRST:LAST[:STEP]", type=_views, default=(0, None, 1), help="e.g. 0:50 or 10:99:5")
    add("--min-confidence", metavar="C", type=float, default=0.0, help="smallest raw confidence")
    add("--drop-percent", metavar="P", type=float, default=0.0, help="leave out the P percent of least confidence")
    add("--edges", metavar="R", type=positive_number, help="leave out pixels at jumps of depth by more than 1 + R")
    add("--keep-sky", action="store_true", help="points for sky pixels, too")
    add("--voxel", metavar="S", type=positive_number, help="one point in each cube of side S (units of the run)")
    add("--max-points", metavar="N", type=whole_number, help="at most N points, evenly from all views")


def run(arguments: argparse.Namespace) -> int:
    """Export, and say what was written where; 1 if a view had to be left out.

    Raises:
        MdaError: the run cannot be read, a format does not exist or needs an extra, or a place cannot be written to.
    """
    from mda.errors import ConfigError  # noqa: PLC0415 - imports numpy and torch from here on
    from mda.io.archive import load_run  # noqa: PLC0415
    from mda.io.clouds import CloudFilter  # noqa: PLC0415
    from mda.io.exporters import FORMATS, ExportSettings, export_run, find_format  # noqa: PLC0415

    if arguments.list:
        width = max(map(len, FORMATS))
        for found in FORMATS.values():
            print(f"{found.name:{width}}  {found.what}" + (f" (needs mda[{found.extra}])" if found.extra else ""))
        return 0
    if arguments.run is None:
        message = "Give the folder of a run, as `mda predict --out` writes it."
        raise ConfigError(message)
    formats = [find_format(name) for name in dict.fromkeys(arguments.format)]
    first, last, step = arguments.views
    filters = CloudFilter(
        first=first,
        last=last,
        step=step,
        min_confidence=arguments.min_confidence,
        drop_percent=arguments.drop_percent,
        edge_ratio=arguments.edges,
        keep_sky=arguments.keep_sky,
        voxel=arguments.voxel,
        max_points=arguments.max_points,
    )
    settings = ExportSettings(
        filters=filters,
        normals=arguments.normals,
        mesh=arguments.mesh,
        original_size=arguments.original_size,
        text=arguments.text,
        fill_sky=arguments.fill_sky,
        fps=arguments.fps,
    )
    opened, problems = load_run(arguments.run), 0
    for chosen in formats:
        path = arguments.out
        if path is not None and (len(formats) > 1 or (path.is_dir() and not chosen.is_folder)):
            path = path / chosen.place
        report = export_run(opened, chosen.name, path, settings, overwrite=arguments.overwrite)
        problems += len(report.problems)
        print(f"{chosen.name}: {report.summary}: {report.path}")
    return 1 if problems else 0


def _views(text: str) -> tuple[int, int | None, int]:
    """FIRST:LAST[:STEP] of views, each part of which may be empty."""
    parts = text.split(":")
    if len(parts) not in {2, 3}:
        message = f"{text!r} is not of the form FIRST:LAST or FIRST:LAST:STEP"
        raise argparse.ArgumentTypeError(message)
    try:
        first, last, step = (int(part) if part else None for part in [*parts, ""][:3])
    except ValueError as error:
        message = f"{text!r} is not of the form FIRST:LAST or FIRST:LAST:STEP"
        raise argparse.ArgumentTypeError(message) from error
    return first or 0, last, 1 if step is None else step
