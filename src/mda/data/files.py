"""The files of a data set, named by paths relative to its root; here those of a folder."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

from mda.errors import InputError
from mda.io.names import is_hidden, natural_key


@runtime_checkable
class Files(Protocol):
    """A tree of files that are read whole. Picklable, without open files, so that loader processes can share it."""

    @property
    def place(self) -> str:
        """The root, for messages."""
        ...

    def folders(self, folder: str = "") -> list[str]:
        """Names of the visible folders in a folder, in natural order; none if it does not exist."""
        ...

    def names(self, folder: str = "") -> list[str]:
        """Names of the visible files in a folder, in natural order; none if it does not exist.

        Empty files are what a download that has stopped leaves behind; they are not listed, so they count as missing.
        """
        ...

    def fetch(self, paths: Iterable[str]) -> None:
        """Say which files are read next, so that those far away come in one go; what is missing is passed over.

        Raises:
            RemoteError: another machine does not give them.
        """
        ...

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            InputError: it is missing or cannot be read, or is not below the root; the message names it.
            RemoteError: another machine does not give it.
        """
        ...


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder on disk.

    Attributes:
        root: the folder.
    """

    root: Path

    def __post_init__(self) -> None:
        """Refuse what is not a folder.

        Raises:
            InputError: there is no such folder.
        """
        if not self.root.is_dir():
            message = f"No folder at {self.root}; check the path."
            raise InputError(message)

    @property
    def place(self) -> str:
        """The root, for messages."""
        return str(self.root)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the visible folders in a folder."""
        return self._list(folder, folders=True)

    def names(self, folder: str = "") -> list[str]:
        """Names of the visible files in a folder that hold something."""
        return self._list(folder, folders=False)

    def fetch(self, paths: Iterable[str]) -> None:
        """Nothing to do: all is near."""

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            InputError: it is missing or cannot be read, or is not below the root.
        """
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            message = f"{path!r} leads out of {self.root}, so it is not read; download or prepare what names it again."
            raise InputError(message)
        try:
            return (self.root / path).read_bytes()
        except (OSError, ValueError) as error:  # a name that a damaged file gave may hold a zero byte
            why = error.strerror or error if isinstance(error, OSError) else error
            message = f"Cannot read {self.root / path}: {why}. Download or prepare it again."
            raise InputError(message) from error

    def _list(self, folder: str, *, folders: bool) -> list[str]:
        place = self.root / folder
        try:
            with os.scandir(place) as entries:
                inside = [
                    entry.name
                    for entry in entries
                    if not is_hidden(entry.name) and entry.is_dir() == folders and (folders or _holds_something(entry))
                ]
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []
        except OSError as error:
            message = f"Cannot list {place}: {error.strerror or error}. Check its permissions."
            raise InputError(message) from error
        return sorted(inside, key=natural_key)


def _holds_something(entry: os.DirEntry[str]) -> bool:
    """Whether a file has any content; a link that leads nowhere has none."""
    try:
        return entry.stat().st_size > 0
    except OSError:
        return False
