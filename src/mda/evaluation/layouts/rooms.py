"""NRGBD, 7Scenes and HiRoom as the published boundary benchmark reads them: frames, depth, cameras."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mda.errors import InputError
from mda.evaluation.benchmark import Dataset, Frame, FrameTruth, Scene, ViewSize
from mda.evaluation.layouts.cropping import cropped_view, room_size
from mda.evaluation.layouts.files import folders_in, images_in, read_matrix, read_whole_numbers
from mda.io.images import read_image
from mda.shapes import Float, Float32, UInt8, ndarray

# Published: keyframes of 7Scenes and NRGBD, depths that count (metres), and of resized depth.
_7SCENES_STEP, _NRGBD_STEP = 200, 100
_FARTHEST, _NEAREST, _SMALLEST = 10.0, 1e-3, 1e-5
_HIROOM_RANGE = 100.0


@dataclass(frozen=True, kw_only=True)
class RawView:
    """One view as it is on disk.

    Attributes:
        image, depth: files.
        read_depth: metres, 0 where invalid.
        intrinsics: with the centre of the top-left pixel at (0, 0), as the data sets have it.
        world_from_cam: OpenCV pose.
        extras: for `FrameTruth`.
    """

    image: Path
    depth: Path
    read_depth: Callable[[Path], Float32[ndarray, "h w"]]
    intrinsics: Float[ndarray, "3 3"]
    world_from_cam: Float[ndarray, "4 4"]
    extras: dict[str, ndarray] = field(default_factory=dict)

    def cropped(self, target_hw: tuple[int, int]) -> tuple[UInt8[ndarray, "h w 3"], FrameTruth]:
        """The view at the size of the network.

        Raises:
            InputError: a file is missing or damaged.
        """
        image, depth = read_image(self.image), self.read_depth(self.depth)
        if image.shape[:2] != depth.shape:
            image = cv2.resize(image, depth.shape[::-1])
        centred = self.intrinsics.astype(np.float64)
        centred[:2, 2] += 0.5
        image, depth, intrinsics = cropped_view(image, depth, centred, target_hw, str(self.image))
        truth = FrameTruth(
            depth=depth,
            mask=np.isfinite(depth) & (depth > _SMALLEST),
            intrinsics=intrinsics,
            world_from_cam=self.world_from_cam.astype(np.float64),
            extras=self.extras,
        )
        return image, truth

    def frame(self, target_hw: tuple[int, int]) -> Frame:
        """The view as a frame of a scene."""
        return Frame(
            name=self.image.name,
            read_image=partial(_image_of, self, target_hw),
            read_truth=partial(_truth_of, self, target_hw),
        )


def read_millimetres(path: Path) -> Float32[ndarray, "h w"]:
    """16-bit millimetres; 65535 and what lies beyond 10 m or within 1 mm is invalid (0)."""
    depth = read_whole_numbers(path, sixteen_bit=False)
    metres = np.where(depth == 65535, 0, depth).astype(np.float32) / np.float32(1000)
    return np.where((metres > _FARTHEST) | (metres < _NEAREST), np.float32(0), metres)


def read_hiroom_depth(path: Path, mask: Path) -> Float32[ndarray, "h w"]:
    """16 bits over 100 m; pixels whose depth is a mixture of surfaces, told by a mask file, are invalid (0).

    Raises:
        InputError: the mask has another size.
    """
    depth = read_whole_numbers(path, sixteen_bit=False).astype(np.float32) / np.float32(65535) * np.float32(100)
    bad = read_whole_numbers(mask, sixteen_bit=False) > 0
    if bad.shape != depth.shape:
        message = f"{mask} is {bad.shape}, its depth {depth.shape}; download both again."
        raise InputError(message)
    return np.where(bad | (depth <= 0), np.float32(0), depth)


def seven_scenes(root: Path, size: ViewSize) -> list[Scene]:
    """Test sequences, every 200th frame.

    Raises:
        InputError: a scene has no list of its test sequences.
    """
    scenes = []
    for place in folders_in(root):
        split = place / "TestSplit.txt"
        if not split.is_file():
            message = f"{split} is missing; every folder of {root} must be a scene of 7Scenes with its split."
            raise InputError(message)
        for line in filter(None, map(str.strip, split.read_text(encoding="utf-8").splitlines())):
            folder = place / f"seq-{int(re.sub('[^0-9]', '', line)):02d}"
            count = sum("color" in path.name for path in images_in(folder, ".png"))
            views = [_seven_scenes_view(folder / f"frame-{index:06d}") for index in range(0, count, _7SCENES_STEP)]
            frames = tuple(view.frame(room_size(size)) for view in views)
            scenes.append(Scene(dataset="7scenes", name=f"{place.name}/{folder.name}", frames=frames))
    return scenes


def nrgbd(root: Path, size: ViewSize, *, published: bool) -> list[Scene]:
    """Every 100th frame (every second half of shorter ones).

    Args:
        root: folder of the scenes.
        size: of the network.
        published: use frames without a pose as if they stood at the origin; they are left out otherwise.
    """
    scenes = []
    for folder in folders_in(root):
        poses = _nrgbd_poses(folder / "poses.txt")
        count = len(images_in(folder / "images"))
        step = max(1, min(_NRGBD_STEP, count // 2))
        views = []
        for index in range(0, count, step):
            pose = poses[index] if index < len(poses) else None
            if pose is None and not published:
                continue
            views.append(_nrgbd_view(folder, index, np.eye(4) if pose is None else pose))
        frames = tuple(view.frame(room_size(size)) for view in views)
        scenes.append(Scene(dataset="nrgbd", name=folder.name, frames=frames))
    return scenes


def hiroom(root: Path, size: ViewSize) -> list[Scene]:
    """The listed scenes, every frame with image, depth and pose.

    Raises:
        InputError: the list is missing.
    """
    listed = root / "selected_scene_list_val.txt"
    try:
        names = [line.strip() for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        message = f"Cannot read {listed} ({error.strerror or error}); complete the data set."
        raise InputError(message) from error
    return [_hiroom_scene(root / "data" / name, size) for name in names]


def _seven_scenes_view(stem: Path) -> RawView:
    return RawView(
        image=stem.with_name(f"{stem.name}.color.png"),
        depth=stem.with_name(f"{stem.name}.depth.proj.png"),
        read_depth=read_millimetres,
        intrinsics=_pinhole(525.0),
        world_from_cam=read_matrix(stem.with_name(f"{stem.name}.pose.txt"), (4, 4)),
    )


def _nrgbd_view(folder: Path, index: int, pose: ndarray) -> RawView:
    flip = np.diag([1.0, -1.0, -1.0, 1.0])  # OpenGL axes (y up, z back) to OpenCV ones
    return RawView(
        image=folder / "images" / f"img{index}.png",
        depth=folder / "depth" / f"depth{index}.png",
        read_depth=read_millimetres,
        intrinsics=_pinhole(554.2562584220408),
        world_from_cam=pose @ flip,
    )


def _nrgbd_poses(path: Path) -> list[ndarray | None]:
    """OpenGL poses, four lines each; None where a pose is not known ("nan")."""
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        numbers = np.array(lines, dtype=np.float64).reshape(-1, 4, 4)
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read as poses of four lines each ({error}); download it again."
        raise InputError(message) from error
    return [None if np.isnan(pose[0]).any() else pose for pose in numbers]


def _hiroom_scene(folder: Path, size: ViewSize) -> Scene:
    intrinsics = read_matrix(folder / "cam_K.npy", (3, 3))
    views = []
    for image in images_in(folder / "image"):
        depth, pose = folder / "depth" / f"{image.stem}.png", folder / "pose" / f"{image.stem}.npy"
        if depth.is_file() and pose.is_file():
            mask = folder / "aliasing_mask" / f"{image.stem}.png"
            views.append(
                RawView(
                    image=image,
                    depth=depth,
                    read_depth=partial(read_hiroom_depth, mask=mask),
                    intrinsics=intrinsics,
                    world_from_cam=np.linalg.inv(read_matrix(pose, (4, 4))),
                )
            )
    frames = tuple(view.frame(room_size(size, square=True)) for view in views)
    return Scene(dataset="hiroom", name=f"{folder.parent.name}_{folder.name}", frames=frames)


def _pinhole(focal: float) -> ndarray:
    return np.array([[focal, 0.0, 320.0], [0.0, focal, 240.0], [0.0, 0.0, 1.0]])


def _image_of(view: RawView, target_hw: tuple[int, int]) -> UInt8[ndarray, "h w 3"]:
    return view.cropped(target_hw)[0]


def _truth_of(view: RawView, target_hw: tuple[int, int]) -> FrameTruth:
    return view.cropped(target_hw)[1]


def datasets(*, published: bool) -> tuple[Dataset, ...]:
    """The data sets; `published` decides what becomes of frames without a pose."""
    return (
        Dataset(
            name="nrgbd",
            folder="neural_rgbd",
            list_scenes=partial(nrgbd, published=published),
            title="Neural RGB-D",
            licence="of its Blender scenes, see its page",
            link="https://github.com/dazinovic/neural-rgbd-surface-reconstruction",
        ),
        # 18 test sequences; those of `stairs` have 500 frames, the others 1000.
        Dataset(
            name="7scenes",
            folder="7scenes",
            list_scenes=seven_scenes,
            scenes=18,
            frames=86,
            title="7-Scenes",
            licence="non-commercial research",
            link="https://www.microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes/",
        ),
        Dataset(
            name="hiroom",
            folder="DA3-BENCH/hiroom",
            list_scenes=hiroom,
            title="HiRoom, of the Depth Anything 3 benchmark",
            link="https://huggingface.co/datasets/depth-anything/DA3-BENCH",
        ),
    )
