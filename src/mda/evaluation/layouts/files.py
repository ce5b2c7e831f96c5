"""Reading the files of benchmarks: images at the size of a network, depth in its many encodings."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mda.errors import InputError
from mda.evaluation.benchmark import ViewSize
from mda.io.images import IMAGE_EXTENSIONS, list_files, read_image
from mda.io.run_files import read_array
from mda.shapes import Float32, Int, Shaped, UInt8, ndarray

_SINTEL_TAG = 202021.25


def images_in(folder: Path, ending: str | None = None) -> list[Path]:
    """Images directly in a folder, sorted by name as text (not by number), as the published scripts do.

    Args:
        folder: where to look.
        ending: of the files, e.g. `.png`; any image by default.

    Raises:
        InputError: the folder cannot be listed.
    """
    endings = IMAGE_EXTENSIONS if ending is None else {ending}
    return sorted((path for path in list_files(folder) if path.suffix.lower() in endings), key=lambda path: path.name)


def folders_in(folder: Path) -> list[Path]:
    """Visible folders directly in a folder, by name.

    Raises:
        InputError: it cannot be listed.
    """
    try:
        found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError as error:
        message = f"Cannot list the folder {folder}: {error.strerror or error}. Check the path and its permissions."
        raise InputError(message) from error
    return sorted(found, key=lambda path: path.name)


def paired(images: Sequence[Path], depths: Sequence[Path], folder: Path) -> list[tuple[Path, Path]]:
    """Image and depth of each frame: by the stem of their names where those are the same, else by order.

    Raises:
        InputError: there are more of one than of the other, so that frames are missing.
    """
    by_stem = {path.stem: path for path in depths}
    if all(image.stem in by_stem for image in images) and len(by_stem) == len(images):
        return [(image, by_stem[image.stem]) for image in images]
    if len(images) != len(depths):
        message = f"{folder} has {len(images)} images and {len(depths)} depth maps; restore the missing ones."
        raise InputError(message)
    return list(zip(images, depths, strict=True))


def read_fitted(path: Path, size: ViewSize) -> UInt8[ndarray, "h w 3"]:
    """An image file as `fit_image` prepares it.

    Raises:
        InputError: the file cannot be read.
    """
    return fit_image(read_image(path), size)


def fit_image(pixels: UInt8[ndarray, "rows columns 3"], size: ViewSize) -> UInt8[ndarray, "h w 3"]:
    """An image as the published video benchmark prepares it: longer side to `size`, then each side down to patches.

    Lanczos where it shrinks, bicubic where it grows; the second step is a Lanczos resize, so the aspect ratio may
    change by less than a patch. Nothing is cut away. Sides become even before they are taken to patches.
    """
    image = Image.fromarray(pixels)
    longer = max(image.size)
    method = Image.Resampling.LANCZOS if longer > size.long_side else Image.Resampling.BICUBIC
    width, height = (round(side * size.long_side / longer) for side in image.size)
    image = image.resize((width, height), method)
    width, height = (max(1, side // 2 * 2 // size.patch) * size.patch for side in (width, height))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def read_whole_numbers(path: Path, *, sixteen_bit: bool = True) -> Int[ndarray, "h w"]:
    """A PNG of whole numbers, as 32-bit integers.

    Args:
        path: the file.
        sixteen_bit: refuse a map whose numbers would all fit in 8 bits, as the published readers do.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    content = _read_bytes(path)
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if values is None:
        message = f"{path} cannot be decoded as an image; copy or download it again."
        raise InputError(message)
    values = values[..., 0] if values.ndim == 3 else values
    if sixteen_bit and values.max(initial=0) <= 255:
        message = f"{path} holds numbers up to {values.max(initial=0)}; expected a 16-bit depth map. Download it again."
        raise InputError(message)
    return values.astype(np.int32)


def read_sintel_depth(path: Path) -> Float32[ndarray, "h w"]:
    """A `.dpt` file: tag 202021.25, width, height, depth in metres (little endian).

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    content = _read_bytes(path)
    if len(content) >= 12 and np.frombuffer(content, "<f4", 1)[0] == np.float32(_SINTEL_TAG):
        width, height = np.frombuffer(content, "<i4", 2, 4)
        if width > 0 and height > 0 and len(content) == 12 + 4 * int(width) * int(height):
            return np.frombuffer(content, "<f4", offset=12).reshape(height, width).astype(np.float32)
    message = f"{path} is not a whole Sintel depth file; copy or download it again."
    raise InputError(message)


def read_map(path: Path) -> Shaped[ndarray, "h w"]:
    """A `.npy` map [h, w] or [h, w, 1].

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    values = read_array(path, in_memory=True)
    values = values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
    if values.ndim != 2 or not (np.issubdtype(values.dtype, np.number) or values.dtype == bool):
        message = f"{path} holds {values.dtype} of shape {values.shape}; expected numbers of shape (h, w)."
        raise InputError(message)
    return values


def read_matrix(path: Path, shape: tuple[int, int]) -> Shaped[ndarray, "rows columns"]:
    """A matrix of plain text or `.npy`, in double precision.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    if path.suffix == ".npy":
        matrix = read_array(path, in_memory=True)
    else:
        try:
            matrix = np.loadtxt(path, ndmin=2)
        except (OSError, ValueError) as error:
            message = f"{path} cannot be read as a matrix ({error}); copy or download it again."
            raise InputError(message) from error
    if matrix.shape != shape:
        message = f"{path} holds a matrix of shape {matrix.shape}; expected {shape}."
        raise InputError(message)
    return matrix.astype(np.float64)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"Cannot read {path}: {error.strerror or error}. Complete the data set."
        raise InputError(message) from error
