"""Scenes with ground truth on disk, one folder each; depth, colour, camera and sky as in the archive of a run.

    SCENE/scene.json          format_version, name, seed, num_views, height, width, info; written last
    SCENE/color/000000.png    (h, w, 3) uint8
    SCENE/depth/000000.npy    (h, w) float32 z-depth of the pixel centre, 0 where nothing is hit
    SCENE/camera/000000.npz   pose: 4x4 camera-to-world, OpenCV axes; intrinsics: 3x3, pixels
    SCENE/sky/000000.npy      (h, w) bool
    SCENE/edges/000000.npz    valid, edge, skyline (h, w) bool; front_depth, back_depth (h, w) float32;
                              surface (h, w) int32
    SCENE/layers/000000.npz   only of scenes with glass: glass, last_valid (h, w) bool; last_depth (h, w) float32, the
                              depth of the opaque surface behind; depth/ is then that of the glass

A scene is written under a hidden name and renamed when it is complete, so a folder with a scene's name holds it all.
"""

import io
import json
import secrets
import shutil
import zipfile
from pathlib import Path

import numpy as np

from mda.data.clips import LayerClip
from mda.data.source import SceneClip
from mda.errors import InputError
from mda.io.atomic import make_folder, output_error
from mda.io.images import read_image, write_png
from mda.io.names import is_hidden, natural_key
from mda.shapes import ndarray

FORMAT_VERSION = 1
SCENE_FILE = "scene.json"
_PARTIAL = ".partial"
_EDGE_ARRAYS = {
    "valid": np.bool_,
    "edge": np.bool_,
    "skyline": np.bool_,
    "front_depth": np.float32,
    "back_depth": np.float32,
    "surface": np.int32,
}
_LAYER_ARRAYS = {"glass": np.bool_, "last_depth": np.float32, "last_valid": np.bool_}


