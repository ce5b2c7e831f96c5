"""Aria Synthetic Environments: walks through generated homes, seen through glasses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, read_colour, read_levels, read_numbers
from mda.data.files import Files
from mda.data.sources.common import folders_like, stems, z_from_ray_length
from mda.data.sources.tables import number_table
from mda.data.view_sampling import ViewSampling, Walk
from mda.data.views import DepthRule, FileCamera, RawView, make_view

# Indoors; what is farther is an error of the renderer (published pipeline).
_RULE = DepthRule(far=20.0, far_is_sky=False, sky_known=True)
# Millimetres along the ray.
_UNIT = 0.001


@dataclass(frozen=True)
class _Published:
    """Pictures made pinhole, one text file per pose, one camera per scene."""

    name: str = "published"
    expected: str = "NUMBER/{color/*.jpg, depth/*.png, pose/*.txt, intrinsic/intrinsic_color.txt}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "[0-9]*"):
            yield Scene(name=folder, folder=folder, frames=stems(files, f"{folder}/color", ".jpg"))

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
        length = read_levels(files, paths["depth"]) * np.float32(_UNIT)
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=z_from_ray_length(length, intrinsics, centre=0.0),
            camera=FileCamera(intrinsics=intrinsics, world_from_cam=pose, integer_centres=True),
            rule=_RULE,
        )


ARIA = SourceInfo(
    name="aria",
    title="AriaSyntheticENV",
    licence="Project Aria dataset licence (research)",
    link="https://www.projectaria.com/datasets/ase/",
    unit="m",
    sky="indoors: no pixel with depth is sky",
    layouts=(_Published(),),
    sampling=ViewSampling(walk=Walk.EVEN_STEPS, steps=(1, 1)),
    folder="ase_processed",
)
