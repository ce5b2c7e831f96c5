"""HyperSim: 461 rendered interiors; also some views through windows, whose sky is not labelled."""

import csv
import functools
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import as_float32, damaged, decoding, frame_number, read_colour, read_hdf5
from mda.data.files import Files
from mda.data.sources.common import FlatLayout, folders_like, frames_of, z_from_ray_length
from mda.data.sources.tables import hdf5_table, pose_of
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.shapes import Float, ndarray

_RULE = DepthRule()
# Cameras look along -z with y up.
_CV_FROM_GL = np.diag([1.0, -1.0, -1.0])
# Half the field of view across is 30 degrees where the table of cameras is absent: 886.81 pixels at 1024.
_TANGENT = np.tan(np.pi / 6)
_CAMERAS = "metadata_camera_parameters.csv"
# Lenses may be tilted; a pinhole camera of ours may not.
_TILT = 1e-6


@dataclass(frozen=True)
class _Original:
    """As downloaded; `metadata_camera_parameters.csv` (from the authors' repository) in the root adds odd lenses."""

    name: str = "original"
    expected: str = (
        "ai_XXX_YYY/{_detail/{metadata_scene.csv, cam_NN/camera_keyframe_{positions,orientations}.hdf5}, "
        "images/scene_cam_NN_{final_preview/frame.*.tonemap.jpg, geometry_hdf5/frame.*.depth_meters.hdf5}}"
    )

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "ai_*"):
            kinds = folders_like(files, "scene_cam_*_final_preview|scene_cam_*_geometry_hdf5", below=f"{folder}/images")
            cameras = ("_".join(kind.rpartition("/")[2].split("_")[1:3]) for kind in kinds)
            for camera in dict.fromkeys(cameras):
                scene = Scene(name=f"{folder}/{camera}", folder=folder, frames=())
                paths = self.members(scene, "*")
                yield replace(scene, frames=frames_of(files, paths["image"], paths["depth"]))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        camera = scene.name.rpartition("/")[2]
        images = f"{scene.folder}/images/scene_{camera}"
        return {
            "image": f"{images}_final_preview/frame.{frame}.tonemap.jpg",
            "depth": f"{images}_geometry_hdf5/frame.{frame}.depth_meters.hdf5",
            "positions": f"{scene.folder}/_detail/{camera}/camera_keyframe_positions.hdf5",
            "orientations": f"{scene.folder}/_detail/{camera}/camera_keyframe_orientations.hdf5",
            "scene": f"{scene.folder}/_detail/metadata_scene.csv",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        number = frame_number(files, paths["image"], frame)
        position = _row(files, paths["positions"], number, (3,))
        orientation = _row(files, paths["orientations"], number, (3, 3))
        image = read_colour(files, paths["image"])
        intrinsics = _intrinsics(files, scene.folder, image.shape[0], image.shape[1])
        length = as_float32(read_hdf5(files, paths["depth"], "dataset"))
        if length.ndim != 2:
            raise damaged(files, paths["depth"], f"its shape is {length.shape}, expected (height, width)")
        return make_view(
            name=name,
            image=image,
            depth=z_from_ray_length(length, intrinsics, centre=0.5),
            camera=FileCamera(
                intrinsics=intrinsics,
                world_from_cam=pose_of(orientation @ _CV_FROM_GL, position * _metres(files, paths["scene"])),
                path=paths["orientations"],
            ),
            rule=_RULE,
        )


def _row(files: Files, path: str, number: int, shape: tuple[int, ...]) -> ndarray:
    table = hdf5_table(files, path, "dataset")
    if table.shape[1:] != shape or number >= len(table):
        raise damaged(files, path, f"its shape is {table.shape}, and frame {number} is asked for")
    return table[number].astype(np.float64)


@functools.lru_cache(maxsize=64)
def _metres(files: Files, path: str) -> float:
    """Metres in one unit of the scene."""
    for row in csv.reader(io.StringIO(files.read(path).decode("utf-8", "replace"))):
        if len(row) == 2 and row[0].strip() == "meters_per_asset_unit":
            with decoding(files, path):
                return float(row[1])
    raise damaged(files, path, "it has no row meters_per_asset_unit")


@functools.lru_cache(maxsize=64)
def _intrinsics(files: Files, scene: str, height: int, width: int) -> Float[ndarray, "3 3"]:
    """Intrinsics from the authors' table of cameras, if it is in the root, or the usual ones.

    The table's matrix takes (u, v, 1), u to the right and v up within -1..1, to a ray in the camera's axes.
    """
    rays = np.diag([_TANGENT, _TANGENT * height / width, -1.0])
    if _CAMERAS in files.names(""):
        rows = csv.DictReader(io.StringIO(files.read(_CAMERAS).decode("utf-8", "replace")))
        row = next((row for row in rows if row.get("scene_name") == scene), None)
        if row is None:
            raise damaged(files, _CAMERAS, f"it has no row for {scene}")
        with decoding(files, _CAMERAS):
            rays = np.array([[float(row[f"M_cam_from_uv_{i}{j}"]) for j in range(3)] for i in range(3)])
    uv_from_pixel = np.array([[2 / width, 0, -1], [0, -2 / height, 1], [0, 0, 1]])
    inverse = _CV_FROM_GL @ rays @ uv_from_pixel
    if not np.abs(inverse[2, :2]).max() <= _TILT * abs(inverse[2, 2]):
        raise damaged(files, _CAMERAS, f"the lens of {scene} is tilted; leave the scene out")
    with decoding(files, _CAMERAS):  # a matrix of zeros has no inverse
        return np.linalg.inv(inverse / inverse[2, 2])


HYPERSIM = SourceInfo(
    name="hypersim",
    title="HyperSim",
    licence="CC BY-SA 3.0",
    link="https://github.com/apple/ml-hypersim",
    unit="m",
    sky="not labelled",
    layouts=(
        FlatLayout(
            folders=("ai_*", "*"),
            image="rgb.png",
            depth="depth.npy",
            camera="cam.npz",
            intrinsics="intrinsics",
            pose="pose",
            rule=_RULE,
        ),
        _Original(),
    ),
    sampling=ViewSampling(steps=(1, 4), video=0.5, even=0.5, block=16),
    folder="hypersim_cut3r",
)
