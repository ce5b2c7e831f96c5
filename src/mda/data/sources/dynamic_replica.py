"""Dynamic Replica: people and animals moving in scanned rooms, stereo."""

import functools
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, decoding, read_colour, read_levels
from mda.data.files import Files
from mda.data.sources.common import FoldersLayout, below_split
from mda.data.sources.tables import inverse_pose, pose_of
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.shapes import Float, ndarray

_SPLITS = ("train", "valid", "test")
# Indoors, so that no pixel with depth is sky.
_RULE = DepthRule(sky_known=True)
# PyTorch3D: x to the left, y up.
_CV_FROM_P3D = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class _Original:
    """As downloaded: all frames of a part in one table, with PyTorch3D cameras."""

    name: str = "original"
    expected: str = "train|valid|test/{frame_annotations_PART.jgz, SEQUENCE/{images/*.png, depths/*.geometric.png}}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        for part in below_split(split, _SPLITS).split("|"):
            if f"frame_annotations_{part}.jgz" in files.names(part):
                for name, frames in _table(files, part).items():
                    yield Scene(name=f"{part}/{name}", folder=part, frames=tuple(frames))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        # The name of a frame holds its own picture and depth, because the table says where they are.
        image, depth = frame.split("|")[1:]
        return {
            "image": f"{scene.folder}/{image}",
            "depth": f"{scene.folder}/{depth}",
            "cameras": f"{scene.folder}/frame_annotations_{scene.folder}.jgz",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        numbers = _table(files, scene.folder)[scene.name.partition("/")[2]].get(frame)
        if numbers is None:
            raise damaged(files, paths["cameras"], f"it has no camera for {frame}")
        image = read_colour(files, paths["image"])
        # Half-precision floats in the bits of whole numbers.
        depth = read_levels(files, paths["depth"], deep=True).astype(np.uint16).view(np.float16)
        return make_view(
            name=name.partition("|")[0],
            image=image,
            depth=depth.astype(np.float32),
            camera=replace(_camera(numbers, image.shape[0], image.shape[1]), path=paths["cameras"]),
            rule=_RULE,
        )


@functools.lru_cache(maxsize=3)
def _table(files: Files, part: str) -> dict[str, dict[str, Float[ndarray, "17"]]]:
    """By scene and frame: R (9), T (3), focal length (2), principal point (2), and whether the unit is isotropic."""
    path = f"{part}/frame_annotations_{part}.jgz"
    with decoding(files, path):
        entries = json.loads(gzip.decompress(files.read(path)))
        scenes: dict[str, dict[str, Float[ndarray, "17"]]] = {}
        for entry in entries:
            seen, view = f"{entry['sequence_name']}/{entry.get('camera_name') or 'left'}", entry["viewpoint"]
            frame = f"{int(entry['frame_number']):04d}|{entry['image']['path']}|{entry['depth']['path']}"
            isotropic = float(view.get("intrinsics_format", "ndc_norm_image_bounds") == "ndc_isotropic")
            flat = [*np.ravel(view["R"]), *view["T"], *view["focal_length"], *view["principal_point"], isotropic]
            scenes.setdefault(seen, {})[frame] = np.array(flat, np.float32).reshape(17)
    return {name: dict(sorted(frames.items())) for name, frames in sorted(scenes.items())}


def _camera(numbers: Float[ndarray, "17"], height: int, width: int) -> FileCamera:
    """A PyTorch3D camera (row vectors; normalised by half the picture, or half its shorter side) as one of ours."""
    rotation, shift = numbers[:9].reshape(3, 3).astype(np.float64), numbers[9:12].astype(np.float64)
    (fx, fy), (px, py) = numbers[12:14].astype(np.float64), numbers[14:16].astype(np.float64)
    x, y = (min(height, width) / 2,) * 2 if numbers[16] else (width / 2, height / 2)
    intrinsics = np.array([[fx * x, 0, width / 2 - px * x], [0, fy * y, height / 2 - py * y], [0, 0, 1]])
    return FileCamera(
        intrinsics=intrinsics,
        world_from_cam=inverse_pose(pose_of(_CV_FROM_P3D @ rotation.T, _CV_FROM_P3D @ shift)),
    )


DYNAMIC_REPLICA = SourceInfo(
    name="dynamic_replica",
    title="DynamicReplica",
    licence="CC BY-NC 4.0",
    link="https://dynamic-stereo.github.io",
    unit="m",
    sky="indoors: no pixel with depth is sky",
    layouts=(
        FoldersLayout(folders=("{split}", "*", "left"), splits=_SPLITS, images=(".png",), rule=_RULE),
        _Original(),
    ),
    sampling=ViewSampling(steps=(1, 16)),
    splits=_SPLITS,
    moving=True,
    folder="dynamic_replica_cut3r",
    place_levels=2,
)
