"""Files of the Hugging Face Hub: found in its cache, or fetched with progress, resume and checksum.

The cache is the one of `huggingface_hub`, so what other programs fetched is found here, and the other way round. The
library itself forgets what it got when a download is stopped; here the part that came is kept beside the finished files
and the next attempt goes on from it. Nothing becomes visible in the cache before its checksum is right.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mda import __version__
from mda.errors import CheckpointError
from mda.models.presets import HubFile
from mda.optional import require

_MAIN = "main"
_YES = frozenset({"1", "ON", "YES", "TRUE"})
_SHA256_LENGTH, _SHA1_LENGTH = 64, 40
_PARTIAL = ".mda-partial"
_REFUSED = frozenset({401, 403})
_TERMS = (
    "its owner may want you to accept terms. Do that on its page on the Hub, then run `hf auth login`, or set HF_TOKEN "
    "to a token of your account that may do this"
)


def offline() -> bool:
    """Whether the user forbids the network (`HF_HUB_OFFLINE`)."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES


def endpoint() -> str:
    """Address of the Hub, or of the mirror that `HF_ENDPOINT` names."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def cache_folder() -> Path:
    """The Hub's cache, as the library finds it.

    `$HF_HUB_CACHE`, `$HF_HOME/hub`, `$XDG_CACHE_HOME/huggingface/hub`, or `~/.cache/huggingface/hub`.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("HF_HOME") or caches / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def cached(file: HubFile) -> Path | None:
    """A file in the Hub's cache, of the newest version that was fetched, or None."""
    folder = _folder(file)
    reference = folder / "refs" / _MAIN
    commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else ""
    current = folder / "snapshots" / commit / file.file
    if commit and current.is_file():
        return current
    others = sorted(path for path in folder.glob(f"snapshots/*/{file.file}") if path.is_file())
    return others[-1] if others else None


def fetch(
    file: HubFile, *, remedy: str, revision: str = _MAIN, announce: Callable[[str], None] = lambda _: None
) -> Path:
    """A file of the Hub in its cache, fetched if this version is not there yet.

    Args:
        file: repository and name.
        remedy: what to tell the user to do if it fails.
        revision: branch, tag or commit.
        announce: receives the size, for people, just before a file is fetched.

    Raises:
        CheckpointError: it cannot be fetched; the message says why, and ends with the remedy.
        MissingExtraError: `huggingface_hub` is not installed.
    """
    hub = require("huggingface_hub", "hub")
    if offline():
        message = f"HF_HUB_OFFLINE is set, so {file.file} of {file.repo} is not fetched. {remedy}"
        raise CheckpointError(message)
    with explained(f"Cannot fetch {file.file} of {file.repo}", remedy):
        url = hub.hf_hub_url(file.repo, file.file, revision=revision, endpoint=endpoint())
        remote = hub.get_hf_file_metadata(url, endpoint=endpoint(), library_name="mda", library_version=__version__)
        if not (remote.commit_hash and remote.etag and set(remote.etag) <= set("0123456789abcdef")):
            message = f"{endpoint()} does not answer like a Hub: it tells no commit or checksum (see HF_ENDPOINT)"
            raise OSError(message)
        blob = _folder(file) / "blobs" / remote.etag
        blob.parent.mkdir(parents=True, exist_ok=True)
        lock = cache_folder() / ".locks" / _folder(file).name / f"{remote.etag}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with hub.utils.WeakFileLock(lock):
            if not blob.is_file():
                announce("size unknown" if remote.size is None else f"{remote.size / 1e6:,.1f} MB")
                # From this very commit, should the branch move while we work.
                url = hub.hf_hub_url(file.repo, file.file, revision=remote.commit_hash, endpoint=endpoint())
                _transfer(hub, url, blob, remote.size)
        if revision == _MAIN:
            _remember(file, remote.commit_hash)
        # With the content in place, this makes the entry by which all programs find it, in the library's own way.
        found = hub.hf_hub_download(
            file.repo, file.file, revision=remote.commit_hash, cache_dir=cache_folder(), endpoint=endpoint()
        )
    return Path(found)


