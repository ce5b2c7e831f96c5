"""Where data lies: a local path, or the URL of another machine (`https://host/shards`, `s3://bucket/prefix`)."""

import re
from pathlib import Path

# A password may hold a slash that should have been escaped.
_LOGIN = re.compile(r"(?<=://)(?:[^/\s]*|[^/\s:]*:[^\s'\"?]*)@")
_QUERY = re.compile(r"(://[^\s?'\"]*)\?[^\s'\"]*")


def as_place(text: str | Path) -> Path | str:
    """A URL as the string it is, anything else as a local path."""
    return text if isinstance(text, str) and "://" in text else Path(text).expanduser()


def joined(root: Path | str, folder: str) -> Path | str:
    """A folder below a path or URL, or the folder itself if it is absolute or a URL."""
    place = as_place(folder)
    if isinstance(place, str) or place.is_absolute():
        return place
    if isinstance(root, Path):
        return root / place
    base, mark, query = root.partition("?")
    return f"{base.rstrip('/')}/{folder.strip('/')}{mark}{query}"


def shown(text: object) -> str:
    """A text for people to see: without what its URLs hold of names, passwords and tokens."""
    return _QUERY.sub(r"\1?...", _LOGIN.sub("", str(text)))
