"""Depth in colours, for people: one range for the whole clip, so that nothing flickers."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mda.io.atomic import write_bytes
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.depth_maps import DepthMap, DepthMaps
from mda.io.images import write_png
from mda.io.preview import colour_depth, depth_range
from mda.io.run import Run
from mda.io.video_writing import write_video
from mda.shapes import UInt8, ndarray

_SAMPLES = 20_000  # of each view


def export_depth_color(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write a PNG for each view, and the range of the colours.

    Raises:
        InputError: no view can be read.
        OutputError: a file cannot be written.
    """
    maps = DepthMaps(run, settings)
    limits = _limits(maps)
    path.mkdir()
    count = 0
    for found in maps:
        write_png(path / f"{found.name}.png", _coloured(found, limits))
        count += 1
    content = {"near": limits[0], "far": limits[1], "spacing": "even in the logarithm of depth"}
    write_bytes(path / "range.json", json.dumps(content, indent=1).encode())
    return ExportReport(path=path, summary=_summary(count, limits), problems=maps.problems)


def export_depth_mp4(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write a video of the views.

    Raises:
        InputError: no view can be read.
        ConfigError: the views differ in size.
        OutputError: the file cannot be written.
    """
    maps = DepthMaps(run, settings)
    limits = _limits(maps)

    def frames() -> Iterator[UInt8[ndarray, "h w 3"]]:
        for found in maps:
            yield _coloured(found, limits)

    count = write_video(path, frames(), fps=settings.fps)
    return ExportReport(path=path, summary=_summary(count, limits), problems=maps.problems)


def _limits(maps: DepthMaps) -> tuple[float, float]:
    """Depths of the first and the last colour, by a sample of the pixels that are not sky."""
    samples = []
    for found in maps:
        depth = found.depth if found.sky is None else np.where(found.sky, np.float32(np.nan), found.depth)
        step = max(1, int((depth.size / _SAMPLES) ** 0.5))
        samples.append(depth[::step, ::step].copy())
    return depth_range(samples, [None] * len(samples))


def _coloured(found: DepthMap, limits: tuple[float, float]) -> UInt8[ndarray, "h w 3"]:
    sky = None if found.sky is None else found.sky & ~np.isfinite(found.depth)
    return colour_depth(found.depth, sky=sky, limits=limits)


def _summary(count: int, limits: tuple[float, float]) -> str:
    return f"{count} views, colours from {limits[0]:.4g} (near) to {limits[1]:.4g} (far)"