class FolderSource:
    """The scenes of a folder (or the one scene that the folder is), in natural order of their names.

    Raises:
        InputError: no such folder, or no scenes in it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            message = f"No folder of scenes at {self.path}. Make one with `mda synth {self.path}`, or check the path."
            raise InputError(message)
        if (self.path / SCENE_FILE).is_file():
            self.scenes = [self.path]
        else:
            inside = [p for p in self.path.iterdir() if not is_hidden(p) and (p / SCENE_FILE).is_file()]
            self.scenes = sorted(inside, key=lambda p: natural_key(p.name))
        if not self.scenes:
            message = (
                f"{self.path} holds no scenes: expected folders with a file {SCENE_FILE}, as `mda synth` makes them."
            )
            raise InputError(message)

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self.scenes)

    def clip(self, index: int) -> SceneClip:
        """Read a scene.

        Raises:
            IndexError: there is no such scene.
            InputError: a file is missing, damaged or of the wrong size; the message names it.
        """
        return read_clip(self.scenes[index])


def read_clip(scene: Path) -> SceneClip:
    """Read the scene in a folder, bit by bit as it was written.

    Raises:
        InputError: a file is missing, damaged or of the wrong size; the message names it.
    """
    about = read_about(scene)
    try:
        views, height, width = (int(about[key]) for key in ("num_views", "height", "width"))
        name, seed, info = str(about["name"]), int(about["seed"]), dict(about["info"])
    except (KeyError, TypeError, ValueError) as error:
        message = f"{scene / SCENE_FILE} lacks a usable {error}; make the scene again with `mda synth`."
        raise InputError(message) from error
    parts: dict[str, list[ndarray]] = {}

    def keep(key: str, array: ndarray, path: Path, shape: tuple[int, ...], dtype: type) -> None:
        if array.shape != shape or array.dtype != dtype:
            found, wanted = f"{array.dtype}{array.shape}", f"{np.dtype(dtype)}{shape}"
            message = f"{path}: `{key}` is {found}, expected {wanted}. Make the scene again with `mda synth`."
            raise InputError(message)
        parts.setdefault(key, []).append(array)

    for view in range(views):
        paths = _paths(scene, view)
        for folder in ("color", "depth", "sky"):
            if not paths[folder].is_file():
                raise InputError(_missing(paths[folder]))
        keep("images", read_image(paths["color"]), paths["color"], (height, width, 3), np.uint8)
        keep("depth", _load(paths["depth"])[""], paths["depth"], (height, width), np.float32)
        keep("sky", _load(paths["sky"])[""], paths["sky"], (height, width), np.bool_)
        camera = _load(paths["camera"], ("pose", "intrinsics"))
        keep("world_from_cam", camera["pose"], paths["camera"], (4, 4), np.float32)
        keep("intrinsics", camera["intrinsics"], paths["camera"], (3, 3), np.float32)
        edges = _load(paths["edges"], tuple(_EDGE_ARRAYS))
        for key, dtype in _EDGE_ARRAYS.items():
            keep(key, edges[key], paths["edges"], (height, width), dtype)
        if about.get("layers") is True:
            found = _load(paths["layers"], tuple(_LAYER_ARRAYS))
            for key, dtype in _LAYER_ARRAYS.items():
                keep(key, found[key], paths["layers"], (height, width), dtype)
    stacked = {key: np.stack(arrays) for key, arrays in parts.items()}
    layers = {key: stacked.pop(key) for key in _LAYER_ARRAYS if key in stacked}
    return SceneClip(name=name, seed=seed, info=info, layers=LayerClip(**layers) if layers else None, **stacked)


def read_about(scene: Path) -> dict:
    """Contents of a scene's `scene.json`.

    Raises:
        InputError: missing, damaged, or of a newer format.
    """
    path = scene / SCENE_FILE
    try:
        about = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(_missing(path)) from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read ({error}); make the scene again with `mda synth`."
        raise InputError(message) from error
    version = about.get("format_version") if isinstance(about, dict) else None
    if version != FORMAT_VERSION:
        message = (
            f"{path}: format_version is {version}, this program reads {FORMAT_VERSION}. "
            "Update mda, or make the scene again."
        )
        raise InputError(message)
    return about


def write_clip(scene: Path, clip: SceneClip) -> None:
    """Write a clip as the scene `scene`, a folder that must not exist yet; on failure nothing of that name appears.

    Raises:
        OutputError: it cannot be written.
    """
    partial = scene.with_name(f".{scene.name}.{secrets.token_hex(4)}{_PARTIAL}")
    make_folder(partial)
    try:
        for folder in ("color", "depth", "camera", "sky", "edges", *(() if clip.layers is None else ("layers",))):
            (partial / folder).mkdir()
        for view in range(clip.num_views):
            paths = _paths(partial, view)
            write_png(paths["color"], clip.images[view])
            np.save(paths["depth"], clip.depth[view])
            np.save(paths["sky"], clip.sky[view])
            np.savez(paths["camera"], pose=clip.world_from_cam[view], intrinsics=clip.intrinsics[view])
            np.savez_compressed(paths["edges"], **{key: getattr(clip, key)[view] for key in _EDGE_ARRAYS})
            if clip.layers is not None:
                arrays = {key: getattr(clip.layers, key)[view] for key in _LAYER_ARRAYS}
                np.savez_compressed(paths["layers"], **arrays)
        (partial / SCENE_FILE).write_text(json.dumps(_about(clip), indent=1) + "\n", "utf-8")
        partial.rename(scene)
    except OSError as error:
        raise output_error(scene, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_partial_scenes(folder: Path) -> None:
    """Remove what an interrupted run left half-written in a folder of scenes."""
    for path in folder.glob(f".*{_PARTIAL}"):
        shutil.rmtree(path, ignore_errors=True)


def _about(clip: SceneClip) -> dict[str, object]:
    height, width = clip.image_hw
    return {
        "format_version": FORMAT_VERSION,
        "name": clip.name,
        "seed": clip.seed,
        "num_views": clip.num_views,
        "height": height,
        "width": width,
        **({} if clip.layers is None else {"layers": True}),
        "info": dict(clip.info),
    }


def _paths(scene: Path, view: int) -> dict[str, Path]:
    endings = {"color": "png", "depth": "npy", "camera": "npz", "sky": "npy", "edges": "npz", "layers": "npz"}
    return {folder: scene / folder / f"{view:06d}.{ending}" for folder, ending in endings.items()}


def _missing(path: Path) -> str:
    return f"{path} is missing; the scene is incomplete. Remove its folder and run `mda synth` again."


def _load(path: Path, keys: tuple[str, ...] = ()) -> dict[str, ndarray]:
    """Arrays of an npz file, or of an npy file under the name ''."""
    try:
        content = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        return {key: content[key] for key in keys} if keys else {"": content}
    except FileNotFoundError as error:
        raise InputError(_missing(path)) from error
    except KeyError as error:
        message = f"{path} has no array {error}; remove the scene's folder and run `mda synth` again."
        raise InputError(message) from error
    except (OSError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
        message = f"{path} is damaged ({error}); remove the scene's folder and run `mda synth` again."
        raise InputError(message) from error
