"""PointOdyssey: long rendered clips of people and animals in rooms and outdoors."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, frame_number, read_colour, read_levels, read_npz
from mda.data.files import Files
from mda.data.sources.common import FoldersLayout, below_split, folders_like, frames_of
from mda.data.sources.tables import inverse_pose
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.shapes import ndarray

_SPLITS = ("train", "val", "test", "sample")
# Farther is no surface; some of it is a painted background, so it is not called sky.
_RULE = DepthRule(far=1000.0)
_UNIT = 1000 / 65535
# The name differs between releases.
_ANNOTATIONS = ("anno.npz", "annotations.npz", "annot.npz")


@dataclass(frozen=True)
class _Original:
    """As downloaded: pictures, depth of 16 bits, cameras and tracks of the whole scene in one file."""

    name: str = "original"
    expected: str = "train|val|test/SCENE/{rgbs/rgb_*.jpg, depths/depth_*.png, anno.npz}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        for folder in folders_like(files, below_split(split, _SPLITS), "*"):
            present = set(files.names(folder))
            annotation = next((name for name in _ANNOTATIONS if name in present), _ANNOTATIONS[0])
            frames = frames_of(files, f"{folder}/rgbs/rgb_*.jpg", f"{folder}/depths/depth_*.png")
            yield Scene(name=folder, folder=folder, frames=frames, detail=annotation)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/rgbs/rgb_{frame}.jpg",
            "depth": f"{scene.folder}/depths/depth_{frame}.png",
            "cameras": f"{scene.folder}/{scene.detail}",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        intrinsics, extrinsics = _cameras(files, paths["cameras"])
        number = frame_number(files, paths["image"], frame)
        if number >= min(len(intrinsics), len(extrinsics)):
            raise damaged(files, paths["cameras"], f"it has no camera for frame {frame}")
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_levels(files, paths["depth"], deep=True) * np.float32(_UNIT),
            camera=FileCamera(
                intrinsics=intrinsics[number],
                world_from_cam=inverse_pose(extrinsics[number].astype(np.float64)),
                path=paths["cameras"],
            ),
            rule=_RULE,
        )


@functools.lru_cache(maxsize=32)
def _cameras(files: Files, path: str) -> tuple[ndarray, ndarray]:
    intrinsics, extrinsics = read_npz(files, path, ("intrinsics", "extrinsics"))
    if intrinsics.shape[1:] != (3, 3) or extrinsics.shape[1:] != (4, 4):
        raise damaged(files, path, f"shapes are {intrinsics.shape} and {extrinsics.shape}")
    return intrinsics, extrinsics


POINT_ODYSSEY = SourceInfo(
    name="pointodyssey",
    title="PointOdyssey",
    licence="MIT",
    link="https://pointodyssey.com",
    unit="m",
    sky="not labelled",
    layouts=(FoldersLayout(folders=("{split}", "*"), splits=_SPLITS, images=(".jpg",), rule=_RULE), _Original()),
    sampling=ViewSampling(steps=(1, 4)),
    splits=_SPLITS,
    moving=True,
    folder="point_odyssey_v1.2_cut3r",
    place_levels=2,
)
