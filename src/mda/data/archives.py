"""Data sets in local tar archives (shards): members are found by an index or by the headers, and read in place.

Any layout of a reader works in archives: `tar -cf scene_0001.tar SceneXX` in the root of the data set, for a few
gigabytes each. Paths within are relative to the root of the data set, and all archives of a folder make up one tree.
"""

import functools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mda.data.shards import INDEX_FILE, Shard, ShardTree, decode_index, encode_index, scan_shard
from mda.errors import InputError
from mda.io.atomic import write_bytes
from mda.io.names import is_hidden, natural_key

_LOGGER = logging.getLogger(__name__)
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
    # Compared, too: what readers remember of archives must not be taken for that of others in their place.
    _tree: ShardTree = field(init=False, repr=False)
    _archives: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find out what is in the archives."""
        archives = [self.root] if self.root.is_file() else find_archives(self.root)
        if not archives:
            message = f"No tar archives in {self.root}."
            raise InputError(message)
        shards = None if self.root.is_file() else _indexed(self.root, archives)
        tree = ShardTree.of(map(_scanned, archives) if shards is None else shards)
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "_archives", tuple(archives[0].with_name(name) for name, _ in tree.shards))

    @property
    def place(self) -> str:
        """The root, for messages."""
        return str(self.root)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders in a folder."""
        return self._tree.folders(folder)

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder that hold something."""
        return self._tree.names(folder)

    def fetch(self, paths: Iterable[str]) -> None:
        """Nothing to do: all is near."""

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            InputError: it is missing or cannot be read.
        """
        found = self._tree.find(path)
        if found is None:
            message = f"{self.root} holds no file {path}; make the archives again."
            raise InputError(message)
        archive, size = self._archives[found.shard], found.stop - found.start
        try:
            with archive.open("rb") as file:
                file.seek(found.start)
                content = file.read(size)
        except OSError as error:
            message = f"Cannot read {path} in {archive}: {error.strerror or error}. Copy it again."
            raise InputError(message) from error
        if len(content) != size:
            message = f"{archive} is cut off within {path}; copy it again."
            raise InputError(message)
        return content


def write_index(folder: Path) -> tuple[Shard, ...]:
    """Write the index of the archives of a folder beside them, from their headers.

    Raises:
        InputError: there are no archives, or one is damaged.
        OutputError: the index cannot be written.
    """
    archives = find_archives(folder)
    if not archives:
        message = f"No tar archives in {folder}; check the path."
        raise InputError(message)
    shards = tuple(map(_scanned, archives))
    write_bytes(folder / INDEX_FILE, encode_index(shards))
    return shards


def _scanned(archive: Path) -> Shard:
    """What the headers of an archive say."""
    try:
        with archive.open("rb") as file:
            return scan_shard(file, archive.name, str(archive))
    except OSError as error:
        message = f"{archive} cannot be read as a tar archive ({error}); copy it again, or unpack it."
        raise InputError(message) from error


def _indexed(folder: Path, archives: Sequence[Path]) -> tuple[Shard, ...] | None:
    """What the index of a folder says of its archives; None, with a warning if there is one, where it does not fit."""
    path = folder / INDEX_FILE
    if not path.is_file():
        return None
    try:
        shards = decode_index(path.read_bytes(), str(path))
        sizes = {archive.name: archive.stat().st_size for archive in archives}
    except (InputError, OSError) as error:
        _LOGGER.warning("%s The headers of the archives are read instead.", error)
        return None
    told = {shard.name: shard.size for shard in shards}
    if other := sorted({name for name, _ in told.items() ^ sizes.items()}, key=natural_key):
        _LOGGER.warning(
            "%s does not fit the archives beside it (%s), so their headers are read. "
            "Make it again: mda data index %s", path, ", ".join(other[:3]), folder,
        )  # fmt: skip
        return None
    return shards


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
    index = root / INDEX_FILE
    try:
        stamps = tuple(path.stat().st_mtime_ns for path in (*archives, *((index,) if index.is_file() else ())))
    except OSError as error:
        message = f"Cannot read an archive in {root}: {error.strerror or error}. Copy it again, or remove it."
        raise InputError(message) from error
    return _opened(root, stamps) if archives else None
