"""Still images: any common kind becomes RGB of 8 bits; what cannot be read is refused with a reason and a remedy.

Orientation tags are applied, transparency is laid over white, grey becomes RGB, 16 bits are scaled to 8, and of images
with several pages or frames the first is taken. Colour profiles are not applied: networks learn from images as stored.
"""

import functools
import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from mda.errors import InputError
from mda.io.atomic import write_bytes
from mda.io.names import is_hidden, natural_key
from mda.shapes import Shaped, UInt8, ndarray

_LOGGER = logging.getLogger(__name__)

IMAGE_EXTENSIONS = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo"}
    | {".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
_RAW_EXTENSIONS = frozenset({".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"})
_HEIF_EXTENSIONS = frozenset({".heic", ".heif", ".hif"})
_BACKGROUND = (255, 255, 255, 255)
# What to do to an image whose EXIF orientation is the key so that it stands upright (EXIF 2.3, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_QUARTER_TURNED = frozenset({5, 6, 7, 8})
# A box filter by a whole factor first, then Lanczos: 3 is Pillow's value for "nearly the same as without".
REDUCING_GAP = 3.0


@dataclass(frozen=True, kw_only=True)
class LoadedImage:
    """An image file, upright and in RGB.

    Attributes:
        pixels: [h, w, 3] RGB; smaller than the file's image if a smaller size was asked for.
        source_hw: upright size of the image in the file.
        path: the file.
    """

    pixels: UInt8[ndarray, "h w 3"]
    source_hw: tuple[int, int]
    path: Path


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """Largest sides to keep of an image."""

    long_side: int | None
    short_side: int | None

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size with the same shape within the limits; never larger, never below one pixel."""
        by_long = 1.0 if self.long_side is None else self.long_side / max(*size, 1)
        by_short = 1.0 if self.short_side is None else self.short_side / max(min(size), 1)
        factor = min(1.0, by_long, by_short)
        return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def read_image(path: Path | str, *, max_long_side: int | None = None) -> UInt8[ndarray, "h w 3"]:
    """Read an image file as upright RGB [h, w, 3]; see `load_image`.

    Raises:
        InputError: the file cannot be read as an image; the message names it and the remedy.
    """
    return load_image(path, max_long_side=max_long_side).pixels


def load_image(path: Path | str, *, max_long_side: int | None = None, max_short_side: int | None = None) -> LoadedImage:
    """Read an image file as upright RGB, together with its own size.

    Args:
        path: the file.
        max_long_side: shrink the image so that its longer side has at most this many pixels; it is never enlarged.
            JPEGs are then decoded at a fraction of their size, so that very large photos cost little.
        max_short_side: the same for the shorter side, which suits images that will be cropped.

    Raises:
        InputError: the file cannot be read as an image; the message names it and the remedy.
    """
    path = Path(path)
    _refuse_unreadable(path)
    if path.suffix.lower() in _HEIF_EXTENSIONS or _is_heif(path):
        _register_heif()
    limit = _Limit(long_side=max_long_side, short_side=max_short_side)
    try:
        with warnings.catch_warnings():
            # Odd metadata and the like: the pixels are what counts, and a file without good pixels raises. Pillow
            # also warns from 89 megapixels on, and refuses twice that, which is where we stop, too.
            warnings.filterwarnings("ignore", module=r"PIL\..*")
            with Image.open(path) as file:
                return _decode(file, path, limit)
    except InputError:
        raise
    except Exception as error:  # decoders of damaged files raise anything from OSError to IndexError
        raise InputError(_reason(path, error)) from error


def write_png(path: Path | str, pixels: UInt8[ndarray, "h w c"] | UInt8[ndarray, "h w"]) -> None:
    """Write [h, w], [h, w, 3] or [h, w, 4] as PNG, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(Path(path), encode_image(pixels, "PNG", compress_level=3))


def write_jpeg(path: Path | str, pixels: UInt8[ndarray, "h w 3"] | UInt8[ndarray, "h w"], *, quality: int = 92) -> None:
    """Write [h, w] or [h, w, 3] as JPEG, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(Path(path), encode_image(pixels, "JPEG", quality=quality))


def encode_image(pixels: Shaped[ndarray, "..."], kind: str, **options: int) -> bytes:
    """The content of an image file of that kind (a format name of Pillow, with its options).

    Args:
        pixels: of 8 bits, or [h, w] of 16 bits for a PNG.
        kind: such as PNG.
        options: such as compress_level.
    """
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, kind, **options)
    return buffer.getvalue()


def is_animated(path: Path | str) -> bool:
    """Whether an image file (GIF, WebP) holds more than one frame; false where it cannot be read."""
    try:
        with Image.open(path) as file:
            return getattr(file, "n_frames", 1) > 1
    except Exception:  # noqa: BLE001 - damaged files raise anything; reading the image will tell what is wrong
        return False


def find_images(folder: Path | str) -> list[Path]:
    """The image files directly in a folder, by extension, in natural order; hidden files are left out.

    Raises:
        InputError: the folder does not exist, cannot be listed, or holds no image.
    """
    folder = Path(folder)
    files = list_files(folder)
    images = [path for path in files if path.suffix.lower() in IMAGE_EXTENSIONS]
    if images:
        return images
    inside = sorted((path for path in folder.iterdir() if path.is_dir() and not is_hidden(path)), key=natural_key)
    if any(path.suffix.lower() in _RAW_EXTENSIONS for path in files):
        remedy = "It holds camera raw files; convert them to JPEG or PNG first."
    elif inside:
        names = ", ".join(path.name for path in inside[:3]) + ", ..." * (len(inside) > 3)
        remedy = f"It holds folders ({names}); give one of those."
    elif files:
        remedy = f"It holds {files[0].name} and the like; convert to JPEG or PNG."
    else:
        remedy = "It is empty."
    message = f"No images in the folder {folder}. {remedy}"
    raise InputError(message)


def list_files(folder: Path) -> list[Path]:
    """Visible files directly in a folder, in natural order.

    Raises:
        InputError: the folder does not exist or cannot be listed.
    """
    try:
        return sorted((path for path in folder.iterdir() if not is_hidden(path) and path.is_file()), key=natural_key)
    except OSError as error:
        message = f"Cannot list the folder {folder}: {error.strerror or error}. Check the path and its permissions."
        raise InputError(message) from error


def _refuse_unreadable(path: Path) -> None:
    """Refuse what is not a file with content, before a decoder gives it a cryptic name."""
    if path.is_dir():
        message = f"{path} is a folder, not an image; give the folder itself to process the images in it."
        raise InputError(message)
    try:
        size = path.stat().st_size
    except OSError as error:
        message = f"Cannot read {path}: {error.strerror or error}. Check the path and its permissions."
        raise InputError(message) from error
    if not path.is_file():
        message = f"{path} is a pipe or device, not a file; save the image to a file first."
        raise InputError(message)
    if size == 0:
        message = f"{path} is empty (0 bytes); copy or download it again."
        raise InputError(message)
    if path.suffix.lower() in _RAW_EXTENSIONS:
        message = f"{path} is a camera raw file; convert it to JPEG or PNG first."
        raise InputError(message)


def _reason(path: Path, error: Exception) -> str:
    """What is wrong with the file, and the remedy."""
    if isinstance(error, UnidentifiedImageError):
        if _first_bytes(path).startswith(b"version https://git-lfs"):
            return f"{path} is a Git LFS pointer, not the image itself; run `git lfs pull`."
        return f"{path} is not an image of a known kind, whatever its name says; convert it to JPEG or PNG."
    if isinstance(error, Image.DecompressionBombError):
        return f"{path} has more than 178 million pixels; shrink it first."
    if isinstance(error, MemoryError):
        return f"{path} does not fit into memory; shrink it first."
    if "truncated" in str(error).lower():
        return f"{path} is cut off ({error}); copy or download it again."
    what = str(error) or type(error).__name__
    return f"{path} cannot be decoded ({what}); it may be damaged: copy it again or convert it."


def _decode(file: Image.Image, path: Path, limit: _Limit) -> LoadedImage:
    """Decode an opened file; damaged ones raise whatever their decoder raises."""
    stored_size = file.size
    if limit.size(stored_size) != stored_size:
        # For JPEG this decodes at 1/2, 1/4 or 1/8, never smaller than asked for; for other kinds it does nothing.
        file.draft(file.mode, limit.size(stored_size))
    drafted = file.size != stored_size
    file.load()
    if not drafted:
        stored_size = file.size  # loading turns TIFF upright and with it exchanges width and height
    if min(stored_size) < 1:
        message = f"{path} has no pixels ({stored_size[0]} x {stored_size[1]}); replace it."
        raise InputError(message)
    orientation = _orientation(file)
    image = file
    if image.mode in {"RGB", "L"} and "transparency" not in image.info:
        image = _resized(image, limit.size(stored_size))  # before anything that copies a large image
    image = _resized(to_rgb(image, path), limit.size(stored_size))
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    width, height = stored_size[::-1] if orientation in _QUARTER_TURNED else stored_size
    return LoadedImage(pixels=np.array(image), source_hw=(height, width), path=path)


def to_rgb(image: Image.Image, path: Path | str) -> Image.Image:
    """Any mode of Pillow to RGB of 8 bits.

    Raises:
        InputError: the numbers of the image have no known meaning as colours.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_grey_of_8_bits(np.asarray(image), path)).convert("RGB")
    if image.has_transparency_data:
        solid = Image.new("RGBA", image.size, _BACKGROUND)
        return Image.alpha_composite(solid, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _grey_of_8_bits(values: Shaped[ndarray, "..."], path: Path | str) -> UInt8[ndarray, "h w"]:
    """Grey of 16 bits (0..65535, divided by 257) or floating point (0..1) to 8 bits."""
    if np.issubdtype(values.dtype, np.integer) and values.min() >= 0 and values.max() <= 65535:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if np.issubdtype(values.dtype, np.floating) and 0 <= low <= high <= 1:
        return np.round(values * 255).astype(np.uint8)
    message = (
        f"{path} holds numbers from {low:g} to {high:g}; expected 0..65535 (whole) or 0..1 (floating point). "
        "If it is a photo, convert it to 8 or 16 bits; if it is a depth map, it is not an input."
    )
    raise InputError(message)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Shrink to the size unless the image has it."""
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 where it is absent or damaged."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged tag must not cost the picture, and parsers of damage raise anything
        _LOGGER.debug("damaged EXIF data", exc_info=True)
        return 1
    return value if isinstance(value, int) else 1


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _is_heif(path: Path) -> bool:
    """Whether the content is HEIF, whatever the name (phones export HEIC under .jpg)."""
    try:
        head = _first_bytes(path)
    except OSError:
        return False
    return head[4:8] == b"ftyp" and head[8:12] in {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}


@functools.cache
def _register_heif() -> None:
    """Teach Pillow to read HEIC; done at the first such file because it is a change of global state."""
    import pillow_heif  # noqa: PLC0415 - loads a codec that few runs need

    register: Callable[[], None] = pillow_heif.register_heif_opener
    register()
