"""All formats, by the names that users type."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from mda.errors import ConfigError, OutputError
from mda.io.atomic import staged, write_bytes
from mda.io.exporters.colmap import export_colmap
from mda.io.exporters.coloured_depth import export_depth_color, export_depth_mp4
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.depth_png import export_depth_png
from mda.io.exporters.exr import export_exr
from mda.io.exporters.geometry_maps import export_normals, export_point_maps
from mda.io.exporters.glb import export_glb
from mda.io.exporters.las import export_las, export_laz
from mda.io.exporters.layers import export_layers_glb, export_ldi
from mda.io.exporters.npz import export_npz
from mda.io.exporters.ply import export_ply
from mda.io.exporters.rerun import export_rrd
from mda.io.exporters.splats import export_splats
from mda.io.exporters.transforms import export_transforms
from mda.io.run import Run

# In folders that exports write.
_CONTENT_FILE = ".mda-export.json"
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format that runs can be exported to.

    Attributes:
        name: what users type.
        what: one line for people.
        place: name of the file or folder that is written, if nobody says otherwise; a folder has no ending.
        write: writes a run to a path that does not exist yet.
        options: the fields of `ExportSettings`, besides filters, that change what is written.
        needs_mixture: whether it is made from the densities of the run.
        extra: the extra of the package that the format needs, or None.
    """

    name: str
    what: str
    place: str
    write: Callable[[Run, Path, ExportSettings], ExportReport]
    options: frozenset[str] = frozenset()
    needs_mixture: bool = False
    extra: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of files."""
        return not Path(self.place).suffix


_ALL = (
    Format(
        name="ply",
        what="point cloud with colours and confidence, binary",
        place="points.ply",
        write=export_ply,
        options=frozenset({"normals"}),
    ),
    Format(
        name="glb",
        what="glTF with cameras and a cloud of points, or a mesh that never bridges an edge",
        place="scene.glb",
        write=export_glb,
        options=frozenset({"mesh"}),
    ),
    Format(
        name="colmap",
        what="COLMAP model (cameras, images, points3D) with the images",
        place="colmap",
        write=export_colmap,
        options=frozenset({"original_size", "text"}),
    ),
    Format(
        name="transforms",
        what="transforms.json of nerfstudio and instant-ngp, with images and cloud",
        place="transforms",
        write=export_transforms,
        options=frozenset({"original_size", "normals"}),
    ),
    Format(
        name="npz", what="depth, masks, images and cameras as arrays in one file", place="run.npz", write=export_npz
    ),
    Format(
        name="depth-png",
        what="depth as PNG of 16 bits, with its unit and cameras in scale.json",
        place="depth_png",
        write=export_depth_png,
        options=frozenset({"fill_sky"}),
    ),
    Format(
        name="exr",
        what="depth (and confidence) as OpenEXR of 32-bit floats",
        place="exr",
        write=export_exr,
        options=frozenset({"fill_sky"}),
        extra="export",
    ),
    Format(
        name="depth-color",
        what="depth in colours as PNG, one range for the clip",
        place="depth_color",
        write=export_depth_color,
        options=frozenset({"fill_sky"}),
    ),
    Format(
        name="depth-mp4",
        what="depth in colours as a video, one range for the clip",
        place="depth.mp4",
        write=export_depth_mp4,
        options=frozenset({"fill_sky", "fps"}),
    ),
    Format(
        name="normals",
        what="normals of every pixel: arrays, and normal maps as PNG",
        place="normals",
        write=export_normals,
        options=frozenset({"normals"}),
    ),
    Format(
        name="point-maps",
        what="world point of every pixel as arrays",
        place="point_maps",
        write=export_point_maps,
        options=frozenset({"fill_sky"}),
    ),
    Format(
        name="las",
        what="point cloud of surveying programs",
        place="points.las",
        write=export_las,
        options=frozenset({"normals"}),
        extra="export",
    ),
    Format(
        name="laz",
        what="the same, compressed",
        place="points.laz",
        write=export_laz,
        options=frozenset({"normals"}),
        extra="export",
    ),
    Format(
        name="ldi",
        what="layered depth: front and back surfaces with their masses, as arrays (needs saved mixtures)",
        place="layers.npz",
        write=export_ldi,
        needs_mixture=True,
    ),
    Format(
        name="layers-glb",
        what="clouds of front and back surfaces as glTF (needs saved mixtures)",
        place="layers.glb",
        write=export_layers_glb,
        needs_mixture=True,
    ),
    Format(
        name="splats",
        what="3D Gaussians to begin from, one for each point",
        place="splats.ply",
        write=export_splats,
        options=frozenset({"normals"}),
    ),
    Format(
        name="rrd",
        what="recording for the viewer of Rerun",
        place="run.rrd",
        write=export_rrd,
        extra="export",
    ),
)
FORMATS: dict[str, Format] = {found.name: found for found in _ALL}


def find_format(name: str) -> Format:
    """The format of that name.

    Raises:
        ConfigError: there is none.
    """
    if name not in FORMATS:
        message = f"There is no format {name!r}; choose one of {', '.join(FORMATS)}."
        raise ConfigError(message)
    return FORMATS[name]


def export_run(
    run: Run, name: str, path: Path | None = None, settings: ExportSettings | None = None, *, overwrite: bool = False
) -> ExportReport:
    """Write a run in a format; the run itself is never changed.

    What is written appears whole or not at all: under a temporary name first, which is then renamed.

    Args:
        run: the run.
        name: of the format.
        path: file or folder to write; by default `exports/<place>` in the folder of the run.
        settings: filters and options.
        overwrite: replace what is there.

    Raises:
        ConfigError: there is no such format, or it cannot do what is asked.
        OutputError: the place is taken, or cannot be written to.
        MissingExtraError: the format needs an extra that is not installed.
    """
    chosen, settings = find_format(name), settings or ExportSettings()
    _warn_of_idle_options(chosen, settings)
    if not settings.filters.positions(run):
        message = f"{run.path} has {len(run)} views, numbered from 0, and none of them is chosen (--views)."
        raise ConfigError(message)
    path = _own_place(run, chosen) if path is None else path
    check_place(chosen, path, overwrite=overwrite)
    with staged(path) as temporary:
        report = chosen.write(run, temporary, settings)
        if chosen.is_folder:
            _note_content(temporary, chosen)
    return ExportReport(path=path, summary=report.summary, problems=report.problems)


def check_place(chosen: Format, path: Path, *, overwrite: bool) -> None:
    """Refuse to write where something is.

    Raises:
        OutputError: the place is taken, and not to be overwritten, or by something of another kind, or by a folder
            that holds anything besides an earlier export.
    """
    if path.exists() and not overwrite:
        message = f"{path} is there already; choose another place (--out) or replace it (--overwrite)."
        raise OutputError(message)
    if path.exists() and path.is_dir() != chosen.is_folder:
        kind = "a folder" if path.is_dir() else "a file"
        message = f"{path} is {kind}, which {chosen.name} cannot replace; choose another place (--out)."
        raise OutputError(message)
    if path.is_dir() and (others := {entry.name for entry in path.iterdir()} - _noted_content(path)):
        message = (
            f"{path} holds what no export wrote ({min(others)}) and is not replaced; choose another place (--out), or "
            "move that away."
        )
        raise OutputError(message)


def _note_content(folder: Path, chosen: Format) -> None:
    """Write down what an export put into its folder, so that nothing else is ever removed with it."""
    content = {"format": chosen.name, "entries": sorted(entry.name for entry in folder.iterdir())}
    write_bytes(folder / _CONTENT_FILE, json.dumps(content, indent=1).encode())


def _noted_content(folder: Path) -> set[str]:
    """What an earlier export put into a folder; nothing where there was none."""
    try:
        entries = json.loads((folder / _CONTENT_FILE).read_text(encoding="utf-8"))["entries"]
        return {_CONTENT_FILE, *map(str, entries)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _own_place(run: Run, chosen: Format) -> Path:
    """Where an export of a run goes if nobody says otherwise.

    Raises:
        OutputError: a link leads out of the run, so that something else might be overwritten.
    """
    folder = run.path / "exports"
    if not folder.resolve().is_relative_to(run.path.resolve()):
        message = f"{folder} is a link that leads out of the run; choose a place (--out)."
        raise OutputError(message)
    return folder / chosen.place


def _warn_of_idle_options(chosen: Format, settings: ExportSettings) -> None:
    """Say which options the format does not know."""
    default = ExportSettings()
    options = [field.name for field in fields(ExportSettings) if field.name != "filters"]
    asked = {name for name in options if getattr(settings, name) != getattr(default, name)}
    if idle := sorted(asked - chosen.options):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        _LOGGER.warning("The format %s does not know %s; it is written without.", chosen.name, names)
