"""Order and visibility of file names."""

import re
from pathlib import Path

_DIGITS = re.compile(r"(\d+)")
# Files that operating systems leave in folders; they are nobody's data.
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})


def natural_key(path: Path | str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that orders `img2` before `img10`, upper and lower case together.

    The original text ends the key, so that names that differ only in case or leading zeros keep one order everywhere.
    """
    text = str(path)
    parts = [part for part in _DIGITS.split(text) if part]
    key = [(0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part.casefold()) for part in parts]
    return (*key, (-1, 0, text))


def is_hidden(path: Path | str) -> bool:
    """Whether a file of that path or name is hidden or left by an operating system (`.DS_Store`, `Thumbs.db`)."""
    name = path if isinstance(path, str) else path.name
    return name.startswith(".") or name.casefold() in _SYSTEM_FILES
