"""Data sets in tar archives (shards): members are found by reading the headers once, and read in place.

Any layout of a reader works in archives: `tar -cf scene_0001.tar SceneXX` in the root of the data set, for a few
gigabytes each. Paths within are relative to the root of the data set, and all archives of a folder make up one tree.
"""

import functools
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mda.errors import InputError
from mda.io.names import is_hidden, natural_key

_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst", ".tgz"})


@dataclass(frozen=True)
class TarFiles:
    """The files in the tar archives of a folder (or in one archive).

    Attributes:
        root: the folder, or the archive.

    Raises:
        InputError: there is none, or one is damaged or compressed (nothing could be found without reading all).
    """

    root: Path
    _tree: "_Tree" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the headers of all archives."""
        archives = [self.root] if self.root.is_file() else find_archives(self.root)
        if not archives:
            message = f"No tar archives in {self.root}."
            raise InputError(message)
        object.__setattr__(self, "_tree", _Tree.of(archives))

    @property
    def place(self) -> str:
        """The root, for messages."""
        return str(self.root)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders in a folder."""
        return sorted(self._tree.folders.get(folder, ()), key=natural_key)

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder that hold something."""
        return sorted(self._tree.files.get(folder, {}), key=natural_key)

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            InputError: it is missing or cannot be read.
        """
        folder, _, name = path.rpartition("/")
        found = self._tree.files.get(folder, {}).get(name)
        if found is None:
            message = f"{self.root} holds no file {path}; make the archives again."
            raise InputError(message)
        number, start, size = found
        archive = self._tree.archives[number]
        try:
            with archive.open("rb") as file:
                file.seek(start)
                content = file.read(size)
        except OSError as error:
            message = f"Cannot read {path} in {archive}: {error.strerror or error}. Copy it again."
            raise InputError(message) from error
        if len(content) != size:
            message = f"{archive} is cut off within {path}; copy it again."
            raise InputError(message)
        return content


@dataclass(frozen=True)
class _Tree:
    """What is where: by folder, the folders in it, and the files in it with archive, offset and size."""

    archives: tuple[Path, ...]
    folders: Mapping[str, set[str]]
    files: Mapping[str, dict[str, tuple[int, int, int]]]

    @classmethod
    def of(cls, archives: list[Path]) -> "_Tree":
        folders: dict[str, set[str]] = {}
        files: dict[str, dict[str, tuple[int, int, int]]] = {}
        for number, archive in enumerate(archives):
            for path, start, size in _members(archive):
                parts = PurePosixPath(path)
                folder = "/".join(parts.parts[:-1])
                files.setdefault(folder, {})[parts.name] = number, start, size
                for depth in range(len(parts.parts) - 1):
                    folders.setdefault("/".join(parts.parts[:depth]), set()).add(parts.parts[depth])
        return cls(tuple(archives), folders, files)


def _members(archive: Path) -> Iterator[tuple[str, int, int]]:
    """Path, offset and size of the visible files of an archive that hold something; links are passed over."""
    try:
        with tarfile.open(archive, "r:") as opened:
            for member in opened:
                path = PurePosixPath(member.name)
                parts = [part for part in path.parts if part not in {"/", "."}]
                if member.isreg() and member.size and ".." not in parts and not is_hidden(Path(path.name)):
                    yield "/".join(parts), member.offset_data, member.size
            end = opened.offset
        with archive.open("rb") as file:
            file.seek(end)
            closing = file.read(tarfile.BLOCKSIZE)
            rest = any(block.strip(b"\0") for block in iter(lambda: file.read(tarfile.RECORDSIZE), b""))
    except (tarfile.TarError, OSError, EOFError) as error:
        message = f"{archive} cannot be read as a tar archive ({error}); copy it again, or unpack it."
        raise InputError(message) from error
    if closing != bytes(tarfile.BLOCKSIZE):  # the reader takes the end of the file for the end of the archive
        message = f"{archive} is cut off: it has no end mark after {end} bytes; copy it again."
        raise InputError(message)
    if rest:  # the reader takes any empty block for the end mark, also one within
        message = f"{archive} is damaged: after {end} bytes a block is empty, and more follows; download it again."
        raise InputError(message)


def find_archives(folder: Path) -> list[Path]:
    """The tar archives directly in a folder, in natural order; a folder or a dead link of such a name is none.

    Raises:
        InputError: the folder cannot be listed.
    """
    return [path for path in _regular_files(folder) if path.suffix == ".tar"]


def find_compressed(root: Path) -> list[Path]:
    """The compressed archives directly in a folder (or the one that the path is), which are not read."""
    files = [root] if root.is_file() else _regular_files(root)
    return [path for path in files if path.suffix == ".tgz" or (path.suffix in _PACKED and ".tar" in path.suffixes)]


def _regular_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    try:
        found = [path for path in folder.iterdir() if not is_hidden(path) and path.is_file()]
    except OSError as error:
        message = f"Cannot list {folder}: {error.strerror or error}. Check its permissions."
        raise InputError(message) from error
    return sorted(found, key=natural_key)


@functools.lru_cache(maxsize=32)
def _opened(root: Path, stamps: tuple[int, ...]) -> TarFiles:
    del stamps  # part of the key, so that archives that have changed are read again
    return TarFiles(root)


def open_archives(root: Path) -> TarFiles | None:
    """The files in the tar archives of a folder (or in one archive); None if there are none.

    Raises:
        InputError: an archive cannot be used.
    """
    archives = [root] if root.is_file() else find_archives(root)
    try:
        stamps = tuple(path.stat().st_mtime_ns for path in archives)
    except OSError as error:
        message = f"Cannot read an archive in {root}: {error.strerror or error}. Copy it again, or remove it."
        raise InputError(message) from error
    return _opened(root, stamps) if archives else None
