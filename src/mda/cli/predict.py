"""`mda predict`: images, folders and videos in, runs out."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mda.cli.arguments import positive_number, whole_number
from mda.cli.messages import amount, progress_bar
from mda.cli.view import show
from mda.errors import InputError, OutputError
from mda.optional import require

if TYPE_CHECKING:
    from mda.inference.predictor import Predictor
    from mda.inference.runs import RunReport
    from mda.io.camera_files import KnownCameras
    from mda.io.clips import Clip

_LOGGER = logging.getLogger(__name__)

HELP = "depth, cameras, sky and a point cloud from images, folders or videos"
DESCRIPTION = """Depth, cameras, sky and a point cloud from photos or a video.

A folder of images is one clip, so is a video, so are images named one by one. The
views of a clip are looked at together. For each clip a folder is written with
preview.png (look at this first), points.ply (a coloured point cloud), and depth,
camera, sky, confidence and image of each view as plain .npy, .npz and .png files.

  mda predict photos/
  mda predict walk.mp4 --fps 2 --out runs/walk
  mda predict a.jpg b.jpg c.jpg --decoder median
  mda predict photos/ --cameras colmap/sparse/0

Clips longer than --max-views go in windows that overlap and are joined; run.json tells
how well they fit. A stopped command goes on where it stopped when it is given again."""

DEFAULT_MODEL = "mda_mini"
DEFAULT_ROOT = Path("eval_results/demo")
# As in mda.inference.windows.Order and mda.mixtures.Decoder, which are not imported here because they bring torch
# along; a test holds them together.
ORDERS = ("sequence", "unordered", "independent")
DECODERS = ("mode", "component", "heaviest", "mean", "median", "front", "back", "layers")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add, off_by_default = parser.add_argument, "store_true"
    add("inputs", nargs="+", metavar="INPUT", type=Path, help="image, folder of images, or video")
    out = f"folder of the run (of several clips: DIR/<clip>); default {DEFAULT_ROOT}/<input name>/<model>/"
    add("--out", type=Path, metavar="DIR", help=out)
    add("--model", metavar="NAME", help=f"see `mda models`, or a weights file; default {DEFAULT_MODEL}")
    add("--checkpoint", type=Path, metavar="FILE", help="weights file for the named model")
    add("--commercial", action=off_by_default, help="refuse weights that may not be used commercially")
    add("--fps", type=positive_number, default=5.0, metavar="N", help="views per second of a video; default 5")
    add("--stride", type=whole_number, default=1, metavar="N", help="take every n-th view; default 1")
    size = "longer side of the views; default: the model's own (504 for the published ones)"
    add("--size", type=whole_number, metavar="PIXELS", help=size)
    decoder = "how a depth is chosen from the density; default: the model's own"
    add("--decoder", choices=DECODERS, help=decoder)
    recalibration = (
        "factor on the widths of the densities, as `mda evaluate calibration` fits it; default: the model's own"
    )
    add("--recalibration", type=positive_number, metavar="F", help=recalibration)
    cameras = "known cameras: COLMAP model folder, transforms.json, or a run; they fix poses and scale"
    add("--cameras", type=Path, metavar="FILE", help=cameras)
    together = "views looked at together, fewer need less memory; longer clips go in windows; default 16"
    add("--max-views", type=whole_number, metavar="N", help=together)
    memory = "look at as many views together as fit in so much memory of the device"
    add("--memory", type=positive_number, metavar="GIB", help=memory)
    overlap = "views that a window shares with others; default: a quarter of --max-views"
    add("--overlap", type=whole_number, metavar="N", help=overlap)
    order = "how to divide long clips: are neighbours in the clip neighbours in space? default: told from the names"
    add("--order", choices=ORDERS, help=order)
    add("--mono", action="store_const", const="independent", dest="order", help="look at each view alone, in batches")
    add("--save-mixture", action=off_by_default, help="keep the densities (large), to decode the run again")
    add("--ply", action=argparse.BooleanOptionalAction, default=True, help="write points.ply (default)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps; default: the best there is")
    add("--overwrite", action=off_by_default, help="replace what is in the folder, instead of going on with it")
    add("--view", action=off_by_default, help="open the interactive viewer at the end (needs mda[viewer])")
    add("--view-port", type=whole_number, default=8080, metavar="N", help="port of the viewer; default 8080")
    add("--view-up", default="-y", metavar="AXIS", help="what is up in the viewer: --view-up=-y (default), +z ...")


def run(arguments: argparse.Namespace) -> int:
    """Predict every clip; a clip that cannot be read is reported and costs nothing else.

    Raises:
        MdaError: nothing could be done, or nothing more can be written.
        KeyboardInterrupt: stopped by the user; the message says how to go on.
    """
    if arguments.view:
        # Before the work, not after it.
        require("viser", "viewer")
    from mda.inference import load  # noqa: PLC0415 - torch takes a second to import
    from mda.io.camera_files import read_cameras  # noqa: PLC0415
    from mda.io.clips import list_inputs  # noqa: PLC0415

    found = list_inputs(arguments.inputs)
    for problem in found.problems:
        _LOGGER.warning("%s", problem)
    cameras = None if arguments.cameras is None else read_cameras(arguments.cameras)
    predictor = load(
        arguments.model or DEFAULT_MODEL,
        checkpoint=arguments.checkpoint,
        device=arguments.device,
        commercial=arguments.commercial,
        recalibration=arguments.recalibration,
    )
    reports, failures = [], list(found.problems)
    for clip in found.clips:
        folder = _folder(arguments.out, clip, predictor.name, alone=len(found.clips) == 1)
        try:
            reports.append(_predict(predictor, clip, folder, arguments, cameras))
        except InputError as error:
            if len(found.clips) == 1:
                raise
            _LOGGER.warning("%s", error)
            failures.append(str(error))
        except OutputError:
            # Nothing more can be written; what was done before is still worth a word.
            if reports:
                _summarise(predictor, reports, failures, default_model=arguments.model is None)
            raise
    _summarise(predictor, reports, failures, default_model=arguments.model is None)
    if arguments.view and reports:
        show([report.folder for report in reports], port=arguments.view_port, up=arguments.view_up, browser=True)
    return 0 if reports else 2


def _predict(
    predictor: "Predictor", clip: "Clip", folder: Path, arguments: argparse.Namespace, cameras: "KnownCameras | None"
) -> "RunReport":
    """Predict one clip with a progress bar."""
    from mda.inference.runs import RunSettings, predict_to_run  # noqa: PLC0415
    from mda.io.clips import count_views  # noqa: PLC0415

    settings = RunSettings(
        size=arguments.size,
        decoder=arguments.decoder,
        fps=arguments.fps,
        stride=arguments.stride,
        max_views=arguments.max_views,
        memory=arguments.memory,
        overlap=arguments.overlap,
        order=arguments.order,
        save_mixture=arguments.save_mixture,
        ply=arguments.ply,
        overwrite=arguments.overwrite,
        cameras=cameras,
    )
    total = count_views(clip, fps=settings.fps, stride=settings.stride)
    with progress_bar(total, "view", clip.name) as bar:
        try:
            return predict_to_run(
                predictor, clip, folder, settings, command=arguments.command_line, on_progress=bar.update
            )
        except KeyboardInterrupt as stop:
            message = f"Interrupted. What is done is kept in {folder}; the same command goes on from there."
            raise KeyboardInterrupt(message) from stop


def _folder(out: Path | None, clip: "Clip", model: str, *, alone: bool) -> Path:
    """Folder of the run of a clip."""
    if out is None:
        return DEFAULT_ROOT / clip.name / model
    return out if alone else out / clip.name


def _summarise(
    predictor: "Predictor", reports: Sequence["RunReport"], failures: Sequence[str], *, default_model: bool
) -> None:
    """Say what was written where, what was left out, how to look at it, and under which licence."""
    for report in reports:
        print("\n".join(_lines(report)))
    skipped = [*failures, *(message for report in reports for message in report.skipped)]
    if skipped:
        print(f"Left out ({len(skipped)}):")
        print("\n".join(f"  {message}" for message in skipped))
    terms = "" if predictor.preset.commercial else ", not for commercial use"
    print(f"Model {predictor.name}, licence of its weights: {predictor.licence}{terms}.")
    if default_model:
        print("It is the small model that ships with mda; `mda models` lists larger ones and tells how to get them.")
    sys.stdout.flush()


def _lines(report: "RunReport") -> list[str]:
    """Summary of one run."""
    height, width = report.image_hw
    if report.kept == report.views:
        head = f"{amount(report.views, 'view')} were there already (--overwrite predicts again): {report.folder}"
    else:
        again = f", {report.kept} of them from before" if report.kept else ""
        size = f"{width} x {height} pixels"
        head = f"{amount(report.views, 'view')} of {size} in {report.seconds:.1f} s{again}: {report.folder}"
    lines = [head, "  preview.png   image, depth and depth edges side by side: look at this first"]
    if report.points is not None:
        lines.append(f"  points.ply    {amount(report.points, 'point')}; open it in MeshLab, CloudCompare or Blender")
    folders = sorted(path.name for path in report.folder.iterdir() if path.is_dir())
    lines.append(f"  {'/ '.join(folders)}/   one file per view; run.json tells what each is")
    return lines
