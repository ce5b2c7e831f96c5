"""Everything of a run in one file of NumPy, written array by array: a long run needs the memory of a view."""

import zipfile
from pathlib import Path

import numpy as np

from mda.errors import InputError
from mda.io.atomic import atomic_file
from mda.io.clouds import kept_pixels
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.npz_files import NpzWriter
from mda.io.exporters.views import ChosenViews
from mda.io.run import Run
from mda.shapes import Shaped, ndarray


def export_npz(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write depth, valid, sky, confidence and image [v, h, w ...], cameras, names and numbers.

    Depth is that of the run, at sky, too; `valid` says which pixels the filters take.

    Raises:
        InputError: no view can be read, or the views differ in size.
        OutputError: the file cannot be written.
    """
    views = ChosenViews(run, settings.filters)
    cameras, masks, sizes, confident = {}, [], set(), True
    for seen in views:
        cameras[seen.position] = seen.camera
        masks.append(np.packbits(kept_pixels(seen.view, settings.filters)))
        sizes.add(seen.view.depth.shape)
        confident &= seen.view.confidence is not None
    if len(sizes) != 1:
        message = (
            f"The views of {run.path} differ in size and do not fit one array; export them with --views one by one."
        )
        raise InputError(message)
    ((height, width),) = sizes
    maps = (len(cameras), height, width)
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        writer = NpzWriter(archive)
        writer.add("depth", np.float32, maps, (run.depth(position) for position in cameras))
        unpacked = (np.unpackbits(mask, count=height * width) for mask in masks)
        writer.add("valid", np.bool_, maps, unpacked)
        if run.knows_sky:
            writer.add("sky", np.bool_, maps, (_known(run.sky(position)) for position in cameras))
        if confident:
            writer.add("confidence", np.float32, maps, (_known(run.confidence(position)) for position in cameras))
        writer.add("image", np.uint8, (*maps, 3), (run.color(position) for position in cameras))
        writer.add_whole("world_from_cam", np.stack([camera.world_from_cam for camera in cameras.values()]))
        writer.add_whole("intrinsics", np.stack([camera.intrinsics for camera in cameras.values()]))
        writer.add_whole("names", np.array([run.names[position] for position in cameras]))
        writer.add_whole("numbers", np.array([run.numbers[position] for position in cameras]))
    return ExportReport(path=path, summary=f"{len(cameras)} views", problems=views.problems)


def _known(values: Shaped[ndarray, "h w"] | None) -> Shaped[ndarray, "h w"]:
    """What was there when the views were looked through.

    Raises:
        InputError: it is gone.
    """
    if values is None:
        message = "A file of the run was removed while it was exported; export it again."
        raise InputError(message)
    return values
