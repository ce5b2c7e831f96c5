"""TartanAir: flights through thirty rendered places, two difficulties each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, frame_number, read_colour, read_npy
from mda.data.files import Files
from mda.data.sources.common import FlatLayout, folders_like, frames_of
from mda.data.sources.tables import number_table, pose_of, rotation_from_quaternion
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view

_RULE = DepthRule(far=1000.0, far_is_sky=True, sky_known=True)
# Its sky is a dome whose depth is not large (published pipeline leaves the place out).
_UNUSED = ("*amusement*",)
# 640 x 480 pixels, 90 degrees across, the optical axis through the middle of the picture.
_INTRINSICS = np.array([[320.0, 0, 320], [0, 320, 240], [0, 0, 1]])
# Poses are in the axes of aircraft (x forward, y right, z down): columns are their axes in ours.
_NED_FROM_CV = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


@dataclass(frozen=True)
class _Original:
    """As downloaded: left pictures and depth in folders, poses in one table."""

    name: str = "original"
    expected: str = (
        "PLACE/Easy|Hard/PXXX/{image_left/*_left.png, depth_left/*_left_depth.npy, pose_left.txt} "
        "(also PLACE/PLACE/Easy|Hard/...)"
    )

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for depth in (1, 2):  # the archives hold a folder of the place's name in which there is another one
            for folder in folders_like(files, *["*"] * depth, "Easy|Hard", "P*"):
                if "amusement" not in folder:
                    scene = Scene(name=folder, folder=folder, frames=())
                    paths = self.members(scene, "*")
                    yield replace(scene, frames=frames_of(files, paths["image"], paths["depth"]))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/image_left/{frame}_left.png",
            "depth": f"{scene.folder}/depth_left/{frame}_left_depth.npy",
            "poses": f"{scene.folder}/pose_left.txt",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        table = number_table(files, paths["poses"], 7)
        number = frame_number(files, paths["image"], frame)
        if number >= len(table):
            raise damaged(files, paths["poses"], f"it has {len(table)} rows, none for frame {frame}")
        x, y, z, qx, qy, qz, qw = table[number]
        rotation = rotation_from_quaternion(qw, qx, qy, qz)
        # World and camera both change their axes.
        turned = _NED_FROM_CV.T @ rotation @ _NED_FROM_CV
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=read_npy(files, paths["depth"]),
            camera=FileCamera(
                intrinsics=_INTRINSICS,
                world_from_cam=pose_of(turned, _NED_FROM_CV.T @ np.array([x, y, z])),
                path=paths["poses"],
            ),
            rule=_RULE,
        )


TARTANAIR = SourceInfo(
    name="tartanair",
    title="TartanAir",
    licence="CC BY 4.0",
    link="https://theairlab.org/tartanair-dataset/",
    unit="m",
    sky="depth >= 1000 m; scenes named *amusement* are left out",
    layouts=(
        FlatLayout(
            folders=("*", "Easy|Hard", "P*"),
            image="_rgb.png",
            depth="_depth.npy",
            camera="_cam.npz",
            rule=_RULE,
            unused=_UNUSED,
        ),
        _Original(),
    ),
    sampling=ViewSampling(steps=(1, 20), video=0.8, even=0.8, block=16),
    folder="tartanair_cut3r",
)
