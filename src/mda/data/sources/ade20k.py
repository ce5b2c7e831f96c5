"""ADE20K: windows, glass and mirrors among its outlined objects."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mda.data.contract import Scene, SourceInfo
from mda.data.decode import damaged, read_colour, read_mask
from mda.data.files import Files
from mda.data.sources.common import below_split, folders_like, frames_of
from mda.data.sources.pictures import glass_only, picture_view
from mda.data.view_sampling import ViewSampling, Walk
from mda.data.views import RawView
from mda.shapes import Bool, ndarray

_WORDS = ("window", "glass", "mirror")
# Masks of the original hold 255 where an object shows and up to 128 where something hides it.
_HIDDEN = 128
_SPLITS = ("training", "validation", "train", "val")


@dataclass(frozen=True)
class _Published:
    """Pictures, descriptions and masks in three folders; masks are numbered as the objects are."""

    name: str = "published"
    expected: str = "training|validation/{images/*.jpg, meta/*.json, instances/NAME/inst_NNN.png}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        for part in folders_like(files, below_split(split, _SPLITS)):
            yield Scene(name=part, folder=part, frames=frames_of(files, f"{part}/images/*.jpg", f"{part}/meta/*.json"))

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {"image": f"{scene.folder}/images/{frame}.jpg", "objects": f"{scene.folder}/meta/{frame}.json"}

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        masks = [
            f"{scene.folder}/instances/{frame}/inst_{number:03d}.png"
            for number, found in enumerate(_objects(files, paths["objects"]))
            if _is_glass(found)
        ]
        # The object itself; lower values mark parts of it that something hides.
        return _view(files, paths["image"], masks, name, shown=lambda mask: (mask > 0) & (mask == mask.max()))


@dataclass(frozen=True)
class _Original:
    """As downloaded (2021_17_01): a folder per kind of scene, masks in a folder of the picture's name."""

    name: str = "original"
    expected: str = "images/ADE/training|validation/KIND/PLACE/{NAME.jpg, NAME.json, NAME/instance_*.png}"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        for above in (("images", "ADE"), ()):
            for folder in folders_like(files, *above, below_split(split, _SPLITS), "*", "*"):
                frames = tuple(
                    f"ADE_{frame}" for frame in frames_of(files, f"{folder}/ADE_*.jpg", f"{folder}/ADE_*.json")
                )
                yield Scene(name=folder, folder=folder, frames=frames)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        return {"image": f"{scene.folder}/{frame}.jpg", "objects": f"{scene.folder}/{frame}.json"}

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        paths = self.members(scene, frame)
        masks = [
            f"{scene.folder}/{found['instance_mask']}"
            for found in _objects(files, paths["objects"])
            if _is_glass(found) and found.get("instance_mask")
        ]
        return _view(files, paths["image"], masks, name, shown=lambda mask: mask > _HIDDEN)


def _objects(files: Files, path: str) -> list[dict[str, Any]]:
    """The described objects of a picture; a single one may stand without a list."""
    try:
        # Some descriptions hold names in another encoding than UTF-8.
        content = json.loads(files.read(path).decode("utf-8", "replace"))
        found = content.get("annotation", content)
        found = found.get("object", found.get("objects", []))
    except (ValueError, AttributeError) as error:
        raise damaged(files, path, error) from error
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in listed):
        raise damaged(files, path, "its objects are not described by names and values")
    return listed


def _is_glass(found: Mapping[str, Any]) -> bool:
    """Whether the name or the attributes (one text, or a list) of an object speak of glass."""
    attributes = found.get("attributes") or []
    texts = [str(found.get("name", "")), *(attributes if isinstance(attributes, list) else [attributes])]
    return any(word in str(text).lower() for text in texts for word in _WORDS)


def _view(files: Files, picture: str, masks: list[str], name: str, *, shown: Callable[[ndarray], ndarray]) -> RawView:
    """A picture with glass where a mask shows its object, which may be nowhere."""
    image = read_colour(files, picture)
    glass: Bool[ndarray, "h w"] = np.zeros(image.shape[:2], np.bool_)
    for path in masks:
        mask = read_mask(files, path)
        if mask.shape != glass.shape:
            raise damaged(files, path, f"its shape is {mask.shape}, that of the picture {glass.shape}")
        glass |= shown(mask)
    return picture_view(name, image, layers=glass_only(glass))


ADE20K = SourceInfo(
    name="ade20k_glass",
    title="ADE20K (glass)",
    licence="research and education only; code BSD-3-Clause",
    link="https://ade20k.csail.mit.edu",
    unit="none",
    sky="not labelled",
    layouts=(_Published(), _Original()),
    sampling=ViewSampling(walk=Walk.UNRELATED),
    cameras_known=False,
    splits=_SPLITS,
    folder="ade20k_glass",
)
