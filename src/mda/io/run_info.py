"""What a run says about itself: the content of `run.json`."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from mda.errors import InputError
from mda.io.atomic import write_bytes

FORMAT_VERSION = 1
"""Version of the layout of a run; it changes when an older reader would misread a newer run."""
RUN_FILE = "run.json"
_RECORDED_PACKAGES = ("mda", "torch", "numpy", "pillow", "av")

Rows = tuple[tuple[float, ...], ...]
"""A matrix, row by row."""


class Status(StrEnum):
    """How far a run has come."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"


def installed_versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    versions = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # run from a source tree that is not installed
            versions[package] = "unknown"
    return versions


@dataclass(frozen=True, kw_only=True)
class ViewInfo:
    """Where a view came from.

    Attributes:
        name: file name, or video name and time.
        source_hw: size of the image in its file, upright; None if not known.
        crop: top, left, height, width of the part of it that the view shows, in its pixels; None if not known.
        time: seconds since the start of the video; None for images.
        intrinsics: 3x3, in pixels of the saved size; None in runs that do not say.
        source_intrinsics: 3x3, in pixels of the image in its file; None if its size and crop are not known.
        parts: what was written of it, e.g. depth, color, camera.
    """

    name: str
    source_hw: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    time: float | None = None
    intrinsics: Rows | None = None
    source_intrinsics: Rows | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """The content of `run.json`.

    Attributes:
        model: name of the model.
        licence: licence of its weights.
        decoder: how depth was decided.
        command: what the user typed, or what made the run.
        settings: everything that decides the result (inputs, sizes, weights); a run resumes only with equal settings.
        sizes: size of the saved views, `image_hw`, and other sizes worth knowing.
        views: number of a view to where it came from.
        timings: seconds by name.
        versions: of the program, the interpreter and the libraries.
        details: anything else.
        status: running, interrupted or complete.
        created: time of the start, ISO 8601, UTC.
        format_version: layout of the run.
    """

    model: str
    licence: str = "unknown"
    decoder: str = "unknown"
    command: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, Any] = field(default_factory=dict)
    views: Mapping[int, ViewInfo] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    details: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.RUNNING
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    format_version: int = FORMAT_VERSION

    def gives_same_result_as(self, other: "RunInfo") -> bool:
        """Whether both would write the same views, so that one may go on where the other stopped."""
        return _identity(self) == _identity(other)


def write_run_info(folder: Path, info: RunInfo) -> None:
    """Write `run.json` atomically; numbers, paths and the like that JSON does not know become text.

    Raises:
        OutputError: the file cannot be written.
    """
    head = json.dumps(_ordered(asdict(replace(info, views={}))), indent=2, ensure_ascii=False, default=_jsonable)
    # Views come last and on one line each: a run of a thousand views is still a file that a person can look at.
    views = [
        json.dumps({"index": index, **asdict(view)}, ensure_ascii=False, default=_jsonable)
        for index, view in sorted(info.views.items())
    ]
    text = head.removesuffix("\n}") + ',\n  "views": [' + ",".join(f"\n    {view}" for view in views) + "\n  ]\n}\n"
    write_bytes(folder / RUN_FILE, text.encode())


def read_run_info(folder: Path) -> RunInfo | None:
    """Read `run.json`; None where there is none, as in runs of the published release.

    Raises:
        InputError: the file is damaged, of a newer layout, or not of ours.
    """
    path = folder / RUN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read ({error}); restore it, or delete it to open the run without it."
        raise InputError(message) from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        message = f"{path} is not of a run of mda (no format_version); choose another folder."
        raise InputError(message)
    if version > FORMAT_VERSION:
        message = f"{path} has format version {version}, this mda reads up to {FORMAT_VERSION}; update mda."
        raise InputError(message)
    try:
        return _parsed(content)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path} lacks or mistakes a field ({error!r}); restore it, or delete it to open the run without it."
        raise InputError(message) from error


def with_view(info: RunInfo, index: int, view: ViewInfo) -> RunInfo:
    """The info with one more view."""
    return replace(info, views={**info.views, index: view})


def _parsed(content: dict[str, Any]) -> RunInfo:
    known = {name: content[name] for name in RunInfo.__dataclass_fields__ if name in content}
    views = {int(view["index"]): _parsed_view(view) for view in known.pop("views", [])}
    return RunInfo(**{**known, "views": views, "status": Status(known["status"])})


def _parsed_view(content: dict[str, Any]) -> ViewInfo:
    source_hw, crop, time = content.get("source_hw"), content.get("crop"), content.get("time")
    if crop is not None:
        top, left, height, width = map(int, crop)
        crop = top, left, height, width
    return ViewInfo(
        name=str(content["name"]),
        source_hw=None if source_hw is None else (int(source_hw[0]), int(source_hw[1])),
        crop=crop,
        time=None if time is None else float(time),
        intrinsics=_parsed_rows(content.get("intrinsics")),
        source_intrinsics=_parsed_rows(content.get("source_intrinsics")),
        parts=tuple(map(str, content.get("parts", ()))),
    )


def _parsed_rows(content: list[list[float]] | None) -> Rows | None:
    return None if content is None else tuple(tuple(map(float, row)) for row in content)


def _ordered(content: dict[str, Any]) -> dict[str, Any]:
    """What a person looks for first goes first; the views are written apart."""
    first = ("format_version", "status", "created", "command", "model", "licence", "decoder", "sizes", "timings")
    others = [name for name in content if name not in {*first, "views"}]
    return {name: content[name] for name in (*first, *others)}


def _identity(info: RunInfo) -> str:
    """All that decides the result, as text, so that tuples read back as lists compare equal."""
    parts = [info.format_version, info.model, info.licence, info.decoder, info.settings, info.versions.get("mda")]
    return json.dumps(parts, sort_keys=True, default=_jsonable)


def _jsonable(value: object) -> object:
    """Numbers of numpy and torch as numbers, anything else as text."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else str(value)
