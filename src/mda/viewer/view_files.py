"""Saved views and ways as JSON: what the viewer writes, and what anybody hands it to read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mda.errors import ConfigError, InputError
from mda.viewer.poses import Pose

_LARGEST, _MOST = 1_000_000, 1000
_EXPECTED = 'expected {"position": [x, y, z], "wxyz": [w, x, y, z], "fov": radians} or {"keypoints": [...]}'


def encode_view(pose: Pose, *, image_hw: tuple[int, int], source: str, name: str) -> bytes:
    """A view as JSON, with the keys of the published viewer."""
    height, width = image_hw
    content = {**_content(pose), "height": height, "width": width, "source_data_dir": source, "name": name}
    return json.dumps(content, indent=2, ensure_ascii=False).encode()


def encode_keypoints(keys: Sequence[Pose]) -> bytes:
    """Keypoints of a way as JSON."""
    return json.dumps({"keypoints": [_content(key) for key in keys]}, indent=2).encode()


def decode_view(content: bytes, name: str) -> tuple[Pose, ...]:
    """The poses of a file: one of a view, or the keypoints of a way. Whatever else is in it is ignored.

    Raises:
        InputError: the file is too large, not JSON, or says something else.
    """
    try:
        return tuple(map(_pose, _entries(content)))
    except (ValueError, OverflowError, RecursionError, ConfigError, InputError) as error:
        message = f"{name} is not a view that can be loaded: {error}"
        raise InputError(message) from error


def read_view(path: Path) -> tuple[Pose, ...]:
    """The poses of a file on disk.

    Raises:
        InputError: it cannot be read, or says something else.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        message = f"Cannot read {path} ({error.strerror}); give a view or keypoints that the viewer saved."
        raise InputError(message) from error
    return decode_view(content, str(path))


def _content(pose: Pose) -> dict[str, Any]:
    return {"position": list(pose.position), "wxyz": list(pose.wxyz), "fov": pose.fov}


def _entries(content: bytes) -> list[object]:
    """The views in a file."""
    if len(content) > _LARGEST:
        message = f"it is larger than {_LARGEST // 1000} kB"
        raise InputError(message)
    read = json.loads(content.decode("utf-8"))
    entries = read.get("keypoints", [read]) if isinstance(read, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= _MOST:
        raise InputError(_EXPECTED)
    return entries


def _pose(entry: object) -> Pose:
    """One pose.

    Raises:
        InputError: a number is missing or none.
        ConfigError: the numbers make no view.
    """
    if not isinstance(entry, dict):
        raise InputError(_EXPECTED)
    px, py, pz = _floats(entry.get("position"), 3)
    w, x, y, z = _floats(entry.get("wxyz"), 4)
    (fov,) = _floats([entry.get("fov")], 1)
    return Pose(position=(px, py, pz), wxyz=(w, x, y, z), fov=fov)


def _floats(values: object, count: int) -> list[float]:
    """So many numbers; JSON's true and false are none."""
    if not isinstance(values, list) or len(values) != count:
        raise InputError(_EXPECTED)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise InputError(_EXPECTED)
    return [float(value) for value in values]
