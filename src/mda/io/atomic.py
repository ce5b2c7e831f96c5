"""Writing files so that a reader sees either the whole file or none, with errors that tell the remedy.

A file is written under a temporary name in its own folder and renamed at the end. That guards against interruption and
full disks. It does not call fsync: a power cut may cost the newest files, and readers report those as damaged.
"""

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mda.errors import OutputError

_PARTIAL = ".partial"
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose a folder on another disk, then run the same again",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder, then run the same again",
    errno.EACCES: "you may not write there; choose another output folder or change its permissions",
    errno.EPERM: "you may not write there; choose another output folder or change its permissions",
    errno.EROFS: "that file system is read-only; choose another output folder",
    errno.ENOTDIR: "a part of that path is a file, not a folder; choose another output folder",
    errno.EEXIST: "a file of that name is in the way; rename it or choose another output folder",
    errno.EISDIR: "a folder of that name is in the way; rename it or choose another output folder",
    errno.ENOENT: "that place does not exist or cannot hold files; choose another output folder",
    errno.ENAMETOOLONG: "that path is too long; choose a shorter output folder",
    errno.EFBIG: "the file is too large for that file system; choose a folder on another disk",
}


def output_error(path: Path, error: OSError) -> OutputError:
    """The error to raise when writing to `path` failed with `error`: what failed, why, and the remedy."""
    remedy = _REMEDIES.get(error.errno or 0, f"{error.strerror or error}; choose another output folder")
    return OutputError(f"Cannot write {path}: {remedy}.")


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing; it becomes `path` when the block ends without an error.

    Raises:
        OutputError: the file cannot be written; nothing is left behind and an older file at `path` is untouched.
    """
    # Not `tempfile`: its files are readable by the owner alone, and results should get the usual permissions.
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}{_PARTIAL}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise output_error(path, error) from error
        raise


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A place beside `path` at which to write a file or a folder; it becomes `path` when the block ends without error.

    What was at `path` is there until then, and replaced then.

    Raises:
        OutputError: the place cannot be written to; nothing is left behind and what was at `path` is untouched.
    """
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(6)}{_PARTIAL}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.is_dir() and not path.is_symlink():
            # A folder cannot be renamed over another one.
            old = temporary.with_name(f"{temporary.name}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError):
            raise output_error(path, error) from error
        raise


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a small file atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    with atomic_file(path) as file:
        file.write(content)


def write_together(contents: dict[Path, bytes | memoryview]) -> None:
    """Write files that belong together: all of them under temporary names first, then renamed in the given order.

    If the disk fills up on the way, none of them appears. If the process dies between two renames the last ones are
    missing, so the file that readers look for goes last.

    Raises:
        OutputError: one of the files cannot be written.
    """
    if not contents:
        return
    (path, content), *rest = reversed(contents.items())
    # Nested blocks end from the inside out: the innermost file, which is the first of `contents`, is renamed first.
    with atomic_file(path) as file:
        file.write(content)
        file.flush()
        write_together(dict(reversed(rest)))


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        OutputError: a file is in the way, or the folder cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed process left half-written in `folder`."""
    with suppress(OSError):
        for path in folder.glob(f".*{_PARTIAL}"):
            path.unlink(missing_ok=True)
