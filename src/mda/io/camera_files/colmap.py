"""COLMAP sparse models: `cameras` and `images`, as .bin or .txt (https://colmap.github.io/format.html).

COLMAP stores `cam_from_world` as a quaternion (w, x, y, z) and a translation, has OpenCV axes, and puts the centre of
the top-left pixel at (0.5, 0.5), as we do. Points, rigs and frames are not needed and not read.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from mda.errors import InputError
from mda.geometry import compose, matrix_from_quaternion, rigid_inverse
from mda.io.camera_files.known import KnownCamera, KnownCameras, known_camera, pinhole, warn_of_distortion
from mda.shapes import Float, Tensor

_Content = TypeVar("_Content")
# Where a model lies in the folders that COLMAP and nerfstudio make.
_PLACES = ("", "sparse/0", "sparse", "colmap/sparse/0")
_REMEDY = "export the model again, e.g. with `colmap model_converter`"
# Bytes of an observation in images.bin: x, y as doubles and the number of a point.
_OBSERVATION = 24
_FIELDS_OF_IMAGE = 10


@dataclass(frozen=True, kw_only=True)
class _Model:
    """Parameters of a camera model: one or two focal lengths, the principal point, and coefficients of distortion."""

    number: int
    focals: int
    distortion: int

    @property
    def parameters(self) -> int:
        return self.focals + 2 + self.distortion


_PERSPECTIVE = {
    "SIMPLE_PINHOLE": _Model(number=0, focals=1, distortion=0),
    "PINHOLE": _Model(number=1, focals=2, distortion=0),
    "SIMPLE_RADIAL": _Model(number=2, focals=1, distortion=1),
    "RADIAL": _Model(number=3, focals=1, distortion=2),
    "OPENCV": _Model(number=4, focals=2, distortion=4),
    "FULL_OPENCV": _Model(number=6, focals=2, distortion=8),
}
_NAMES = {model.number: name for name, model in _PERSPECTIVE.items()}
_WIDE_ANGLE = {
    5: "OPENCV_FISHEYE",
    7: "FOV",
    8: "SIMPLE_RADIAL_FISHEYE",
    9: "RADIAL_FISHEYE",
    10: "THIN_PRISM_FISHEYE",
}


@dataclass(frozen=True, kw_only=True)
class _Lens:
    """What `cameras` says of one camera."""

    image_hw: tuple[int, int]
    intrinsics: Float[Tensor, "3 3"]
    distorted: bool


@dataclass(frozen=True, kw_only=True)
class _Shot:
    """What `images` says of one image: `quaternion` (w, x, y, z) and `translation` take world to camera."""

    name: str
    lens: int
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]


class _UnknownModelError(Exception):
    """A camera model that no pinhole stands for."""


def colmap_model_in(folder: Path) -> Path | None:
    """The folder of the COLMAP model in a folder, which may be a project; None where there is none."""
    for place in _PLACES:
        if _extension(folder / place) is not None:
            return folder / place
    return None


def read_colmap(folder: Path) -> KnownCameras:
    """Read the cameras of a COLMAP model; binary files go before text, as in COLMAP.

    Raises:
        InputError: a file is missing or malformed, or a camera is none that a pinhole can stand for (fisheye).
    """
    extension = _extension(folder)
    if extension is None:
        message = f"{folder} is no COLMAP model: it lacks cameras and images (both .bin or both .txt); {_REMEDY}."
        raise InputError(message)
    lenses_file, shots_file = folder / f"cameras{extension}", folder / f"images{extension}"
    if extension == ".bin":
        lenses = _parsed(lenses_file, lambda data: dict(_binary_lenses(_Bytes(data))))
        shots = _parsed(shots_file, lambda data: list(_binary_shots(_Bytes(data))))
    else:
        lenses = _parsed(lenses_file, lambda data: dict(_text_lenses(data.decode())))
        shots = _parsed(shots_file, lambda data: list(_text_shots(data.decode())))
    if not shots:
        message = f"{shots_file} holds no image; {_REMEDY}."
        raise InputError(message)
    cameras = [_camera(shots_file, shot, lenses) for shot in shots]
    warn_of_distortion(lenses_file, [shot.name for shot in shots if lenses[shot.lens].distorted])
    return KnownCameras(source=str(folder), cameras=tuple(cameras))


def _extension(folder: Path) -> str | None:
    for extension in (".bin", ".txt"):
        if (folder / f"cameras{extension}").is_file() and (folder / f"images{extension}").is_file():
            return extension
    return None


def _parsed(path: Path, parse: Callable[[bytes], _Content]) -> _Content:
    """Content of a file.

    Raises:
        InputError: it cannot be read, or is not what it should be.
    """
    try:
        return parse(path.read_bytes())
    except _UnknownModelError as error:
        message = (
            f"{path} has a camera of model {error}, which no pinhole can stand for; undistort the images "
            f"(`colmap image_undistorter`) and give that model. Read are {', '.join(_PERSPECTIVE)}."
        )
        raise InputError(message) from error
    except (OSError, ValueError, IndexError, OverflowError, struct.error) as error:
        message = f"{path} is damaged or no such file of COLMAP ({error}); {_REMEDY}."
        raise InputError(message) from error


def _camera(path: Path, shot: _Shot, lenses: dict[int, _Lens]) -> KnownCamera:
    if shot.lens not in lenses:
        message = f"{path}: {shot.name} was taken by camera {shot.lens}, which is not in the model; {_REMEDY}."
        raise InputError(message)
    w, x, y, z = shot.quaternion
    rotation = matrix_from_quaternion(torch.tensor([x, y, z, w], dtype=torch.float64))
    cam_from_world = compose(rotation, torch.tensor(shot.translation, dtype=torch.float64))
    lens = lenses[shot.lens]
    return known_camera(
        path,
        shot.name,
        world_from_cam=rigid_inverse(cam_from_world),
        intrinsics=lens.intrinsics,
        image_hw=lens.image_hw,
    )


def _lens(model_name: str, width: int, height: int, parameters: tuple[float, ...]) -> _Lens:
    model = _PERSPECTIVE[model_name]
    if len(parameters) != model.parameters:
        message = f"{model_name} has {model.parameters} parameters, found {len(parameters)}"
        raise ValueError(message)
    focals, (cx, cy), distortion = (
        parameters[: model.focals],
        parameters[model.focals : model.focals + 2],
        parameters[model.focals + 2 :],
    )
    return _Lens(
        image_hw=(height, width), intrinsics=pinhole((focals[0], focals[-1]), (cx, cy)), distorted=any(distortion)
    )


def _text_lenses(text: str) -> Iterator[tuple[int, _Lens]]:
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        with _in_line(number):
            identity, model, width, height, *parameters = fields
            if model not in _PERSPECTIVE:
                raise _UnknownModelError(model)
            lens = _lens(model, int(width), int(height), tuple(map(float, parameters)))
            found = int(identity), lens
        yield found


def _text_shots(text: str) -> Iterator[_Shot]:
    """Each image has two lines, of which the second, its observations, may be empty."""
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        fields = line.split(maxsplit=_FIELDS_OF_IMAGE - 1)
        if not fields or fields[0].startswith("#"):
            continue
        with _in_line(number):
            _, *pose, lens, name = fields
            if len(pose) != 7:
                message = f"expected {_FIELDS_OF_IMAGE} fields, found {len(fields)}"
                raise ValueError(message)
            numbers = tuple(map(float, pose))
            shot = _Shot(name=name.rstrip(), lens=int(lens), quaternion=numbers[:4], translation=numbers[4:])
        yield shot
        below, observations = next(lines, (number + 1, ""))
        with _in_line(below):
            # A file whose lines of observations were deleted would lose every second image without a word.
            if len(observations.split()) % 3:
                message = "expected the observations (x, y, point) of the image above, or an empty line"
                raise ValueError(message)


@contextmanager
def _in_line(number: int) -> Iterator[None]:
    """Add the number of the line to what is wrong with it."""
    try:
        yield
    except ValueError as error:
        message = f"line {number}: {error}"
        raise ValueError(message) from error


class _Bytes:
    """Little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, layout: str) -> tuple:
        """The next values, of the types in `layout` (see `struct`)."""
        values = struct.unpack_from(f"<{layout}", self._data, self._at)
        self.skip(struct.calcsize(f"<{layout}"))
        return values

    def text(self) -> str:
        """The next text, which a zero ends."""
        end = self._data.index(b"\0", self._at)
        text = self._data[self._at : end].decode()
        self._at = end + 1
        return text

    def skip(self, count: int) -> None:
        """Pass over some bytes."""
        self._at += count
        if self._at > len(self._data):
            message = f"it ends after {len(self._data)} bytes"
            raise ValueError(message)

    def finish(self) -> None:
        """Refuse what is left over, since then the layout is not what we think."""
        if self._at != len(self._data):
            message = f"{len(self._data) - self._at} bytes are left over"
            raise ValueError(message)


def _binary_lenses(data: _Bytes) -> Iterator[tuple[int, _Lens]]:
    (count,) = data.take("Q")
    for _ in range(count):
        identity, model, width, height = data.take("IiQQ")
        if model not in _NAMES:
            raise _UnknownModelError(_WIDE_ANGLE.get(model, f"number {model}"))
        name = _NAMES[model]
        yield identity, _lens(name, width, height, data.take(f"{_PERSPECTIVE[name].parameters}d"))
    data.finish()


def _binary_shots(data: _Bytes) -> Iterator[_Shot]:
    (count,) = data.take("Q")
    for _ in range(count):
        _, *pose, lens = data.take("I7dI")
        yield _Shot(name=data.text(), lens=lens, quaternion=tuple(pose[:4]), translation=tuple(pose[4:]))
        (observations,) = data.take("Q")
        data.skip(observations * _OBSERVATION)
    data.finish()
