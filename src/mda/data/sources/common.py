"""The two ways in which prepared data sets lie on disk, and helpers to find scenes."""

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from mda.data.contract import Scene
from mda.data.decode import read_camera, read_colour, read_levels, read_npy
from mda.data.files import Files
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.io.names import natural_key
from mda.shapes import Float, Float32, ndarray

# To left-multiply poses whose world is mirrored: a reflection of the world leaves relative poses as they are.
_SWAP_XY = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float64)


def folders_like(files: Files, *patterns: str, below: str = "") -> Iterator[str]:
    """Folders as many levels deep as there are patterns (as in a shell, `|` between alternatives), in natural order."""
    if not patterns:
        yield below
        return
    alternatives = patterns[0].split("|")
    for name in files.folders(below):
        if any(fnmatchcase(name, pattern) for pattern in alternatives):
            yield from folders_like(files, *patterns[1:], below=f"{below}/{name}" if below else name)


def frames_of(files: Files, *patterns: str) -> tuple[str, ...]:
    """Names of the frames of which there is any file, in natural order.

    So a frame whose picture is missing is found by its depth, and told as incomplete.

    Args:
        files: where they are.
        patterns: paths of the files of a frame, with `*` in place of its name, as in `SCENE/rgb/*.png`.
    """
    listed: dict[str, list[str]] = {}
    ordered: list[str] = []
    for pattern in patterns:
        folder, _, file = pattern.rpartition("/")
        start, _, end = file.partition("*")
        if folder not in listed:
            listed[folder] = files.names(folder)
        matching = (name for name in listed[folder] if name.startswith(start) and name.endswith(end))
        found = [name[len(start) : -len(end)] for name in matching if len(name) > len(start) + len(end)]
        # As a rule all patterns find the same frames, in order.
        if found != ordered:
            ordered = sorted({*ordered, *found}, key=natural_key) if ordered else found
    return tuple(ordered)


def below_split(split: str | None, splits: Iterable[str]) -> str:
    """Pattern of the folders of the parts to open."""
    return split if split is not None else "|".join(splits)


def z_from_ray_length(
    length: Float32[ndarray, "h w"], intrinsics: Float[ndarray, "3 3"], *, centre: float
) -> Float32[ndarray, "h w"]:
    """Z-depth from the distance along the ray.

    Args:
        length: distances in the directions of the pixel centres.
        intrinsics: in pixels.
        centre: coordinate of the centre of the first pixel in the convention of the intrinsics, 0.0 or 0.5.
    """
    (fx, _, cx), (_, fy, cy) = intrinsics[:2].tolist()
    return length * _z_of_unit_rays(length.shape[0], length.shape[1], (fx, fy, cx - centre, cy - centre))


@functools.lru_cache(maxsize=16)
def _z_of_unit_rays(height: int, width: int, camera: tuple[float, float, float, float]) -> Float32[ndarray, "h w"]:
    """The z of rays of length one through whole pixel coordinates; cameras of a data set are few."""
    fx, fy, cx, cy = camera
    x, y = (np.arange(width) - cx) / fx, (np.arange(height) - cy) / fy
    return (1 / np.sqrt(x[None, :] ** 2 + y[:, None] ** 2 + 1)).astype(np.float32)


def proper(pose: Float[ndarray, "4 4"]) -> Float[ndarray, "4 4"]:
    """The pose in a world that is not mirrored."""
    with np.errstate(invalid="ignore", over="ignore"):  # what is no pose is refused later
        return _SWAP_XY @ pose if np.linalg.det(pose[:3, :3]) < 0 else pose


