"""Where screenshots, views and films go: a folder that was named, else the browser, as downloads."""

import re
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mda.io.atomic import make_folder, write_bytes

_UNSAFE = re.compile(r"[^\w\-]+")


def safe_name(text: str) -> str:
    """A file name from what somebody typed: letters and digits of any language, - and _; nothing leads elsewhere."""
    return _UNSAFE.sub("_", text).strip("_")[:80] or "view"


def stamped(kind: str, label: str, suffix: str, now: datetime | None = None) -> str:
    """A file name with a time in it."""
    time = (now or datetime.now()).strftime("%Y%m%d_%H%M%S")  # noqa: DTZ005 - the clock on the user's wall
    return f"{kind}_{safe_name(label)}_{time}{suffix}"


def free_path(folder: Path, name: str) -> Path:
    """A path in the folder that is not taken: with a number where the name is."""
    path, number = folder / name, 2
    while path.exists():
        path = folder / f"{Path(name).stem}_{number}{Path(name).suffix}"
        number += 1
    return path


def deliver(folder: Path | None, name: str, content: bytes, download: Callable[[str, bytes], None]) -> str:
    """Write a file to the folder, or hand it to the browser; returns where it is, for people.

    Raises:
        OutputError: the file cannot be written.
    """
    if folder is None:
        download(name, content)
        return f"{name} is in the downloads of the browser"
    make_folder(folder)
    path = free_path(folder, name)
    write_bytes(path, content)
    return str(path)


def deliver_written(
    folder: Path | None, name: str, write: Callable[[Path], object], download: Callable[[str, bytes], None]
) -> str:
    """As `deliver`, for what has to be written to a file first, such as a film.

    Raises:
        OutputError: the file cannot be written.
    """
    if folder is not None:
        make_folder(folder)
        path = free_path(folder, name)
        write(path)
        return str(path)
    with tempfile.TemporaryDirectory(prefix="mda-view-") as temporary:
        path = Path(temporary) / name
        write(path)
        return deliver(None, name, path.read_bytes(), download)
