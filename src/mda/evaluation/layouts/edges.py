"""Data sets with edges sharp enough to score: iBims-1, Sintel, DIODE, and the rendered sources of `mda.data`.

Of Sintel and DIODE frames, depth and masks are those of the video-depth benchmark; cameras are added.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mda.data.contract import Scene as SourceScene
from mda.data.contract import SourceInfo, open_source
from mda.data.sources import SOURCES
from mda.data.views import GlassLayers
from mda.errors import InputError
from mda.evaluation.benchmark import Dataset, Frame, FrameTruth, Scene, ViewSize
from mda.evaluation.layouts.files import fit_image, images_in, read_fitted, read_whole_numbers
from mda.evaluation.layouts.video import DIODE, SINTEL
from mda.io.images import read_image
from mda.shapes import Bool, Float, UInt8, ndarray

# iBims-1: metres of the largest number of its 16-bit depth maps.
_IBIMS_FARTHEST = 50.0
# Intrinsics of DIODE's camera as its development kit gives them: fx, fy, cx, cy, of 1024 x 768 pixels.
_DIODE_CAMERA, _DIODE_HW = (886.81, 927.06, 512.0, 384.0), (768, 1024)
# The number that Sintel's files begin with, and the bytes of a camera: that, 3x3 and 3x4 doubles.
_SINTEL_TAG, _SINTEL_CAMERA_BYTES = 202021.25, 4 + 8 * (9 + 12)


def ibims_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """One scene per picture of `ibims1_core_raw`.

    Raises:
        InputError: a picture lacks its depth.
    """
    scenes = []
    for image in images_in(root / "rgb", ".png"):
        depth = root / "depth" / image.name
        if not depth.exists():
            message = f"{depth} is missing; complete the data set."
            raise InputError(message)
        frame = Frame(
            name=image.name,
            read_image=partial(read_fitted, image, size),
            read_truth=partial(read_ibims, root, image.stem),
        )
        scenes.append(Scene(dataset="ibims", name=image.stem, frames=(frame,)))
    return scenes


def read_ibims(root: Path, name: str) -> FrameTruth:
    """Depth in metres, 0 is invalid; so are invalid and transparent pixels (where those masks are 0).

    The annotated edges come as `edges`. Calibration: fx, fy, cx, cy.

    Raises:
        InputError: a file is missing or damaged.
    """
    numbers = read_whole_numbers(root / "depth" / f"{name}.png")
    mask = numbers > 0
    for part in ("mask_invalid", "mask_transp"):
        mask &= _mask(root / part / f"{name}.png", mask.shape)
    return FrameTruth(
        depth=(numbers * (_IBIMS_FARTHEST / 65535)).astype(np.float32),
        mask=mask,
        intrinsics=_ibims_camera(root / "calib" / f"{name}.txt"),
        extras={"edges": _mask(root / "edges" / f"{name}.png", mask.shape)},
    )


def sintel_scenes(root: Path, size: ViewSize) -> Sequence[Scene]:
    """The sequences of the final pass, with cameras where `camdata_left` is there."""
    cameras = root / "training" / "camdata_left"
    return [
        _with_cameras(scene, lambda frame, name=scene.name: _sintel_camera(cameras / name / f"{Path(frame).stem}.cam"))
        for scene in SINTEL.list_scenes(root, size)
    ]


def diode_scenes(root: Path, size: ViewSize) -> Sequence[Scene]:
    """One scene per picture, with the camera of the development kit."""
    return [_with_cameras(scene, lambda _: _matrix(*_DIODE_CAMERA)) for scene in DIODE.list_scenes(root, size)]


def source_dataset(info: SourceInfo) -> Dataset:
    """A source of training data, in any layout that its reader knows, as a data set to score on."""
    return Dataset(
        name=info.name,
        folder=info.folder or info.name,
        list_scenes=partial(source_scenes, info),
        title=info.title,
        licence=info.licence,
        link=info.link,
    )


def source_scenes(info: SourceInfo, root: Path, size: ViewSize) -> list[Scene]:
    """The scenes of a source; sky comes along where the source labels every pixel.

    Raises:
        InputError: there is none.
    """
    opened = open_source(info, root)

    def frame_of(scene: SourceScene, name: str) -> Frame:
        def image() -> UInt8[ndarray, "h w 3"]:
            return fit_image(opened.view(scene, name).image, size)

        def truth() -> FrameTruth:
            view = opened.view(scene, name)
            known = bool((view.sky_labelled | ~view.valid).all()) and bool(view.sky_labelled.any())
            return FrameTruth(
                depth=view.depth,
                mask=view.valid,
                intrinsics=view.camera.intrinsics.double().numpy(),
                world_from_cam=view.camera.world_from_cam.double().numpy(),
                extras=({"sky": view.sky} if known else {}) | _layers(view.layers),
            )

        return Frame(name=name, read_image=image, read_truth=truth)

    if not info.cameras_known:  # single pictures, which nobody should look at together
        return [
            Scene(dataset=info.name, name=f"{scene.name}/{name}", frames=(frame_of(scene, name),))
            for scene in opened.scenes
            for name in scene.frames
        ]
    return [
        Scene(dataset=info.name, name=scene.name, frames=tuple(frame_of(scene, name) for name in scene.frames))
        for scene in opened.scenes
    ]


def _layers(layers: GlassLayers | None) -> dict[str, ndarray]:
    """What is known of transparent surfaces, by name."""
    if layers is None:
        return {}
    return {"glass": layers.glass, "last_depth": layers.last_depth, "last_valid": layers.last_valid}


def _with_cameras(scene: Scene, camera_of: Callable[[str], Float[ndarray, "3 3"] | None]) -> Scene:
    """The scene with intrinsics by the name of a frame."""

    def with_camera(frame: Frame) -> FrameTruth:
        truth = frame.read_truth()
        matrix = camera_of(frame.name)
        if scene.dataset == "diode" and matrix is not None:
            ratio = np.divide(truth.depth.shape[::-1], _DIODE_HW[::-1])
            matrix = matrix * np.array([*ratio, 1.0])[:, None]
        return replace(truth, intrinsics=matrix)

    return replace(
        scene, frames=tuple(replace(frame, read_truth=partial(with_camera, frame)) for frame in scene.frames)
    )


def _sintel_camera(path: Path) -> Float[ndarray, "3 3"] | None:
    """Intrinsics of a `.cam` file; None where it is not there (it is another download).

    Raises:
        InputError: it is no such file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"Cannot read {path}: {error.strerror or error}."
        raise InputError(message) from error
    if len(content) != _SINTEL_CAMERA_BYTES or np.frombuffer(content, "<f4", 1)[0] != np.float32(_SINTEL_TAG):
        message = f"{path} is not a whole Sintel camera file; copy or download it again."
        raise InputError(message)
    return np.frombuffer(content, "<f8", 9, 4).reshape(3, 3).copy()


