"""Files of data sets as arrays. Whatever is wrong with one is an `InputError` that names it; nothing is unpickled."""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from mda.data.files import Files
from mda.errors import InputError, MdaError
from mda.io.images import to_rgb
from mda.optional import require
from mda.shapes import Float, Float32, Shaped, UInt8, ndarray

# Kinds of pixels with one channel, of 16 bits and of 8.
_DEEP, _FLAT = frozenset({"I", "I;16", "I;16B"}), frozenset({"L", "P", "1"})


def damaged(files: Files, path: str, why: object) -> InputError:
    """The error for a file whose content is not what it should be."""
    return InputError(f"{files.place}/{path} is damaged ({why}); download or prepare it again.")


@contextmanager
def decoding(files: Files, path: str) -> Iterator[None]:
    """Within the block, whatever the decoder of a file raises means that the file is damaged.

    Raises:
        InputError: the block has failed; the message names the file.
    """
    try:
        yield
    except MdaError:
        raise
    except Exception as error:  # decoders of damaged files raise anything from OSError to tokenize.TokenError
        raise damaged(files, path, error) from error


def frame_number(files: Files, path: str, frame: str) -> int:
    """The number that the name of a frame is.

    Raises:
        InputError: it is none; the message names the file.
    """
    if not (frame.isascii() and frame.isdecimal()):
        raise damaged(files, path, f"its name should hold a number, and holds {frame!r}")
    return int(frame)


def read_colour(files: Files, path: str) -> UInt8[ndarray, "h w 3"]:
    """An image file as sRGB, as it is stored (data sets do not turn their images by EXIF tags). Not to be written to.

    Raises:
        InputError: it is missing or damaged.
    """
    image = _open(files, path)
    return np.asarray(image if image.mode == "RGB" else to_rgb(image, f"{files.place}/{path}"))


def read_levels(files: Files, path: str, *, deep: bool = False) -> Shaped[ndarray, "h w"]:
    """A one-channel image file of 8 or 16 bits as whole numbers.

    Args:
        files: where it is.
        path: of the file.
        deep: whether it must have 16 bits; a copy that a program has saved with 8 is no depth any more.

    Raises:
        InputError: it is missing, damaged, or has several channels or too few bits.
    """
    image = _open(files, path)
    if image.mode not in _DEEP | (frozenset() if deep else _FLAT):
        bits = "16" if deep else "8 or 16"
        raise damaged(files, path, f"its pixels are {image.mode}, expected one channel of {bits} bits")
    values = np.asarray(image)
    return values.astype(np.uint8) if values.dtype == bool else values


def read_mask(files: Files, path: str) -> Shaped[ndarray, "h w"]:
    """A mask image of any mode: the largest channel, 0..255.

    Raises:
        InputError: it is missing or damaged.
    """
    image = _open(files, path)
    if image.mode in {"RGB", "RGBA"}:
        # A maximum over the last axis of an array takes much longer.
        red, green, blue = (np.asarray(channel) for channel in image.split()[:3])
        return np.maximum(np.maximum(red, green), blue)
    if image.mode == "LA":
        return np.asarray(image.getchannel("L"))
    return np.asarray(image.convert("L"))


def read_npy(files: Files, path: str) -> Float32[ndarray, "h w"]:
    """A two-dimensional .npy file as float32 (a third axis of length one is dropped).

    Raises:
        InputError: it is missing, damaged, or of another shape.
    """
    with decoding(files, path):
        values = np.load(io.BytesIO(files.read(path)), allow_pickle=False)
    if not isinstance(values, np.ndarray):
        raise damaged(files, path, "it holds several arrays, expected one")
    values = _numbers(files, path, values)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2:
        raise damaged(files, path, f"its shape is {values.shape}, expected (height, width)")
    return as_float32(values)


