"""Any data set as WebDataset shards of views of bearable size: what `mda data pack` writes and every source can read.

    shards.json                 what is where in all of them (`mda.data.shards`)
    NAME-000000.tar             whole scenes one after the other, about as large as asked for
        SCENE/000000.image.jpg      sRGB (or .image.png)
        SCENE/000000.depth.png      16 bits: 0 unknown, else near * (far / near) ** ((level - 1) / 65534)
        SCENE/000000.labels.png     bits: 1 sky, 2 sky label known, 4 glass, 8 depth of the last layer known
        SCENE/000000.last.png       depth of the last layer as above, where the source knows layers
        SCENE/000000.camera.json    intrinsics, world_from_cam, near, far, last_near, last_far, frame

Members of one view have one key and stand together, so other WebDataset readers find them, too. Depth loses at most
1 part in 10,000; depth of one view may span a factor of a million.
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mda.data.archives import write_index
from mda.data.contract import OpenedSource, Scene
from mda.data.decode import damaged, read_colour, read_json, read_levels
from mda.data.files import Files
from mda.data.places import as_place
from mda.data.prepare import prepare_view
from mda.data.views import FileCamera, GlassLayers, RawView, make_camera
from mda.errors import ConfigError, InputError, OutputError
from mda.io.atomic import make_folder, staged
from mda.io.images import encode_image
from mda.shapes import Bool, Float32, ndarray

_CAMERA = ".camera.json"
_SKY, _LABELLED, _GLASS, _LAST = 1, 2, 4, 8
_LEVELS = 65534
# Scenes lie at most so deep.
_DEPTH = 8


@dataclass(frozen=True)
class PackedLayout:
    """The layout above, in archives or unpacked."""

    name: str = "packed"
    expected: str = "SCENE/*.{image.jpg, depth.png, labels.png, camera.json}, as `mda data pack` writes them"

    def find(self, files: Files, split: str | None) -> Iterator[Scene]:
        """The scenes."""
        yield from self._below(files, "" if split is None else split, _DEPTH)

    def _below(self, files: Files, folder: str, depth: int) -> Iterator[Scene]:
        names = files.names(folder)
        endings = (_CAMERA, ".depth.png", ".labels.png", ".image.png", ".image.jpg")
        keys = (name[: -len(ending)] for name in names for ending in endings if name.endswith(ending))
        if frames := tuple(dict.fromkeys(keys)):
            ending = "png" if any(name.endswith(".image.png") for name in names) else "jpg"
            yield Scene(name=folder, folder=folder, frames=frames, detail=ending)
        elif depth:
            for inside in files.folders(folder):
                yield from self._below(files, f"{folder}/{inside}" if folder else inside, depth - 1)

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        """The files of a view."""
        stem = f"{scene.folder}/{frame}"
        return {
            "image": f"{stem}.image.{scene.detail}",
            "depth": f"{stem}.depth.png",
            "labels": f"{stem}.labels.png",
            "camera": f"{stem}{_CAMERA}",
        }

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        """Read a view."""
        paths = self.members(scene, frame)
        image, labels = read_colour(files, paths["image"]), read_levels(files, paths["labels"])
        about = read_json(files, paths["camera"])
        try:
            levels = read_levels(files, paths["depth"], deep=True)
            depth, valid = _decoded(levels, float(about["near"]), float(about["far"]))
            matrices = (np.array(about[key], np.float64) for key in ("intrinsics", "world_from_cam"))
            camera = FileCamera(intrinsics=next(matrices), world_from_cam=next(matrices), path=paths["camera"])
            layers = None
            if about["layers"]:
                levels = read_levels(files, f"{scene.folder}/{frame}.last.png", deep=True)
                last, _ = _decoded(levels, float(about["last_near"]), float(about["last_far"]))
                layers = GlassLayers(glass=(labels & _GLASS) > 0, last_depth=last, last_valid=(labels & _LAST) > 0)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(files, paths["camera"], error) from error
        if not image.shape[:2] == labels.shape == depth.shape:
            raise damaged(files, paths["depth"], f"sizes are {image.shape[:2]}, {labels.shape} and {depth.shape}")
        return RawView(
            image=image,
            depth=depth,
            valid=valid,
            sky=(labels & _SKY) > 0,
            sky_labelled=(labels & _LABELLED) > 0,
            camera=make_camera(name, camera, depth.shape),
            name=name,
            layers=layers,
        )


@dataclass(frozen=True, kw_only=True)
class PackReport:
    """What was packed.

    Attributes:
        views, scenes: how many.
        broken: what is wrong with frames that were left out.
        shards: the archives.
    """

    views: int
    scenes: int
    broken: tuple[str, ...]
    shards: tuple[Path, ...]


def pack_source(
    source: OpenedSource,
    out: Path,
    *,
    long_side: int | None = 640,
    shard_bytes: int = 1_000_000_000,
    quality: int = 95,
    progress: Callable[[], object] = lambda: None,
) -> PackReport:
    """Write a data set as shards and their index; scenes are never split, so that a clip is read from one place.

    Args:
        source: the opened data set.
        out: folder for the archives.
        long_side: pictures are shrunk to it if they are larger; None keeps their size.
        shard_bytes: a shard is closed at the end of the scene with which it has become this large.
        quality: of JPEG; 100 stores pictures as PNG, without loss.
        progress: called after each frame.

    Raises:
        ConfigError: there is no such quality.
        RemoteError: the data set is on another machine, which does not give it.
        OutputError: the folder holds archives already, lies in the data set, or cannot be written to.
    """
    if not 1 <= quality <= 100:
        message = f"The quality of pictures goes from 1 to 100; found {quality}."
        raise ConfigError(message)
    root = as_place(source.files.place)
    if isinstance(root, Path) and out.resolve().is_relative_to(root.resolve()):
        message = f"{out} is in {source.files.place}, whose files archives would hide; choose a folder elsewhere."
        raise OutputError(message)
    make_folder(out)
    if any(out.glob("*.tar")):
        message = f"{out} holds archives already; choose another folder, or remove them."
        raise OutputError(message)
    broken: list[str] = []
    shards: list[Path] = []
    views = scenes = position = 0
    while position < len(source.scenes):
        shard = out / f"{source.info.name}-{len(shards):06d}.tar"
        with staged(shard) as partial, tarfile.open(partial, "w") as archive:
            while position < len(source.scenes) and (archive.offset < shard_bytes):
                scene = source.scenes[position]
                kept = _pack_scene(source, scene, archive, broken, long_side=long_side, quality=quality, done=progress)
                views, scenes, position = views + kept, scenes + (kept > 0), position + 1
        shards.append(shard)
    write_index(out)
    return PackReport(views=views, scenes=scenes, broken=tuple(broken), shards=tuple(shards))


def _pack_scene(
    source: OpenedSource,
    scene: Scene,
    archive: tarfile.TarFile,
    broken: list[str],
    *,
    long_side: int | None,
    quality: int,
    done: Callable[[], object],
) -> int:
    """Add the views of a scene; returns how many."""
    kept = 0
    for number, frame in enumerate(scene.frames):
        try:
            view = source.view(scene, frame)
            size = view.depth.shape
            if long_side is not None and max(size) > long_side:
                view = prepare_view(view, (_scaled(size[0], size, long_side), _scaled(size[1], size, long_side)))
        except InputError as error:
            broken.append(str(error))
        else:
            for ending, content in _members(view, frame, quality).items():
                about = tarfile.TarInfo(f"{scene.name}/{number:06d}.{ending}")
                about.size = len(content)
                archive.addfile(about, io.BytesIO(content))
            kept += 1
        done()
    return kept


def _scaled(side: int, size: tuple[int, int], long_side: int) -> int:
    return max(1, round(side * long_side / max(size)))


def _members(view: RawView, frame: str, quality: int) -> dict[str, bytes]:
    """Endings and contents of the files of a view."""
    levels, near, far = _encoded(view.depth, view.valid)
    labels = view.sky.astype(np.uint8) * _SKY | view.sky_labelled.astype(np.uint8) * _LABELLED
    about: dict[str, object] = {
        "frame": frame,
        "intrinsics": view.camera.intrinsics.tolist(),
        "world_from_cam": view.camera.world_from_cam.tolist(),
        "near": near,
        "far": far,
        "layers": view.layers is not None,
    }
    lossless = quality >= 100
    picture = encode_image(view.image, "PNG") if lossless else encode_image(view.image, "JPEG", quality=quality)
    found = {f"image.{'png' if lossless else 'jpg'}": picture, "depth.png": encode_image(levels, "PNG")}
    if view.layers is not None:
        labels = labels | view.layers.glass.astype(np.uint8) * _GLASS | view.layers.last_valid.astype(np.uint8) * _LAST
        last, about["last_near"], about["last_far"] = _encoded(view.layers.last_depth, view.layers.last_valid)
        found["last.png"] = encode_image(last, "PNG")
    return {**found, "labels.png": encode_image(labels, "PNG"), "camera.json": json.dumps(about).encode()}


def _encoded(depth: Float32[ndarray, "h w"], valid: Bool[ndarray, "h w"]) -> tuple[ndarray, float, float]:
    """Levels of 16 bits, and the depths of the first and the last of them."""
    if not valid.any():
        return np.zeros(depth.shape, np.uint16), 1.0, 2.0
    near, far = float(depth[valid].min()), float(depth[valid].max())
    far = max(far, near * 1.0001)
    share = np.log(np.where(valid, depth, near) / near) / np.log(far / near)
    return np.where(valid, 1 + np.round(share * _LEVELS), 0).astype(np.uint16), near, far


def _decoded(levels: ndarray, near: float, far: float) -> tuple[Float32[ndarray, "h w"], Bool[ndarray, "h w"]]:
    """Depth and validity of levels of 16 bits."""
    if not 0 < near < far < np.inf or levels.max() > _LEVELS + 1:
        message = f"depth from {near} to {far} in levels up to {levels.max()}"
        raise ValueError(message)
    table = near * np.exp(np.log(far / near) / _LEVELS * (np.arange(_LEVELS + 2) - 1))
    table[0] = 0
    return table.astype(np.float32)[levels], levels > 0
