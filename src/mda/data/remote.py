"""Data sets in tar archives (shards) on another machine, of which only what is needed is fetched, through `fsspec`.

What is where is told by their index (`mda.data.shards`), so that opening a data set takes one request. Files that are
read together are fetched together: neighbours in an archive in one request, others at the same time.
"""

import functools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from mda.data.places import joined, shown
from mda.data.shards import INDEX_FILE, Location, Shard, ShardTree, decode_index, scan_shard
from mda.errors import ConfigError, InputError, MdaError, RemoteError
from mda.io.names import is_hidden, natural_key
from mda.optional import require

T = TypeVar("T")

# Seconds to wait before each further attempt.
_PAUSES = (0.5, 2.0, 5.0)
_CONNECT_SECONDS, _READ_SECONDS = 20, 60
# Bytes between two files that are rather fetched along than asked around; the layers of a glass view are so large.
_GAP = 2**18
# Most bytes that are fetched ahead.
_MOST_AT_HAND = 2**26
# Requests at the same time.
_AT_ONCE = 8
# Headers are read in blocks of so many bytes.
_SCAN_BLOCK = 2**16
_PAST_THE_END = 416
# Answers of a server that another attempt may change, although they blame the request.
_PASSING = frozenset({408, 425, 429})


class _AbsentError(RemoteError):
    """There is nothing at a URL."""


class _Piece(NamedTuple):
    """A part of a shard that has been fetched."""

    where: Location
    content: bytes

    def holds(self, wanted: Location) -> bool:
        where = self.where
        return where.shard == wanted.shard and where.start <= wanted.start and wanted.stop <= where.stop


