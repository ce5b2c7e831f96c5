"""Point clouds as LAS, or LAZ where the file is to be compressed: what surveying programs read."""

from pathlib import Path
from typing import Any

import numpy as np

from mda.io.atomic import staged
from mda.io.clouds import RunCloud
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.run import Run
from mda.optional import require
from mda.shapes import Float, ndarray

# LAS 1.4, points with colours. Coordinates are 32-bit integers times a scale.
_VERSION, _POINT_FORMAT = "1.4", 7
_STEPS = 1e9
_TO_16_BITS = 257
_MAX_SOURCE = 65535
_NORMALS = ("normal_x", "normal_y", "normal_z")


def export_laz(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write what `export_las` writes, compressed."""
    return export_las(run, path, settings, compress=True)


def export_las(run: Run, path: Path, settings: ExportSettings, *, compress: bool = False) -> ExportReport:
    """Write positions, colours, the view of each point as its source, confidence if known, normals if asked for.

    Raises:
        MissingExtraError: laspy is not installed.
        OutputError: the file cannot be written.
    """
    laspy: Any = require("laspy", "export")
    cloud = RunCloud(run, settings.filters)
    low, high = _bounds(cloud)
    header = laspy.LasHeader(version=_VERSION, point_format=_POINT_FORMAT)
    header.offsets = low
    # A power of ten is exact in every program that prints it.
    header.scales = np.full(3, 10.0 ** np.ceil(np.log10(max((high - low).max(), 1e-6) / _STEPS)))
    header.generating_software = "mda"
    if run.knows_confidence:
        header.add_extra_dim(laspy.ExtraBytesParams(name="confidence", type="f4"))
    if settings.normals:
        header.add_extra_dims([laspy.ExtraBytesParams(name=name, type="f4") for name in _NORMALS])
    with (
        staged(path) as temporary,
        laspy.open(str(temporary), mode="w", header=header, do_compress=compress) as file,
    ):
        for view in cloud.views(normals=settings.normals):
            points = laspy.ScaleAwarePointRecord.zeros(len(view), header=header)
            points.x, points.y, points.z = view.positions.astype(np.float64).T
            points.red, points.green, points.blue = view.colors.astype(np.uint16).T * _TO_16_BITS
            points.point_source_id = np.full(len(view), min(view.position, _MAX_SOURCE), np.uint16)
            if run.knows_confidence:
                points["confidence"] = view.confidence
            if view.normals is not None:
                for name, values in zip(_NORMALS, view.normals.T, strict=True):
                    points[name] = values
            file.write_points(points)
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))


def _bounds(cloud: RunCloud) -> tuple[Float[ndarray, "3"], Float[ndarray, "3"]]:
    """Corners of the box around all points."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for view in cloud.views():
        low, high = np.minimum(low, view.positions.min(0)), np.maximum(high, view.positions.max(0))
    return (low, high) if np.isfinite(low).all() else (np.zeros(3), np.zeros(3))
