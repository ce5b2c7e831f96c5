"""Single pictures with labels of glass: no depth, no real camera."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from mda.data.contract import Scene
from mda.data.decode import damaged, read_colour, read_mask
from mda.data.files import Files
from mda.data.sources.common import below_split, folders_like, frames_of
from mda.data.views import DepthRule, FileCamera, GlassLayers, RawView, make_view
from mda.io.images import IMAGE_EXTENSIONS
from mda.io.names import natural_key
from mda.shapes import Bool, Float32, UInt8, ndarray


def picture_view(
    name: str,
    image: UInt8[ndarray, "h w 3"],
    *,
    layers: GlassLayers,
    depth: Float32[ndarray, "h w"] | None = None,
) -> RawView:
    """A picture with glass labels; its camera is made up: focal length of the longer side, axis through the middle."""
    height, width = image.shape[:2]
    side = float(max(height, width))
    return make_view(
        name=name,
        image=image,
        depth=np.zeros((height, width), np.float32) if depth is None else depth,
        camera=FileCamera(
            intrinsics=np.array([[side, 0, width / 2], [0, side, height / 2], [0, 0, 1]]), world_from_cam=np.eye(4)
        ),
        rule=DepthRule(),
        layers=layers,
    )


def glass_only(glass: Bool[ndarray, "h w"]) -> GlassLayers:
    """Labels of glass without any depth."""
    return GlassLayers(glass=glass, last_depth=np.zeros(glass.shape, np.float32), last_valid=np.zeros_like(glass))


@dataclass(frozen=True, kw_only=True)
class PictureLayout:
    """Pictures in one folder, masks of glass in another one.

    Attributes:
        parts: patterns of the folders above; `{split}` stands for the parts of the data set.
        splits: names of the parts.
        images, masks: names of the two folders.
        ending: what the name of a mask has in place of the picture's ending.
    """

    parts: tuple[tuple[str, ...], ...]
    splits: tuple[str, ...]
    images: str
    masks: str
    ending: str
    name: str = "published"

    @property
    def expected(self) -> str:
        """The files that are expected."""
        above = " or ".join("/".join(part).replace("{split}", "|".join(self.splits)) for part in self.parts)
        return f"{above}/{{{self.images}/*, {self.masks}/*{self.ending}}}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        """One scene for each folder of pictures."""
        for part in self.parts:
            patterns = [pattern.replace("{split}", below_split(split, self.splits)) for pattern in part]
            for folder in folders_like(files, *patterns):
                names = files.names(f"{folder}/{self.images}")
                frames = [name for name in names if PurePosixPath(name).suffix.lower() in IMAGE_EXTENSIONS]
                known = {PurePosixPath(frame).stem for frame in frames}
                masks = frames_of(files, f"{folder}/{self.masks}/*{self.ending}")
                frames += [f"{mask}.jpg" for mask in masks if mask not in known]  # their pictures are missing
                yield Scene(name=folder, folder=folder, frames=tuple(sorted(frames, key=natural_key)))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        """The files of a picture."""
        return {
            "image": f"{scene.folder}/{self.images}/{frame}",
            "mask": f"{scene.folder}/{self.masks}/{PurePosixPath(frame).stem}{self.ending}",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        """Read a picture."""
        paths = self.members(scene, frame)
        image, mask = read_colour(files, paths["image"]), read_mask(files, paths["mask"])
        if mask.shape != image.shape[:2]:
            raise damaged(files, paths["mask"], f"its shape is {mask.shape}, that of the picture {image.shape[:2]}")
        return picture_view(name, image, layers=glass_only(mask > 0))
