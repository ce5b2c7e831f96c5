"""Sintel, Bonn, KITTI, DIODE and NYU as the scripts of the published release read them.

Which frames, how depth is encoded, and which pixels are invalid.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mda.errors import InputError
from mda.evaluation.benchmark import Dataset, Frame, FrameTruth, Scene, ViewSize
from mda.evaluation.layouts.files import (
    folders_in,
    images_in,
    paired,
    read_fitted,
    read_map,
    read_sintel_depth,
    read_whole_numbers,
)
from mda.io.names import is_hidden
from mda.shapes import Float, ndarray

SINTEL_14 = frozenset(
    {"alley_2", "ambush_4", "ambush_5", "ambush_6", "cave_2", "cave_4", "market_2", "market_5", "market_6", "shaman_3"}
    | {"sleeping_1", "sleeping_2", "temple_2", "temple_3"}
)
"""The sequences of Sintel that other papers score; the published script scores all 23."""
BONN_SEQUENCES = ("balloon2", "crowd2", "crowd3", "person_tracking2", "synchronous")
_KITTI_FOLDER = "kitti_backup/kitti/depth_selection/val_selection_cropped"

ReadDepth = Callable[[Path], Float[ndarray, "h w"]]


def read_sintel(path: Path) -> FrameTruth:
    """Metres; not above 0 is invalid."""
    depth = read_sintel_depth(path)
    return FrameTruth(depth=depth, mask=np.isfinite(depth) & (depth > 0))


def read_png(path: Path, *, units_per_metre: float) -> FrameTruth:
    """16-bit PNG in double precision; 0 is invalid and becomes -1."""
    numbers = read_whole_numbers(path)
    return FrameTruth(depth=np.where(numbers > 0, numbers / units_per_metre, -1.0), mask=numbers > 0)


def read_diode(path: Path) -> FrameTruth:
    """Metres with a mask beside it; where the mask file is missing all of it is valid."""
    depth = read_map(path).astype(np.float32)
    mask_file = path.with_name(f"{path.stem}_mask.npy")
    mask = read_map(mask_file) >= 0.5 if mask_file.exists() else np.ones(depth.shape, dtype=bool)
    if mask.shape != depth.shape:
        message = f"{mask_file} is {mask.shape}, its depth is {depth.shape}; download both again."
        raise InputError(message)
    return FrameTruth(depth=depth, mask=mask & np.isfinite(depth) & (depth > 0))


def read_nyu(path: Path) -> FrameTruth:
    """Metres; not above 0 is invalid."""
    depth = read_map(path).astype(np.float32)
    return FrameTruth(depth=depth, mask=np.isfinite(depth) & (depth > 0))


def frames_of(
    pairs: Sequence[tuple[Path, Path]], size: ViewSize, read_truth: Callable[[Path], FrameTruth]
) -> tuple[Frame, ...]:
    """Frames of images and depth maps."""
    return tuple(
        Frame(name=image.name, read_image=partial(read_fitted, image, size), read_truth=partial(read_truth, depth))
        for image, depth in pairs
    )


def sintel_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """One scene per sequence of the final pass."""
    scenes = []
    for folder in folders_in(root / "training" / "final"):
        depths = [path for path in files_in(root / "training" / "depth" / folder.name) if path.suffix == ".dpt"]
        pairs = paired(images_in(folder, ".png"), depths, folder)
        scenes.append(Scene(dataset="sintel", name=folder.name, frames=frames_of(pairs, size, read_sintel)))
    return scenes


def bonn_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """The five sequences of 110 frames."""
    read, scenes = partial(read_png, units_per_metre=5000.0), []
    for name in BONN_SEQUENCES:
        folder = root / f"rgbd_bonn_{name}"
        if folder.is_dir():
            pairs = paired(images_in(folder / "rgb_110", ".png"), images_in(folder / "depth_110", ".png"), folder)
            scenes.append(Scene(dataset="bonn", name=name, frames=frames_of(pairs, size, read)))
    return scenes


def kitti_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """One scene per drive."""
    read, scenes = partial(read_png, units_per_metre=256.0), []
    for folder in folders_in(root / "image_gathered"):
        depths = images_in(root / "groundtruth_depth_gathered" / folder.name, ".png")
        pairs = paired(images_in(folder, ".png"), depths, folder)
        scenes.append(Scene(dataset="kitti", name=folder.name, frames=frames_of(pairs, size, read)))
    return scenes


def diode_scenes(root: Path, size: ViewSize, *, per_scan: bool) -> list[Scene]:
    """One scene per image, or per scan (a folder of images from one place).

    Raises:
        InputError: an image has no depth.
    """
    scenes = []
    for folder in sorted({path.parent for path in root.rglob("*.png") if not is_hidden(path)}):
        pairs = [(image, image.with_name(f"{image.stem}_depth.npy")) for image in images_in(folder, ".png")]
        lacking = [depth for _, depth in pairs if not depth.exists()]
        if lacking:
            message = f"{lacking[0]} is missing; complete the data set."
            raise InputError(message)
        frames, place = frames_of(pairs, size, read_diode), folder.relative_to(root).as_posix()
        if per_scan:
            scenes.append(Scene(dataset="diode-scan", name=place, frames=frames))
        else:
            scenes += [
                Scene(dataset="diode", name=f"{place}/{Path(frame.name).stem}", frames=(frame,)) for frame in frames
            ]
    return scenes


def nyu_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """One scene per image."""
    pairs = paired(images_in(root / "nyu_images", ".png"), files_in(root / "nyu_depths"), root)
    return [
        Scene(dataset="nyu", name=image.stem, frames=frames_of([(image, depth)], size, read_nyu))
        for image, depth in pairs
    ]


def files_in(folder: Path) -> list[Path]:
    """Visible files, sorted by name as text.

    Raises:
        InputError: the folder cannot be listed.
    """
    try:
        return sorted(
            (path for path in folder.iterdir() if path.is_file() and not is_hidden(path)), key=lambda p: p.name
        )
    except OSError as error:
        message = f"Cannot list the folder {folder}: {error.strerror or error}. Complete the data set."
        raise InputError(message) from error


SINTEL = Dataset(
    name="sintel",
    folder="sintel",
    list_scenes=sintel_scenes,
    scenes=23,
    frames=1064,
    title="MPI Sintel",
    licence="research, see its page",
    link="http://sintel.is.tue.mpg.de/depth",
)
BONN = Dataset(
    name="bonn",
    folder="bonn/rgbd_bonn_dataset",
    list_scenes=bonn_scenes,
    scenes=5,
    frames=550,
    title="Bonn RGB-D Dynamic",
    link="https://www.ipb.uni-bonn.de/data/rgbd-dynamic-dataset/",
)
KITTI = Dataset(
    name="kitti",
    folder=_KITTI_FOLDER,
    list_scenes=kitti_scenes,
    title="KITTI depth, validation drives",
    licence="CC BY-NC-SA 3.0",
    link="https://www.cvlibs.net/datasets/kitti/eval_depth_all.php",
)
DIODE = Dataset(
    name="diode",
    folder="diode/val",
    list_scenes=partial(diode_scenes, per_scan=False),
    scenes=771,
    frames=771,
    title="DIODE, validation, each image alone",
    licence="MIT",
    link="https://diode-dataset.org/",
)
DIODE_SCAN = replace(
    DIODE,
    name="diode-scan",
    list_scenes=partial(diode_scenes, per_scan=True),
    scenes=None,
    title="DIODE, validation, each scan together",
)
NYU = Dataset(
    name="nyu",
    folder="nyu_v2/val",
    list_scenes=nyu_scenes,
    scenes=654,
    frames=654,
    title="NYU Depth v2, test",
    licence="research, see its page",
    link="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
)
DATASETS = (SINTEL, BONN, KITTI, DIODE, DIODE_SCAN, NYU)
