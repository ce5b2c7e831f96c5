"""Depth as PNG of 16 bits, as RGB-D tools read it: depth = value * unit, and 0 is unknown."""

import json
from pathlib import Path

import numpy as np

from mda.io.atomic import write_bytes
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.depth_maps import DepthMaps, camera_entry
from mda.io.images import encode_image
from mda.io.run import Run

_LARGEST = 65535
_SCALE_FILE = "scale.json"


def export_depth_png(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write a PNG for each view and one file with the unit, which is the same for the whole clip, and the cameras.

    The farthest depth gets the largest value. Rounding changes a depth by half a unit at most; the summary says what
    share of the nearest depth that is.

    Raises:
        InputError: no view can be read.
        OutputError: a file cannot be written.
    """
    maps = DepthMaps(run, settings)
    nearest, farthest = maps.limits
    filled = np.isfinite(maps.sky_depth) and not settings.filters.keep_sky
    unit = (maps.sky_depth if filled else farthest) / _LARGEST
    path.mkdir()
    frames = []
    for found in maps:
        known = found.known
        values = np.zeros(found.depth.shape, np.uint16)
        values[known] = np.clip(np.round(found.depth[known] / unit), 1, _LARGEST).astype(np.uint16)
        file = f"{found.name}.png"
        write_bytes(path / file, encode_image(values, "PNG", compress_level=3))
        frames.append({"file": file, **camera_entry(found)})
    error = max(unit / 2, unit - nearest) / nearest
    content = {
        "unit": unit,
        "meaning": "depth along the optical axis = value * unit, in units of the run; 0 is unknown, left out, or sky",
        "largest_relative_error": error,
        "frames": frames,
    }
    write_bytes(path / _SCALE_FILE, json.dumps(content, indent=1, ensure_ascii=False).encode())
    summary = f"{len(frames)} views, one unit is {unit:.6g}, rounding changes depth by up to {100 * error:.2g} %"
    return ExportReport(path=path, summary=summary, problems=maps.problems)