@dataclass(frozen=True)
class RemoteFiles:
    """The files in tar archives below a URL. Each process makes its own connections.

    Attributes:
        url: of the folder that holds the archives; it may hold a password, `place` does not.
    """

    url: str = field(repr=False)
    _tree: ShardTree = field(repr=False)
    # What was fetched last; so large as the files of one clip.
    _at_hand: list[_Piece] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def place(self) -> str:
        """The URL without passwords and tokens, for messages."""
        return shown(self.url)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders in a folder."""
        return self._tree.folders(folder)

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder that hold something."""
        return self._tree.names(folder)

    def fetch(self, paths: Iterable[str]) -> None:
        """Get files in as few requests as there are stretches of neighbours, all at the same time.

        Files of more than 64 MiB in all are left to be read one by one.

        Raises:
            RemoteError: a shard cannot be read, or is not the one of the index.
        """
        wanted = {found for path in paths if (found := self._tree.find(path)) is not None}
        stretches = _stretches(wanted)
        size = sum(where.stop - where.start for where in stretches)
        if size <= _MOST_AT_HAND and any(self._near(found) is None for found in wanted):
            self._at_hand[:] = map(_Piece, stretches, self._contents(stretches))

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises:
            InputError: it is not in the index.
            RemoteError: its shard cannot be read, or is not the one of the index.
        """
        found = self._tree.find(path)
        if found is None:
            message = f"{self.place} holds no file {path}; make the archives again."
            raise InputError(message)
        content = self._near(found)
        return self._contents([found])[0] if content is None else content

    def _near(self, wanted: Location) -> bytes | None:
        """Bytes that are at hand."""
        for where, content in (piece for piece in self._at_hand if piece.holds(wanted)):
            return content[wanted.start - where.start : wanted.stop - where.start]
        return None

    def _contents(self, ranges: Sequence[Location]) -> list[bytes]:
        """Bytes from shards that are those of the index."""
        for number in {wanted.shard for wanted in ranges}:
            _check(self.url, *self._tree.shards[number], os.getpid())
        found: list[bytes] = []
        for first in range(0, len(ranges), _AT_ONCE):
            some = ranges[first : first + _AT_ONCE]
            names = [self._tree.shards[wanted.shard][0] for wanted in some]
            attempt = functools.partial(_read_ranges, self.url, names, some)
            found += _retried(_below(self.url, names[0]), attempt)
        return found


def _stretches(wanted: Iterable[Location]) -> list[Location]:
    """Ranges with neighbours made one."""
    ordered = sorted(wanted)
    found = ordered[:1]
    for shard, start, stop in ordered[1:]:
        last = found[-1]
        if shard == last.shard and start - last.stop <= _GAP:
            found[-1] = Location(shard, last.start, max(stop, last.stop))
        else:
            found.append(Location(shard, start, stop))
    return found


def open_remote(url: str) -> RemoteFiles:
    """The files in the tar archives below a URL, or in the one archive that it is.

    Raises:
        InputError: there is neither an index nor a list of archives, or something there is damaged.
        RemoteError: the other machine does not answer, or lacks what is needed.
        ConfigError, MissingExtraError: nothing that is installed knows such URLs.
    """
    base, mark, query = url.partition("?")
    if base.endswith(".tar"):
        folder, _, name = base.rpartition("/")
        url = f"{folder}{mark}{query}"
        return RemoteFiles(url, ShardTree.of([_scanned(url, unquote(name))]))
    shards = _indexed(url)
    if shards is None:
        shards = [_scanned(url, name) for name in _listed(url)]
    return RemoteFiles(url, ShardTree.of(shards))


def _indexed(url: str) -> tuple[Shard, ...] | None:
    """What the index below a URL says; None if there is none."""
    place = _below(url, INDEX_FILE)

    def all_but_the_first_byte() -> bytes:
        system, root = _system(url, os.getpid())
        return system.cat_file(_below(root, INDEX_FILE), 1)

    try:
        content = _retried(place, all_but_the_first_byte)
    except _AbsentError:
        return None
    # Asked for without its first byte, which is known, it also tells whether the server gives parts of files.
    if content.startswith(b"{"):
        raise _no_ranges(place)
    return decode_index(b"{" + content, shown(place))


def _listed(url: str) -> list[str]:
    """Names of the archives, where the server lists them.

    Raises:
        InputError: it does not, or there are none.
    """

    def listing() -> list[str]:
        system, root = _system(url, os.getpid())
        return system.ls(root, detail=False)

    try:
        paths, why = _retried(url, listing), ""
    except RemoteError as error:
        paths, why = [], f" ({error})"
    names = {unquote(path.partition("?")[0].rpartition("/")[2]) for path in paths}
    found = sorted((name for name in names if name.endswith(".tar") and not is_hidden(name)), key=natural_key)
    if not found:
        message = (
            f"{shown(url)} has no {INDEX_FILE}, and no tar archives are listed there{why}. Check the URL, or make the "
            f"index where the archives are, `mda data index FOLDER`, and put {INDEX_FILE} beside them."
        )
        raise InputError(message)
    return found


def _scanned(url: str, name: str) -> Shard:
    """What the headers of an archive say; many small requests."""
    place = _below(url, name)

    def scan() -> Shard:
        system, root = _system(url, os.getpid())
        with system.open(_below(root, name), "rb", block_size=_SCAN_BLOCK, cache_type="readahead") as file:
            return scan_shard(file, name, shown(place))

    return _retried(place, scan)


@functools.cache
def _check(url: str, name: str, size: int, process: int) -> None:
    """Check, once per process, that a shard has the size that its index says.

    Raises:
        RemoteError: it has another one, or cannot be read.
    """
    place = _below(url, name)

    def last_byte_and_the_next() -> bytes:
        system, root = _system(url, process)
        try:
            return system.cat_file(_below(root, name), size - 1, size + 1)
        except Exception as error:
            if _status(error) == _PAST_THE_END:
                return b""
            raise

    found = len(_retried(place, last_byte_and_the_next))
    if found > 2:
        raise _no_ranges(place)
    if found != 1:
        message = (
            f"{shown(place)} is not the archive of {size:,} bytes that {INDEX_FILE} tells of. Make the index again "
            "where the archives are, `mda data index FOLDER`, or put back the archive that belongs to it."
        )
        raise RemoteError(message)


def _read_ranges(url: str, names: Sequence[str], ranges: Sequence[Location]) -> list[bytes]:
    """One attempt to read parts of shards at the same time.

    Raises:
        Exception: whatever the file system raises.
    """
    system, root = _system(url, os.getpid())
    paths = [_below(root, name) for name in names]
    starts, stops = [wanted.start for wanted in ranges], [wanted.stop for wanted in ranges]
    contents = system.cat_ranges(paths, starts, stops, on_error="return")
    for name, wanted, content in zip(names, ranges, contents, strict=True):
        if isinstance(content, Exception):
            raise content
        size = wanted.stop - wanted.start
        if len(content) > size:
            raise _no_ranges(_below(url, name))
        if len(content) < size:
            message = f"{len(content):,} of {size:,} bytes came"
            raise ConnectionError(message)
    return contents


def _retried(place: str, attempt: Callable[[], T]) -> T:
    """The result of an attempt, made again after a pause if it may help.

    Raises:
        RemoteError: it did not.
    """
    pauses = iter(_PAUSES)
    while True:
        try:
            return attempt()
        except (MdaError, TypeError, AttributeError):  # told already, or a mistake in a program
            raise
        except Exception as error:  # noqa: BLE001 - file systems raise what they like, aiohttp its own kinds
            # Without its cause, which may show the password in the URL.
            if isinstance(error, FileNotFoundError) or _status(error) in {404, 410}:
                message = f"There is no {shown(place)}; check the URL, or put it there again."
                raise _AbsentError(message) from None
            pause = next(pauses, None)
            if pause is None or _is_final(error):
                why = shown(error) or type(error).__name__
                message = (
                    f"{shown(place)} cannot be read ({why}). Check the connection, and that you may read it; then run "
                    "the same again."
                )
                raise RemoteError(message) from None
            time.sleep(pause)


def _is_final(error: Exception) -> bool:
    """Whether another attempt cannot help."""
    refused = 400 <= _status(error) < 500 and _status(error) not in _PASSING
    return refused or isinstance(error, PermissionError | ValueError)


def _status(error: Exception) -> int:
    """The answer of an HTTP server in an error; 0 in other errors."""
    status = getattr(error, "status", 0)  # aiohttp is not always installed, so its class cannot be asked for
    return status if isinstance(status, int) else 0


def _no_ranges(place: str) -> RemoteError:
    message = (
        f"{shown(place)} comes whole when a part of it is asked for: its server ignores Range requests, so single "
        "files cannot be read from archives there. Use another server (nginx, Apache, S3), or copy the archives."
    )
    return RemoteError(message)


def _below(url: str, name: str) -> str:
    """The URL, or path in its file system, of a file in a folder."""
    return str(joined(url, quote(name) if url.startswith(("http://", "https://")) else name))


@functools.cache
def _system(url: str, process: int) -> tuple[Any, str]:
    """The file system of a URL, and the path of the URL in it.

    Connections do not survive a fork, so each process has its own. Those that it inherits stay in this cache, because
    closing them would close the parent's.
    """
    del process
    fsspec = require("fsspec", "data")
    options: dict[str, Any] = {}
    if url.startswith(("http://", "https://")):
        aiohttp = require("aiohttp", "data")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS)
        # Parts of compressed answers are no parts of files. `trust_env`: proxies, and passwords from ~/.netrc.
        options = {
            "headers": {"Accept-Encoding": "identity"},
            "client_kwargs": {"timeout": timeout, "trust_env": True},
        }
    try:
        return fsspec.core.url_to_fs(url, skip_instance_cache=True, **options)
    except (ImportError, ValueError) as error:  # the package of that protocol is not installed; no such protocol
        message = f"{shown(url)} cannot be opened: {shown(error)}."
        raise ConfigError(message) from None
