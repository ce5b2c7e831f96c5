"""Virtual KITTI 2: five driving scenes in ten kinds of light and weather, two cameras."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, frame_number, read_colour, read_levels
from mda.data.files import Files
from mda.data.sources.common import FlatLayout, folders_like, frames_of
from mda.data.sources.tables import inverse_pose, number_table
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view

# Centimetres in 16 bits; the sky is at the largest value, 655.35 m.
_RULE = DepthRule(far=655.0, far_is_sky=True, sky_known=True)
_UNIT = 0.01


@dataclass(frozen=True)
class _Original:
    """As downloaded: pictures and depth by camera, all cameras of a scene in two tables."""

    name: str = "original"
    expected: str = (
        "SceneXX/VARIATION/{intrinsic.txt, extrinsic.txt, frames/rgb/Camera_N/rgb_*.jpg, "
        "frames/depth/Camera_N/depth_*.png}"
    )

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "Scene*", "*"):
            cameras = folders_like(files, "rgb|depth", "Camera_[0-9]", below=f"{folder}/frames")
            for camera in sorted({camera.rpartition("/")[2] for camera in cameras}):
                scene = Scene(name=f"{folder}/{camera}", folder=folder, frames=())
                paths = self.members(scene, "*")
                yield replace(scene, frames=frames_of(files, paths["image"], paths["depth"]))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        camera = scene.name.rpartition("/")[2]
        return {
            "image": f"{scene.folder}/frames/rgb/{camera}/rgb_{frame}.jpg",
            "depth": f"{scene.folder}/frames/depth/{camera}/depth_{frame}.png",
            "intrinsics": f"{scene.folder}/intrinsic.txt",
            "poses": f"{scene.folder}/extrinsic.txt",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        # Rows begin with the numbers of the frame and of the camera.
        which = frame_number(files, paths["image"], frame), int(scene.name.rpartition("_")[2])
        inner = _row(files, paths["intrinsics"], 6, which)
        outer = _row(files, paths["poses"], 18, which)
        fx, fy, cx, cy = inner
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_levels(files, paths["depth"], deep=True) * np.float32(_UNIT),
            camera=FileCamera(
                intrinsics=np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]),
                world_from_cam=inverse_pose(outer.reshape(4, 4)),
                integer_centres=True,
                path=paths["poses"],
            ),
            rule=_RULE,
        )


def _row(files: Files, path: str, columns: int, which: tuple[int, int]) -> np.ndarray:
    table = number_table(files, path, columns, 1)
    found = np.flatnonzero((table[:, :2] == which).all(1))
    if len(found) != 1:
        raise damaged(files, path, f"it has {len(found)} rows for frame {which[0]} of camera {which[1]}")
    return table[found[0], 2:]


VKITTI2 = SourceInfo(
    name="vkitti2",
    title="Virtual KITTI 2",
    licence="CC BY-NC-SA 3.0",
    link="https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-2/",
    unit="m",
    sky="depth >= 655 m",
    layouts=(
        FlatLayout(
            folders=("Scene*", "*", "Camera_*"),
            image="_rgb.jpg",
            depth="_depth.png",
            camera="_cam.npz",
            depth_unit=_UNIT,
            rule=_RULE,
            integer_centres=True,
        ),
        _Original(),
    ),
    sampling=ViewSampling(steps=(1, 5), video=1.0, even=0.9),
    folder="processed_vkitti/mast3r_data/processed_vkitti",
)