def _ibims_camera(path: Path) -> Float[ndarray, "3 3"]:
    """Intrinsics from a text of four numbers between commas, or of a matrix.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        numbers = [float(word) for word in path.read_text(encoding="utf-8").replace(",", " ").split()]
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as numbers ({error}); copy or download it again."
        raise InputError(message) from error
    if len(numbers) == 4:
        return _matrix(*numbers)
    if len(numbers) != 9:
        message = f"{path} holds {len(numbers)} numbers; expected fx, fy, cx, cy. Copy or download it again."
        raise InputError(message)
    return np.reshape(numbers, (3, 3))


def _matrix(fx: float, fy: float, cx: float, cy: float) -> Float[ndarray, "3 3"]:
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def _mask(path: Path, size: tuple[int, ...]) -> Bool[ndarray, "h w"]:
    """Pixels of a mask that are not black.

    Raises:
        InputError: the file cannot be read, or has another size.
    """
    found = read_image(path).max(-1) > 0
    if found.shape != size:
        message = f"{path} has {found.shape[1]} x {found.shape[0]} pixels, its depth {size[1]} x {size[0]}."
        raise InputError(message)
    return found


IBIMS = Dataset(
    name="ibims",
    folder="ibims1_core_raw",
    list_scenes=ibims_scenes,
    scenes=100,
    frames=100,
    title="iBims-1",
    licence="research, see its page",
    link="https://www.asg.ed.tum.de/lmf/ibims1/",
)
# Sources of training data whose depth is rendered, so that its edges are exact; all but the first two are usual
# training data, and hardly a test of who learnt from them.
SHARP_SOURCES = (
    "hypersim",
    "spring",
    "tartanair",
    "vkitti2",
    "mvs_synth",
    "unrealstereo4k",
    "pointodyssey",
    "dynamic_replica",
    "aria",
    "omniworld_game",
)
EDGE_DATASETS = (
    IBIMS,
    replace(SINTEL, list_scenes=sintel_scenes),
    replace(DIODE, list_scenes=diode_scenes),
    *(source_dataset(SOURCES[name]) for name in SHARP_SOURCES),
)
LAYERED = source_dataset(SOURCES["layered_depth"])
"""Pictures with the depth of what lies behind glass."""
