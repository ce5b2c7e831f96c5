"""Aria Synthetic Environments: walks through generated homes, seen through glasses."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, read_colour, read_levels, read_numbers
from mda.data.files import Files
from mda.data.sources.aria_lens import DEVICE_FROM_UPRIGHT, pinhole_view
from mda.data.sources.common import folders_like, frames_of, z_from_ray_length
from mda.data.sources.tables import number_table, pose_of, rotation_from_quaternion
from mda.data.view_sampling import ViewSampling, Walk
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.shapes import Float, Float32, ndarray

# Indoors; what is farther is an error of the renderer (published pipeline).
_RULE = DepthRule(far=20.0, far_is_sky=False, sky_known=True)
# Millimetres along the ray; the largest number stands for none, and is far beyond what is used.
_UNIT = 0.001
# Columns of a trajectory: an identifier, two times, then position and quaternion (x, y, z, w) of the glasses.
_POSITION, _QUATERNION = slice(3, 6), slice(6, 10)


@dataclass(frozen=True)
class _Published:
    """Pictures made pinhole, one text file per pose, one camera per scene."""

    name: str = "published"
    expected: str = "NUMBER/{color/*.jpg, depth/*.png, pose/*.txt, intrinsic/intrinsic_color.txt}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "[0-9]*"):
            frames = frames_of(files, f"{folder}/color/*.jpg", f"{folder}/depth/*.png", f"{folder}/pose/*.txt")
            yield Scene(name=folder, folder=folder, frames=frames)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/color/{frame}.jpg",
            "depth": f"{scene.folder}/depth/{frame}.png",
            "pose": f"{scene.folder}/pose/{frame}.txt",
            "intrinsics": f"{scene.folder}/intrinsic/intrinsic_color.txt",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        text = files.read(paths["intrinsics"]).decode("utf-8", "replace").splitlines()
        columns = len(text[0].replace(",", " ").split()) if text else 0
        intrinsics = number_table(files, paths["intrinsics"], columns)[:3, :3]
        pose = read_numbers(files, paths["pose"], columns=4)
        if intrinsics.shape != (3, 3) or pose.shape != (4, 4):
            raise damaged(files, paths["pose"], f"shapes {pose.shape} and {intrinsics.shape}, expected 4x4 and 3x3")
        length = read_levels(files, paths["depth"], deep=True) * np.float32(_UNIT)
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=z_from_ray_length(length, intrinsics, centre=0.0),
            camera=FileCamera(intrinsics=intrinsics, world_from_cam=pose, integer_centres=True, path=paths["pose"]),
            rule=_RULE,
        )


@dataclass(frozen=True)
class _Original:
    """Fisheye pictures on their side, which become upright and pinhole here; one trajectory per scene."""

    name: str = "original"
    expected: str = "NUMBER/{rgb/vignette*.jpg, depth/depth*.png, trajectory.csv}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "[0-9]*"):
            frames = frames_of(files, f"{folder}/rgb/vignette*.jpg", f"{folder}/depth/depth*.png")
            yield Scene(name=folder, folder=folder, frames=frames)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/rgb/vignette{frame}.jpg",
            "depth": f"{scene.folder}/depth/depth{frame}.png",
            "pose": f"{scene.folder}/trajectory.csv",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        poses = _trajectory(files, paths["pose"])
        if not frame.isdecimal() or int(frame) >= len(poses):
            raise damaged(files, paths["pose"], f"it has {len(poses)} poses, none for frame {frame}")
        image, levels = read_colour(files, paths["image"]), read_levels(files, paths["depth"], deep=True)
        if not image.shape[0] == image.shape[1] == levels.shape[0] == levels.shape[1]:
            raise damaged(files, paths["depth"], f"pixels {levels.shape} and {image.shape[:2]}, expected equal squares")
        view = pinhole_view(len(image))
        return make_view(
            name=name,
            image=view.image(image),
            depth=view.seen(levels) * _depth_of_level(len(image)),
            camera=FileCamera(
                intrinsics=view.intrinsics, world_from_cam=poses[int(frame)] @ DEVICE_FROM_UPRIGHT, path=paths["pose"]
            ),
            rule=_RULE,
        )


@functools.lru_cache(maxsize=2)
def _depth_of_level(side: int) -> Float32[ndarray, "h w"]:
    """Z-depth in metres of one millimetre along the ray of each pixel."""
    return pinhole_view(side).z * np.float32(_UNIT)


@functools.lru_cache(maxsize=32)
def _trajectory(files: Files, path: str) -> Float[ndarray, "n 4 4"]:
    """World from device of every frame. Not to be written to."""
    rows = [line.split(",") for line in files.read(path).decode("utf-8", "replace").splitlines()[1:] if line.strip()]
    poses = []
    try:
        for row in rows:
            x, y, z, w = (float(value) for value in row[_QUATERNION])
            centre = np.array([float(value) for value in row[_POSITION]])
            poses.append(pose_of(rotation_from_quaternion(w, x, y, z), centre))
    except ValueError as error:
        raise damaged(files, path, error) from error
    return np.stack(poses) if poses else np.zeros((0, 4, 4))


ARIA = SourceInfo(
    name="aria",
    title="AriaSyntheticENV",
    licence="Project Aria dataset licence (research)",
    link="https://www.projectaria.com/datasets/ase/",
    unit="m",
    sky="indoors: no pixel with depth is sky",
    layouts=(_Published(), _Original()),
    sampling=ViewSampling(walk=Walk.EVEN_STEPS, steps=(1, 1)),
    folder="ase_processed",
)
