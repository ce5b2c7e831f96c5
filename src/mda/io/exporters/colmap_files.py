"""The files of a COLMAP model, written image by image (https://colmap.github.io/format.html)."""

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from mda.errors import ConfigError
from mda.geometry import quaternion_from_matrix
from mda.io.clouds import ViewCloud
from mda.io.exporters.posed_images import PosedImage
from mda.shapes import Shaped, ndarray

_PINHOLE = 1
_OBSERVATION = np.dtype([("place", "<f8", 2), ("point", "<u8")])
# A point with a track of one image; the error of its reprojection is none, since it was made from its pixel.
_POINT = np.dtype(
    [
        ("number", "<u8"),
        ("position", "<f8", 3),
        ("color", "u1", 3),
        ("error", "<f8"),
        ("track", "<u8"),
        ("image", "<u4"),
        ("observation", "<u4"),
    ]
)


class Model(ABC):
    """Writes `cameras`, `images` and `points3D` side by side; use it as a context manager.

    Args:
        folder: where the files go.
        images: how many there will be; each has a camera of its own.
        points: how many there will be in all.
    """

    ending: str

    def __init__(self, folder: Path, *, images: int, points: int) -> None:
        self._stack = ExitStack()
        self._files = [
            self._stack.enter_context((folder / f"{name}{self.ending}").open("xb"))
            for name in ("cameras", "images", "points3D")
        ]
        self._image = 0
        self._points = 0
        self._begin(images, points)

    def __enter__(self) -> "Model":  # noqa: PYI034 - run-time checks of annotations refuse `Self`
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, image: PosedImage, view: ViewCloud | None) -> None:
        """Add an image, its camera, and the points that it sees.

        Raises:
            ConfigError: its name cannot be written.
        """
        self._image += 1
        count = 0 if view is None else len(view)
        observations, points = np.zeros(count, _OBSERVATION), np.zeros(count, _POINT)
        if view is not None:
            numbers = np.arange(self._points + 1, self._points + count + 1)
            observations["place"], observations["point"] = image.places(view.pixels), numbers
            points["number"], points["position"], points["color"] = numbers, view.positions, view.colors
            points["track"], points["image"], points["observation"] = 1, self._image, np.arange(count)
        self._points += count
        (fx, _, cx), (_, fy, cy), _ = image.camera.intrinsics.tolist()
        motion = image.camera.cam_from_world
        x, y, z, w = quaternion_from_matrix(motion[:3, :3]).tolist()
        lens = (fx, fy, cx, cy)
        self._write(image, lens, (w, x, y, z, *motion[:3, 3].tolist()), observations, points)

    @abstractmethod
    def _begin(self, images: int, points: int) -> None:
        """Write what stands at the top of the files."""

    @abstractmethod
    def _write(
        self,
        image: PosedImage,
        lens: tuple[float, ...],
        pose: tuple[float, ...],
        observations: Shaped[ndarray, " n"],
        points: Shaped[ndarray, " n"],
    ) -> None:
        """Write an image with its camera (fx, fy, cx, cy), pose (w, x, y, z and translation) and points."""


class BinaryModel(Model):
    """The files with the ending .bin."""

    ending = ".bin"

    def _begin(self, images: int, points: int) -> None:
        for file, count in zip(self._files, (images, images, points), strict=True):
            file.write(struct.pack("<Q", count))

    def _write(
        self,
        image: PosedImage,
        lens: tuple[float, ...],
        pose: tuple[float, ...],
        observations: Shaped[ndarray, " n"],
        points: Shaped[ndarray, " n"],
    ) -> None:
        cameras_file, images_file, points_file = self._files
        height, width = image.camera.image_hw
        cameras_file.write(struct.pack("<IiQQ4d", self._image, _PINHOLE, width, height, *lens))
        images_file.write(struct.pack("<I7dI", self._image, *pose, self._image))
        images_file.write(image.name.encode() + b"\0" + struct.pack("<Q", len(observations)))
        images_file.write(observations.tobytes())
        points_file.write(points.tobytes())


class TextModel(Model):
    """The files with the ending .txt."""

    ending = ".txt"

    def _begin(self, images: int, points: int) -> None:
        heads = (
            f"# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n# Number of cameras: {images}\n",
            f"# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n# POINTS2D[]\n# Number of images: {images}\n",
            f"# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[]\n# Number of points: {points}\n",
        )
        for file, head in zip(self._files, heads, strict=True):
            file.write(head.encode())

    def _write(
        self,
        image: PosedImage,
        lens: tuple[float, ...],
        pose: tuple[float, ...],
        observations: Shaped[ndarray, " n"],
        points: Shaped[ndarray, " n"],
    ) -> None:
        if any(letter.isspace() for letter in image.name):
            message = (
                f"{image.name!r} has spaces, which the text form of COLMAP cannot hold; "
                "leave --text out, or rename the image."
            )
            raise ConfigError(message)
        cameras_file, images_file, points_file = self._files
        height, width = image.camera.image_hw
        number = self._image
        cameras_file.write(f"{number} PINHOLE {width} {height} {_joined(lens)}\n".encode())
        places = zip(observations["place"].tolist(), observations["point"].tolist(), strict=True)
        seen = " ".join(f"{x!r} {y!r} {point}" for (x, y), point in places)
        images_file.write(f"{number} {_joined(pose)} {number} {image.name}\n{seen}\n".encode())
        columns = (points[name].tolist() for name in ("number", "position", "color", "observation"))
        lines = (
            f"{point} {_joined(position)} {red} {green} {blue} 0 {number} {index}\n"
            for point, position, (red, green, blue), index in zip(*columns, strict=True)
        )
        points_file.write("".join(lines).encode())


def _joined(values: Iterable[float]) -> str:
    return " ".join(map(repr, values))
