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
    nothing = np.zeros((0, 3), np.float32)
    layout = ply_vertices(
        nothing,
        nothing.astype(np.uint8),
        normals=nothing if settings.normals else None,
        confidence=nothing[:, 0] if run.knows_confidence else None,
    )
    with atomic_file(path) as file:
        file.write(ply_header(len(cloud), layout))
        for view in cloud.views(normals=settings.normals):
            confidence = view.confidence if run.knows_confidence else None
            rows = ply_vertices(view.positions, view.colors, normals=view.normals, confidence=confidence)
            file.write(rows.tobytes())
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))