@dataclass(frozen=True, kw_only=True)
class FlatLayout:
    """All files of a scene in one folder: NAME + image, NAME + depth, NAME + camera.

    Attributes:
        folders: patterns of the folders above the files.
        image, depth, camera: ends of the file names.
        rule: what far depth means.
        depth_unit: how much one of a 16-bit depth file is; of .npy files it is 1.
        intrinsics, pose: names in the camera file.
        integer_centres: see `FileCamera`.
        unused: patterns of folder paths that are left out.
    """

    folders: tuple[str, ...]
    image: str
    depth: str
    camera: str
    rule: DepthRule
    depth_unit: float = 1.0
    intrinsics: str = "camera_intrinsics"
    pose: str = "camera_pose"
    integer_centres: bool = False
    unused: tuple[str, ...] = ()
    name: str = "published"

    @property
    def expected(self) -> str:
        """The files that are expected."""
        return f"{'/'.join(self.folders)}/*{{{self.image},{self.depth},{self.camera}}}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        """The scenes."""
        del split  # these data sets are not split on disk
        for folder in folders_like(files, *self.folders):
            if not any(fnmatchcase(folder, pattern) for pattern in self.unused):
                files_of_frame = self.members(Scene(name=folder, folder=folder, frames=()), "*").values()
                yield Scene(name=folder, folder=folder, frames=frames_of(files, *files_of_frame))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        """The files of a frame."""
        ends = {"image": self.image, "depth": self.depth, "camera": self.camera}
        return {what: f"{scene.folder}/{frame}{end}" for what, end in ends.items()}

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        """Read a frame."""
        paths = self.members(scene, frame)
        intrinsics, pose = read_camera(files, paths["camera"], intrinsics=self.intrinsics, pose=self.pose)
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_depth(files, paths["depth"], self.depth_unit),
            camera=FileCamera(
                intrinsics=intrinsics,
                world_from_cam=proper(pose),
                integer_centres=self.integer_centres,
                path=paths["camera"],
            ),
            rule=self.rule,
        )


@dataclass(frozen=True, kw_only=True)
class FoldersLayout:
    """One folder per kind of file within a scene: rgb/NAME, depth/NAME, cam/NAME.

    Attributes:
        folders: patterns of the folders above; `{split}` stands for the parts of the data set.
        splits: names of the parts.
        images: ends of the names of pictures; the first that a scene has is taken.
        rule: what far depth means.
        intrinsics, pose: names in the camera file.
        integer_centres: see `FileCamera`.
        unused: patterns of folder paths that are left out.
    """

    folders: tuple[str, ...]
    splits: tuple[str, ...] = ()
    images: tuple[str, ...] = (".png", ".jpg")
    rule: DepthRule
    intrinsics: str = "intrinsics"
    pose: str = "pose"
    integer_centres: bool = False
    unused: tuple[str, ...] = ()
    name: str = "published"

    @property
    def expected(self) -> str:
        """The files that are expected."""
        above = "/".join(self.folders).replace("{split}", "|".join(self.splits))
        return f"{above}/{{rgb/*{'|'.join(self.images)}, depth/*.npy, cam/*.npz}}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        """The scenes."""
        patterns = [p.replace("{split}", below_split(split, self.splits)) for p in self.folders]
        for folder in folders_like(files, *patterns):
            if any(fnmatchcase(folder, pattern) for pattern in self.unused):
                continue
            endings = (ending for ending in self.images if frames_of(files, f"{folder}/rgb/*{ending}"))
            ending = next(endings, self.images[0])
            frames = frames_of(files, f"{folder}/rgb/*{ending}", f"{folder}/depth/*.npy", f"{folder}/cam/*.npz")
            # The frame keeps its ending, so that it says which file is its picture.
            yield Scene(name=folder, folder=folder, frames=tuple(f"{frame}{ending}" for frame in frames))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        """The files of a frame."""
        stem = frame.rpartition(".")[0]
        return {
            "image": f"{scene.folder}/rgb/{frame}",
            "depth": f"{scene.folder}/depth/{stem}.npy",
            "camera": f"{scene.folder}/cam/{stem}.npz",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        """Read a frame."""
        paths = self.members(scene, frame)
        intrinsics, pose = read_camera(files, paths["camera"], intrinsics=self.intrinsics, pose=self.pose)
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_npy(files, paths["depth"]),
            camera=FileCamera(
                intrinsics=intrinsics, world_from_cam=pose, integer_centres=self.integer_centres, path=paths["camera"]
            ),
            rule=self.rule,
        )


def read_depth(files: Files, path: str, unit: float) -> Float32[ndarray, "h w"]:
    """Depth of a .npy file or, in steps of `unit`, of a 16-bit image."""
    if path.endswith(".npy"):
        return read_npy(files, path)
    return read_levels(files, path, deep=True) * np.float32(unit)
