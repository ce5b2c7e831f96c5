"""Reading files of weights without running anything that they contain."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from mda.errors import CheckpointError
from mda.shapes import Tensor

_SAFETENSORS = ".safetensors"
METADATA_KEY = "mda"
"""Where checkpoints of ours hold what safetensors files have as metadata."""


class _Ignored:
    """Stands for every object of a checkpoint that is not a tensor or plain data: it accepts anything and does nothing.

    Trainers store optimisers, schedules and settings beside the weights as pickled objects. Their classes are never
    imported.
    """

    def __new__(cls, *_: Any, **__: Any) -> "_Ignored":  # noqa: ANN401, PYI034 - the shape checker refuses Self
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:  # noqa: ANN401
        """Forget the state."""


class _IgnoredMapping:
    """Stands for subclasses of dict, to which the unpickler adds entries: a plain dict, looked at by nobody."""

    def __new__(cls, *_: Any) -> dict:  # pyright: ignore[reportInconsistentConstructor]  # noqa: ANN401
        return {}


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors of a weights file, under the names of the file; by name for safetensors, else in the order of the file.

    `.safetensors`, or a file of `torch.save`: a state dict, or a trainer's checkpoint that holds one as `state_dict`.
    Tensors are mapped from the file, so nothing is read that is not used.

    Raises:
        CheckpointError: the file is missing, truncated, damaged, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        message = f"There is no weights file {path}."
        raise CheckpointError(message)
    with path.open("rb") as file:
        start = file.read(64)
    if path.suffix == _SAFETENSORS or (start[8:9] == b"{" and not start.startswith(b"PK")):
        return _read_safetensors(path)
    content = read_checkpoint(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        message = f"{path} holds no state dict but a {type(content).__name__}. Save `network.state_dict()` instead."
        raise CheckpointError(message)
    foreign = [str(name) for name, value in content.items() if not (isinstance(name, str) and torch.is_tensor(value))]
    if foreign:
        message = f"{path} is not a state dict: {', '.join(foreign[:4])} (of {len(foreign)}) are not named tensors."
        raise CheckpointError(message)
    return dict(content)


def read_checkpoint(path: str | Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Content of a file of `torch.save`; objects that are not data come out as empty stand-ins.

    Raises:
        CheckpointError: the file is missing, truncated, damaged, or of another kind.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror or error})."
        raise CheckpointError(message) from error
    if not zipfile.is_zipfile(path):
        raise CheckpointError(_describe_foreign(path, start))
    return _read_torch(path)


def read_metadata(path: str | Path) -> dict[str, str]:
    """What a weights file says about itself: the metadata of safetensors, or what a checkpoint of ours tells.

    Nothing for files of other kinds, or that cannot be read.
    """
    path = Path(path)
    if path.suffix != _SAFETENSORS:
        return _told_by_checkpoint(path)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        # Reading the tensors of such a file gives the error that tells what is wrong.
        return {}


def _told_by_checkpoint(path: Path) -> dict[str, str]:
    try:
        content = read_checkpoint(path)
    except CheckpointError:
        return {}
    told = content.get(METADATA_KEY) if isinstance(content, Mapping) else None
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, Mapping) else {}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        # A safetensors file has no order of its own; the one that a library happens to list must not matter.
        return dict(sorted(load_file(path).items()))
    except (SafetensorError, OSError, ValueError) as error:
        message = f"{path} is not a whole safetensors file ({error}). Fetch it again."
        raise CheckpointError(message) from error


def _read_torch(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Content of a file of `torch.save`; objects that are not data come out as `_Ignored`.

    torch's restricted unpickler never looks a class up by name: each name in the file that it does not know is given a
    stand-in here. Names of the operating system stay refused whatever we say.
    """
    try:
        unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        stand_ins = [(_IgnoredMapping if name.lower().endswith("dict") else _Ignored, name) for name in unknown]
        with torch.serialization.safe_globals([_Ignored, _IgnoredMapping, *stand_ins]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UnpicklingError as error:
        message = (
            f"{path} is damaged, or holds Python objects that cannot be told from code, which is never executed here. "
            "Fetch it again, or convert it to safetensors where you trust it."
        )
        raise CheckpointError(message) from error
    except (RuntimeError, ValueError, EOFError, OSError, LookupError, AttributeError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = f"{path} is not a whole file of torch.save ({reason}). Fetch it again."
        raise CheckpointError(message) from error


def _describe_foreign(path: Path, start: bytes) -> str:
    """Message for a file that is neither of the formats."""
    if path.stat().st_size == 0:
        return f"{path} is empty. Fetch it again."
    if start.startswith(b"version https://git-lfs"):
        return f"{path} is a Git LFS pointer, not the weights. Fetch the real file (git lfs pull)."
    if start.startswith(b"PK"):
        return f"{path} is a truncated file of torch.save. Fetch it again."
    if start.startswith(b"\x80"):
        return (
            f"{path} is an old-style pickle, which is not read because it could run code. Where you trust it, save it "
            "again with a current torch, or as safetensors."
        )
    text = not any(byte < ord("\t") or ord("\r") < byte < ord(" ") for byte in start)
    kind = "a text file" if text else "not a file of weights"
    return f"{path} is {kind}; expected .safetensors, or a file of torch.save."
