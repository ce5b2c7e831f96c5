"""Point clouds as binary PLY, written view by view: millions of points need no more memory than one view."""

from pathlib import Path

import numpy as np

from mda.io.atomic import atomic_file
from mda.io.clouds import RunCloud
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.ply import ply_header, ply_vertices
from mda.io.run import Run


def export_ply(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write positions, normals if asked for, colours, and confidence where the run has it.

    Raises:
        OutputError: the file cannot be written.
    """
    cloud = RunCloud(run, settings.filters)
    write_cloud(cloud, path, confidence=run.knows_confidence, normals=settings.normals)
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))


def write_cloud(cloud: RunCloud, path: Path, *, confidence: bool, normals: bool = False) -> None:
    """Write the points of a run view by view.

    Args:
        cloud: what to write.
        path: file to write; it appears whole or not at all.
        confidence: write confidence, which the run must have.
        normals: write normals.

    Raises:
        OutputError: the file cannot be written.
        InputError: a view cannot be read any more.
    """
    nothing = np.zeros((0, 3), np.float32)
    layout = ply_vertices(
        nothing,
        nothing.astype(np.uint8),
        normals=nothing if normals else None,
        confidence=nothing[:, 0] if confidence else None,
    )
    with atomic_file(path) as file:
        file.write(ply_header(len(cloud), layout))
        for view in cloud.views(normals=normals):
            rows = ply_vertices(
                view.positions, view.colors, normals=view.normals, confidence=view.confidence if confidence else None
            )
            file.write(rows.tobytes())