@contextmanager
def explained(what: str, remedy: str) -> Iterator[None]:
    """Turn the errors of the Hub's library, the network and the disk into one of ours.

    Args:
        what: what could not be done.
        remedy: what to tell the user to do.

    Raises:
        CheckpointError: what failed, why, and the remedy.
    """
    kinds = require("huggingface_hub.errors", "hub")
    try:
        yield
    except (OSError, RuntimeError, kinds.HTTPError, kinds.HFValidationError, kinds.EntryNotFoundError) as error:
        # The library packs what goes wrong in a thread of its own into a RuntimeError.
        cause = error.__cause__ if isinstance(error, RuntimeError) else None
        reason = _reason(kinds, cause if isinstance(cause, Exception) else error)
        message = f"{what}: {reason}. {remedy}"
        raise CheckpointError(message) from error


def _reason(kinds: ModuleType, error: Exception) -> str:
    """Why something with the Hub failed, for people."""
    # A gated repository is a kind of one that is not found for the library, so it goes first.
    known = (
        (kinds.GatedRepoError, f"the repository is gated: {_TERMS}"),
        (kinds.RepositoryNotFoundError, "there is no such repository, or it is private (then set HF_TOKEN)"),
        (kinds.RevisionNotFoundError, "the repository has no such version"),
        (kinds.RemoteEntryNotFoundError, "the repository holds no such file"),
        (kinds.HFValidationError, "that is no name of a repository, which looks like owner/name"),
        (kinds.OfflineModeIsEnabled, "HF_HUB_OFFLINE is set"),
    )
    for kind, text in known:
        if isinstance(error, kind):
            return text
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in _REFUSED:
        return f"{endpoint()} refuses access ({status}): {_TERMS}"
    if status is not None:
        return f"{endpoint()} answered with an error ({status})"
    return _reason_of_system(error)


def _reason_of_system(error: Exception) -> str:
    """Why disk or network failed, for people."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk of {cache_folder()} is full; free some space, or set HF_HUB_CACHE to a folder on another disk"
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot write to {error.filename} ({error.strerror}); set HF_HUB_CACHE to a folder of yours"
    if isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno is None):
        # Written for people already: by us, or by the library.
        return text
    return f"there is no connection to {endpoint()} ({text})"


def _folder(file: HubFile) -> Path:
    """Folder of a repository in the cache."""
    return cache_folder() / f"models--{file.repo.replace('/', '--')}"


def _remember(file: HubFile, commit: str) -> None:
    """Note in the cache which commit the main branch is at."""
    reference = _folder(file) / "refs" / _MAIN
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(commit, encoding="utf-8")


def _transfer(hub: ModuleType, url: str, blob: Path, size: int | None) -> None:
    """Fetch the content of `url` to `blob`, which is named by its checksum, going on from an earlier attempt.

    Raises:
        OSError: connection, disk or checksum.
    """
    transfer: Callable[..., Any] = require("huggingface_hub.file_download", "hub").http_get
    partial = blob.with_name(blob.name + _PARTIAL)
    if size is not None and partial.is_file() and partial.stat().st_size > size:
        partial.unlink()
    have = partial.stat().st_size if partial.is_file() else 0
    if size is not None and shutil.disk_usage(blob.parent).free < size - have:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    headers = hub.utils.build_hf_headers(library_name="mda", library_version=__version__)
    with partial.open("ab") as file:
        transfer(url, file, resume_size=have, headers=headers, expected_size=size)
    found = _checksum(partial, len(blob.name))
    if found != blob.name:
        partial.unlink()
        message = (
            f"what came has the checksum {found}, but the server says {blob.name}, so it was deleted. "
            "Try again; if that does not help, something on the way changes files"
        )
        raise OSError(message)
    partial.replace(blob)


def _checksum(path: Path, length: int) -> str:
    """Checksum of a file as the Hub tells it: sha256 for large files, git's own sha1 for small ones.

    Args:
        path: the file.
        length: of the checksum in hexadecimal digits, which tells the kind.

    Raises:
        OSError: the Hub knows no checksum of this length.
    """
    with path.open("rb") as file:
        if length == _SHA256_LENGTH:
            return hashlib.file_digest(file, "sha256").hexdigest()
        if length == _SHA1_LENGTH:
            content = file.read()
            # The name git gives to a content; no guard against attacks, and not used for weights by the Hub.
            return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    message = f"the server tells a checksum of an unknown kind ({length} digits), and nothing is kept unchecked"
    raise OSError(message)
