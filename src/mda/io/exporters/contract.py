"""What every exporter is told, and what it says afterwards."""

from dataclasses import dataclass, field
from pathlib import Path

from mda.io.clouds import CloudFilter


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """How to export a run.

    Attributes:
        filters: which views and points.
        normals: write normals of points where the format can hold them.
        mesh: write triangles, which never bridge an edge, where the format can hold them.
        original_size: cameras (and images) at the size of the original files, where the format holds cameras.
        text: the text form of formats that have one.
        fill_sky: give sky one finite depth for the whole clip, instead of leaving it out (or at infinity).
        fps: frames per second of videos.
    """

    filters: CloudFilter = field(default_factory=CloudFilter)
    normals: bool = False
    mesh: bool = False
    original_size: bool = False
    text: bool = False
    fill_sky: bool = False
    fps: float = 10.0


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written.

    Attributes:
        path: file or folder.
        summary: one phrase, such as "1,234 points of 5 views".
        problems: a message for each view that could not be read and was left out.
    """

    path: Path
    summary: str
    problems: tuple[str, ...] = ()
