"""Normals and points of every pixel, as arrays of NumPy."""

from pathlib import Path

import numpy as np
import torch

from mda.geometry import normals_from_depth, points_from_depth
from mda.io.atomic import atomic_file
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.depth_maps import DepthMaps
from mda.io.images import write_png
from mda.io.run import Run
from mda.shapes import Float, ndarray


def export_normals(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write [h, w, 3] float32 unit normals in the world, towards the camera, NaN where not known; with pictures.

    Pictures are normal maps as renderers have them: (n + 1) / 2 in axes of the camera, x right, y up, z to the viewer.

    Raises:
        InputError: no view can be read.
        OutputError: a file cannot be written.
    """
    maps = DepthMaps(run, settings)
    path.mkdir()
    count = 0
    for found in maps:
        camera = found.seen.camera
        normals = normals_from_depth(torch.from_numpy(found.depth).double(), torch.from_numpy(found.known), camera)
        unknown = (normals == 0).all(-1, keepdim=True)
        _write_array(path / f"{found.name}.npy", torch.where(unknown, torch.nan, normals).float().numpy())
        own = normals @ camera.world_from_cam[:3, :3] * normals.new_tensor([1, -1, -1])
        picture = torch.where(unknown, 0, ((own + 1) * 127.5).round())
        write_png(path / f"{found.name}.png", picture.to(torch.uint8).numpy())
        count += 1
    return ExportReport(path=path, summary=f"{count} views", problems=maps.problems)


def export_point_maps(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write [h, w, 3] float32 points in the world, NaN where there is none (left out, or sky).

    Raises:
        InputError: no view can be read.
        OutputError: a file cannot be written.
    """
    maps = DepthMaps(run, settings)
    path.mkdir()
    count = 0
    for found in maps:
        depth = torch.from_numpy(np.where(found.known, found.depth, np.nan)).double()
        points = points_from_depth(depth, found.seen.camera).float()
        _write_array(path / f"{found.name}.npy", points.numpy())
        count += 1
    return ExportReport(path=path, summary=f"{count} views", problems=maps.problems)


def _write_array(path: Path, values: Float[ndarray, "h w 3"]) -> None:
    with atomic_file(path) as file:
        np.save(file, values, allow_pickle=False)
