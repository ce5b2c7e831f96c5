"""LayeredDepth: pictures of glass with the depth of up to eight surfaces along each ray."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, read_colour, read_json, read_levels
from mda.data.files import Files
from mda.data.sources.common import below_split, folders_like
from mda.data.sources.pictures import picture_view
from mda.data.view_sampling import ViewSampling, Walk
from mda.data.views import GlassLayers, RawView

_SPLITS = ("train", "validation", "test")
_USABLE = "trainset_valid_samples.json"
_LAYERS = 8


@dataclass(frozen=True)
class _Published:
    """One folder per picture; all pictures of a part make up one scene of unrelated frames."""

    name: str = "published"
    expected: str = f"train|validation|test/NAME/{{image.png, depth_1.png, ...}}, and {_USABLE} if some are unusable"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        usable = None
        if _USABLE in files.names(""):
            try:
                usable = {str(entry["scene_name"]) for entry in read_json(files, _USABLE)}
            except (KeyError, TypeError) as error:
                raise damaged(files, _USABLE, error) from error
        for part in folders_like(files, below_split(split, _SPLITS)):
            names = files.folders(part)
            if usable is not None and part == "train":
                names = [name for name in names if name in usable or f"{part}/{name}" in usable]
            yield Scene(name=part, folder=part, frames=tuple(names))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        folder = f"{scene.folder}/{frame}"
        return {"image": f"{folder}/image.png", "depth": f"{folder}/depth_1.png"}

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        first = read_levels(files, paths["depth"]).astype(np.float32)
        behind = np.zeros_like(first)
        present = set(files.names(f"{scene.folder}/{frame}"))
        for number in range(2, _LAYERS + 1):
            if f"depth_{number}.png" in present:
                layer = read_levels(files, f"{scene.folder}/{frame}/depth_{number}.png").astype(np.float32)
                if layer.shape != first.shape:
                    raise damaged(files, f"{scene.folder}/{frame}/depth_{number}.png", "its size is another one")
                behind = np.maximum(behind, layer)
        # The last layer of an opaque pixel is its first.
        glass = (behind > 0) & (behind != first)
        unit = np.float32(1 / max(1.0, first.max(), behind.max()))
        last = np.where(glass, behind * unit, np.float32(0))
        layers = GlassLayers(glass=glass, last_depth=last, last_valid=glass)
        return picture_view(name, read_colour(files, paths["image"]), layers=layers, depth=first * unit)


LAYERED_DEPTH = SourceInfo(
    name="layered_depth",
    title="LayeredDepth",
    licence="pictures CC0, synthetic part BSD-3-Clause",
    link="https://layereddepth.cs.princeton.edu",
    unit="relative per picture",
    sky="not labelled",
    layouts=(_Published(),),
    sampling=ViewSampling(walk=Walk.UNRELATED),
    cameras_known=False,
    splits=_SPLITS,
    folder="layered_depth",
)
