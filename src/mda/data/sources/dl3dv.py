"""DL3DV: ten thousand videos of real places with reconstructed cameras and depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import read_camera, read_colour, read_mask, read_npy
from mda.data.files import Files
from mda.data.sources.common import folders_like, frames_of
from mda.data.view_sampling import ViewSampling
from mda.data.views import DepthRule, FileCamera, RawView, make_view
from mda.shapes import Bool, ndarray

_RULE = DepthRule()
_MASKED = 127
# Outliers are dilated twice by one pixel, and the farthest two in a hundred pixels are left out (published pipeline).
_DILATION, _TRUSTED = 2, 0.98


@dataclass(frozen=True)
class _Published:
    """Reconstructed depth with masks of sky and of outliers. The original download has no depth."""

    name: str = "published"
    expected: str = "SCENE/PART/dense/{rgb/*.png, depth/*.npy, cam/*.npz, sky_mask/*.png, outlier_mask/*.png}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        del split
        for folder in folders_like(files, "*", "*", "dense"):
            frames = frames_of(files, f"{folder}/rgb/*.png", f"{folder}/depth/*.npy", f"{folder}/cam/*.npz")
            yield Scene(name=folder.removesuffix("/dense"), folder=folder, frames=frames)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {
            "image": f"{scene.folder}/rgb/{frame}.png",
            "depth": f"{scene.folder}/depth/{frame}.npy",
            "camera": f"{scene.folder}/cam/{frame}.npz",
            "sky": f"{scene.folder}/sky_mask/{frame}.png",
            "outliers": f"{scene.folder}/outlier_mask/{frame}.png",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        intrinsics, pose = read_camera(files, paths["camera"], intrinsics="intrinsic", pose="pose")
        depth = read_npy(files, paths["depth"])
        sky = read_mask(files, paths["sky"]) >= _MASKED
        wrong = dilated(read_mask(files, paths["outliers"]) >= _MASKED, _DILATION)
        if wrong.shape == depth.shape == sky.shape:
            known = (depth > 0) & (depth < np.inf) & ~wrong & ~sky
            surface = depth[known]
            if surface.size:
                known &= depth <= np.quantile(surface, _TRUSTED)
            depth = np.where(known, depth, np.float32(0))
        return make_view(
            name=name,
            image=read_colour(files, paths["image"]),
            depth=depth,
            camera=FileCamera(intrinsics=intrinsics, world_from_cam=pose, path=paths["camera"]),
            rule=_RULE,
            sky=sky,
        )


def dilated(mask: Bool[ndarray, "h w"], pixels: int) -> Bool[ndarray, "h w"]:
    """The mask grown by so many pixels to all sides (a square)."""
    for axis in (0, 1) if mask.any() else ():
        grown = mask.copy()
        lines, out = np.moveaxis(mask, axis, 0), np.moveaxis(grown, axis, 0)
        for step in range(1, pixels + 1):
            out[step:] |= lines[:-step]
            out[:-step] |= lines[step:]
        mask = grown
    return mask


DL3DV = SourceInfo(
    name="dl3dv",
    title="DL3DV",
    licence="CC BY-NC 4.0 and terms of use",
    link="https://dl3dv-10k.github.io/DL3DV-10K/",
    unit="arbitrary per scene",
    sky="its sky masks",
    layouts=(_Published(),),
    sampling=ViewSampling(steps=(1, 8), video=0.5, even=0.5, block=25),
    folder="dl3dv",
    place_levels=2,
)
