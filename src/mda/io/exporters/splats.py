"""A cloud as 3D Gaussians to begin from: one for each point, as large as its pixel."""

from pathlib import Path

import numpy as np

from mda.io.atomic import atomic_file
from mda.io.clouds import RunCloud, ViewCloud
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.ply import ply_header
from mda.io.run import Run
from mda.io.splats import Y00, splat_vertices
from mda.shapes import Float, Shaped, ndarray

# A standard deviation of half a pixel closes the gaps between neighbours and leaves the picture sharp.
_DEVIATION = 0.5
_THICKNESS = 0.1  # of discs, as a share of their width
_OPACITY = 0.9


def export_splats(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write balls, or with `settings.normals` discs along the surface.

    The standard deviation is half the footprint of a pixel, depth / focal length, and grows with the root of the share
    of points that thinning left out, so that what is left still closes the surface.

    Raises:
        OutputError: the file cannot be written.
    """
    cloud = RunCloud(run, settings.filters)
    nothing = np.zeros((0, 3), np.float32)
    layout = splat_vertices(nothing, nothing[:, :, None], nothing[:, 0], nothing, np.zeros((0, 4), np.float32))
    with atomic_file(path) as file:
        file.write(ply_header(len(cloud), layout))
        for view in cloud.views(normals=settings.normals):
            spread = (cloud.found[view.position] / len(view)) ** 0.5
            file.write(_splats(run, view, spread).tobytes())
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))


def _splats(run: Run, view: ViewCloud, spread: float) -> Shaped[ndarray, " n"]:
    intrinsics = run.camera(view.position)[1].astype(np.float64)
    depth = run.depth(view.position).reshape(-1)[view.pixels].astype(np.float64)
    size = _DEVIATION * spread * depth / np.sqrt(intrinsics[0, 0] * intrinsics[1, 1])
    scales = np.repeat(size[:, None], 3, axis=1)
    rotations = np.tile([1.0, 0.0, 0.0, 0.0], (len(view), 1))
    if view.normals is not None:
        known = (view.normals != 0).any(1)
        scales[known, 2] *= _THICKNESS
        rotations[known] = _towards(view.normals[known].astype(np.float64))
    harmonics = ((view.colors / 255.0 - 0.5) / Y00)[:, :, None]
    return splat_vertices(view.positions, harmonics, np.full(len(view), _OPACITY), scales, rotations)


def _towards(normals: Float[ndarray, "n 3"]) -> Float[ndarray, "n 4"]:
    """Quaternions w, x, y, z that turn the z axis to the normals, or against them, which is the same to a disc."""
    x, y, z = np.where(normals[:, 2:] < 0, -normals, normals).T
    quaternions = np.stack([1 + z, -y, x, np.zeros_like(z)], axis=-1)
    return quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True)
