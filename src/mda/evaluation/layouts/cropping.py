"""Image, depth and intrinsics of one view cropped and resized together, as the published boundary benchmark does."""

import math

import cv2
import numpy as np
from PIL import Image

from mda.errors import InputError
from mda.evaluation.benchmark import ViewSize
from mda.shapes import Float, Float32, UInt8, ndarray

# Keeps the resized image from being one pixel too small for the crop (published).
_NEVER_TOO_SMALL = 1e-8
# A principal point nearer to the border than this share of the image is refused (published).
_SMALLEST_MARGIN = 1 / 5


def room_size(size: ViewSize, *, square: bool = False) -> tuple[int, int]:
    """Height and width for a network: 4:3 with the longer side of the network, 378 x 504 and the like; or a square.

    Published are 504 x 378, 518 x 378, 512 x 384 and 1024 x 768; this is the rule behind them.
    """
    width = size.long_side // size.patch * size.patch
    return (width, width) if square else (size.long_side * 3 // 4 // size.patch * size.patch, width)


def cropped_view(
    image: UInt8[ndarray, "image_h image_w 3"],
    depth: Float32[ndarray, "h w"],
    intrinsics: Float[ndarray, "3 3"],
    target_hw: tuple[int, int],
    name: str,
) -> tuple[UInt8[ndarray, "h2 w2 3"], Float32[ndarray, "h2 w2"], Float[ndarray, "3 3"]]:
    """Crop about the principal point, resize to cover the target, and crop its middle.

    The image shrinks with Lanczos or grows with bicubic interpolation, depth takes the nearest neighbour. The target is
    transposed for upright images (height above 1.1 width).

    Args:
        image: RGB.
        depth: of the same size.
        intrinsics: with the centre of the top-left pixel at (0.5, 0.5), here and in the result.
        target_hw: height and width wanted, of a landscape image or a square.
        name: for messages.

    Raises:
        InputError: image and depth differ in size, or the principal point is near the border.
    """
    height, width = depth.shape
    if image.shape[:2] != depth.shape:
        message = f"{name}: the image is {image.shape[1]} x {image.shape[0]}, its depth {width} x {height}."
        raise InputError(message)
    # From here on as published, with the centre of the top-left pixel at (0, 0).
    matrix = intrinsics.astype(np.float64)
    matrix[:2, 2] -= 0.5
    column, row = (round(float(centre)) for centre in matrix[:2, 2])
    across, down = min(column, width - column), min(row, height - row)
    if across <= width * _SMALLEST_MARGIN or down <= height * _SMALLEST_MARGIN:
        message = f"{name}: the principal point {matrix[:2, 2].tolist()} is too near to the border of the image."
        raise InputError(message)
    top, left = row - down, column - across
    image, depth = (part[top : row + down, left : column + across] for part in (image, depth))
    matrix[:2, 2] -= left, top

    height, width = depth.shape
    target_height, target_width = target_hw[::-1] if height > 1.1 * width else target_hw
    factor = max(target_width / width, target_height / height) + _NEVER_TOO_SMALL
    new_width, new_height = math.floor(width * factor), math.floor(height * factor)
    method = Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.BICUBIC
    image = np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((new_width, new_height), method))
    depth = cv2.resize(np.ascontiguousarray(depth), (new_width, new_height), interpolation=cv2.INTER_NEAREST)
    # Pixels scale about the corner of the image; what rounding down cut off is cut half on each side.
    matrix[:2, 2] += 0.5
    matrix[:2] *= factor
    matrix[:2, 2] -= 0.5 * (np.array([width, height]) * factor - [new_width, new_height])

    left, top = round(0.5 * (new_width - target_width)), round(0.5 * (new_height - target_height))
    matrix[:2, 2] -= left, top
    rows, columns = slice(top, top + target_height), slice(left, left + target_width)
    return image[rows, columns].copy(), depth[rows, columns].copy(), matrix