def read_npz(files: Files, path: str, keys: tuple[str, ...]) -> tuple[Shaped[ndarray, "..."], ...]:
    """Arrays of numbers of an .npz file.

    Raises:
        InputError: it is missing or damaged, or has no such array.
    """
    with decoding(files, path), np.load(io.BytesIO(files.read(path)), allow_pickle=False) as content:
        for key in keys:
            if key not in content:
                raise damaged(files, path, f"it has no array '{key}'")
        return tuple(_numbers(files, path, content[key]) for key in keys)


def read_camera(files: Files, path: str, *, intrinsics: str, pose: str) -> tuple[ndarray, ndarray]:
    """Intrinsics [3, 3] and pose [4, 4] of an .npz file under the given names.

    Raises:
        InputError: it is missing, damaged, or the shapes are others.
    """
    matrix, world_from_cam = read_npz(files, path, (intrinsics, pose))
    if matrix.shape != (3, 3) or world_from_cam.shape != (4, 4):
        raise damaged(files, path, f"shapes are {matrix.shape} and {world_from_cam.shape}, expected (3, 3) and (4, 4)")
    return matrix, world_from_cam


def read_numbers(files: Files, path: str, *, columns: int, skip_rows: int = 0) -> Float[ndarray, "n columns"]:
    """A text file of numbers in rows, separated by spaces or commas.

    Raises:
        InputError: it is missing, not numbers, or has rows of another length.
    """
    text = files.read(path).decode("utf-8", "replace").replace(",", " ")
    rows = [line.split() for line in text.splitlines()[skip_rows:] if line.strip()]
    with decoding(files, path):
        table = np.array([[float(value) for value in row] for row in rows], np.float64)
    if table.ndim != 2 or table.shape[1] != columns:
        raise damaged(files, path, f"expected rows of {columns} numbers")
    return table


def read_json(files: Files, path: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Content of a JSON file.

    Raises:
        InputError: it is missing or not JSON.
    """
    with decoding(files, path):
        return json.loads(files.read(path))


def read_hdf5(files: Files, path: str, key: str) -> Shaped[ndarray, "..."]:
    """An array of numbers of an HDF5 file.

    Raises:
        InputError: it is missing or damaged, or has no such array.
        MissingExtraError: h5py is not installed.
    """
    h5py: Any = require("h5py", "data")
    with decoding(files, path), h5py.File(io.BytesIO(files.read(path)), "r") as content:
        if key not in content:
            raise damaged(files, path, f"it has no array {key}")
        return _numbers(files, path, np.asarray(content[key]))


def read_exr(files: Files, path: str) -> Float32[ndarray, "h w"]:
    """The first channel of an OpenEXR file.

    Raises:
        InputError: it is missing or damaged.
        MissingExtraError: OpenEXR is not installed.
    """
    openexr: Any = require("OpenEXR", "data")
    # The library reads files by name only.
    with tempfile.NamedTemporaryFile(suffix=".exr") as copy:
        copy.write(files.read(path))
        copy.flush()
        with decoding(files, path):
            channels = openexr.File(copy.name, separate_channels=True).channels()
            values = np.asarray(next(iter(channels.values())).pixels)
    return as_float32(_numbers(files, path, values))


def as_float32(values: Shaped[ndarray, "*n"]) -> Float32[ndarray, "*n"]:
    """Numbers in single precision; those that are too large for it become infinite, which no rule takes for depth."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32, copy=False)


def _numbers(files: Files, path: str, values: Shaped[ndarray, "..."]) -> Shaped[ndarray, "..."]:
    """The array, if it is one of real numbers."""
    if values.dtype.kind not in "fiub":
        raise damaged(files, path, f"its values are {values.dtype}, expected numbers")
    return values


def _open(files: Files, path: str) -> Image.Image:
    content = files.read(path)
    with decoding(files, path):
        try:
            image = Image.open(io.BytesIO(content))
        except UnidentifiedImageError as error:
            raise damaged(files, path, "not an image of a known kind") from error
        image.load()
        return image
