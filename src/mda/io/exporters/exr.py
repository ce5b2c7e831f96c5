"""Depth as OpenEXR of 32-bit floats, as compositing programs read it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mda.io.atomic import staged
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.depth_maps import DepthMaps, camera_entry
from mda.io.run import Run
from mda.optional import require


def export_exr(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write a file for each view: channel Z, channel confidence where the run has it, cameras as JSON in `comments`.

    Raises:
        MissingExtraError: OpenEXR is not installed.
        InputError: no view can be read.
        OutputError: a file cannot be written.
    """
    openexr: Any = require("OpenEXR", "export")
    maps = DepthMaps(run, settings)
    path.mkdir()
    count = 0
    for found in maps:
        channels = {"Z": found.depth}
        if found.seen.view.confidence is not None:
            channels["confidence"] = np.array(found.seen.view.confidence)
        header = {
            "type": openexr.scanlineimage,
            "compression": openexr.ZIP_COMPRESSION,
            "comments": json.dumps(camera_entry(found), ensure_ascii=True),
        }
        with staged(path / f"{found.name}.exr") as file:
            openexr.File(header, channels).write(str(file))
        count += 1
    return ExportReport(path=path, summary=f"{count} views", problems=maps.problems)
