"""What is where in tar archives (shards), and the index of it that makes reading all their headers needless.

    shards.json     {"format_version": 1, "shards": [{"name": "tartanair-000000.tar", "size": 1000003584,
                     "members": [["office/Easy/P000/000000.image.jpg", 512, 34567], ...]}, ...]}

It lies beside the shards; sizes and offsets are in bytes. An archive and its index belong together as long as the size
of the archive is the one in the index.
"""

import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from mda.errors import InputError
from mda.io.names import is_hidden, natural_key

INDEX_FILE = "shards.json"
FORMAT_VERSION = 1
_REMEDY = f"make it again where the archives are: `mda data index FOLDER`, and put {INDEX_FILE} beside them."


class Member(NamedTuple):
    """A file in an archive: its path, and the offset and size of its content in bytes."""

    path: str
    start: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A tar archive.

    Attributes:
        name: of the file, without folders.
        size: in bytes.
        members: the visible files in it that hold something.
    """

    name: str
    size: int
    members: tuple[Member, ...]


class Location(NamedTuple):
    """Where the content of a file is: number of the shard, and bytes from `start` to before `stop`."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True)
class ShardTree:
    """The files of several shards as one tree; trees of the same shards are equal.

    Attributes:
        shards: names and sizes.
    """

    shards: tuple[tuple[str, int], ...]
    _folders: Mapping[str, set[str]] = field(repr=False, compare=False)
    _files: Mapping[str, dict[str, Location]] = field(repr=False, compare=False)

    @classmethod
    def of(cls, shards: Iterable[Shard]) -> "ShardTree":
        """Make one of shards."""
        told: list[tuple[str, int]] = []
        folders: dict[str, set[str]] = {}
        files: dict[str, dict[str, Location]] = {}
        for number, shard in enumerate(shards):
            told.append((shard.name, shard.size))
            for path, start, size in shard.members:
                folder, _, name = path.rpartition("/")
                if folder not in files:
                    files[folder] = {}
                    parts = folder.split("/") if folder else []
                    for depth, part in enumerate(parts):
                        folders.setdefault("/".join(parts[:depth]), set()).add(part)
                files[folder][name] = Location(number, start, start + size)
        return cls(tuple(told), folders, files)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, in natural order."""
        return sorted(self._folders.get(folder, ()), key=natural_key)

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, in natural order."""
        return sorted(self._files.get(folder, {}), key=natural_key)

    def find(self, path: str) -> Location | None:
        """Where a file is; None if there is none."""
        folder, _, name = path.rpartition("/")
        return self._files.get(folder, {}).get(name)


def scan_shard(file: Any, name: str, place: str) -> Shard:  # noqa: ANN401 - file systems have kinds of their own
    """Read the headers of an archive; links and hidden files are passed over.

    Args:
        file: opened for reading bytes, with random access.
        name: of the archive.
        place: its path or URL, for messages.

    Raises:
        InputError: it is damaged, cut off, compressed or no archive.
        OSError: it cannot be read.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as opened:
            members = tuple(_members(opened))
            end = opened.offset
    except (tarfile.TarError, EOFError) as error:
        message = f"{place} cannot be read as a tar archive ({error}); copy it again, or unpack it."
        raise InputError(message) from error
    file.seek(end)
    closing = file.read(tarfile.BLOCKSIZE)
    if closing != bytes(tarfile.BLOCKSIZE):  # the reader takes the end of the file for the end of the archive
        message = f"{place} is cut off: it has no end mark after {end} bytes; copy it again."
        raise InputError(message)
    if any(block.strip(b"\0") for block in iter(lambda: file.read(tarfile.RECORDSIZE), b"")):
        # The reader takes any empty block for the end mark, also one within.
        message = f"{place} is damaged: after {end} bytes a block is empty, and more follows; download it again."
        raise InputError(message)
    return Shard(name=name, size=file.tell(), members=members)


def _members(opened: tarfile.TarFile) -> Iterator[Member]:
    for member in opened:
        path = PurePosixPath(member.name)
        parts = [part for part in path.parts if part not in {"/", "."}]
        if member.isreg() and member.size and ".." not in parts and not is_hidden(Path(path.name)):
            yield Member("/".join(parts), member.offset_data, member.size)


def encode_index(shards: Iterable[Shard]) -> bytes:
    """The index of shards as the content of its file."""
    told = [{"name": shard.name, "size": shard.size, "members": shard.members} for shard in shards]
    return json.dumps({"format_version": FORMAT_VERSION, "shards": told}, separators=(",", ":")).encode()


def decode_index(content: bytes, place: str) -> tuple[Shard, ...]:
    """The shards in the content of an index; `place` is its path or URL, for messages.

    Raises:
        InputError: it is damaged, of a newer format, or names what cannot be.
    """
    try:
        about = json.loads(content)
        version = about["format_version"]
        if version != FORMAT_VERSION:
            message = (
                f"{place}: format_version is {version}, this program reads {FORMAT_VERSION}. Update mda, or {_REMEDY}"
            )
            raise InputError(message)
        shards = tuple(
            Shard(
                name=str(entry["name"]),
                size=int(entry["size"]),
                members=tuple(Member(str(path), int(start), int(size)) for path, start, size in entry["members"]),
            )
            for entry in about["shards"]
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"{place} is no index of archives, or damaged ({error}); {_REMEDY}"
        raise InputError(message) from error
    for shard in shards:
        if not _is_possible(shard):
            message = f"{place} is damaged: what it says of {shard.name!r} cannot be; {_REMEDY}"
            raise InputError(message)
    return shards


def _is_possible(shard: Shard) -> bool:
    """Whether it is a file beside the index, and its members lie within it and within the tree."""
    return (
        "/" not in shard.name
        and shard.name.endswith(".tar")
        and all(
            start > 0 and size > 0 and start + size <= shard.size and ".." not in path.split("/") and path[:1] != "/"
            for path, start, size in shard.members
        )
    )
