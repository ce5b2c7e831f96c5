"""The files of one view in a run: what is in them, and how they are named."""

import io
import re
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mda.errors import ConfigError, InputError
from mda.io.images import encode_image, read_image
from mda.mixtures import DepthMixture, TransparentLayers
from mda.shapes import Bool, Float32, Shaped, UInt8, ndarray

# Folder and extension of each part, in the order of writing. Depth goes last: a view exists once its depth does.
PARTS = {
    "color": ".png",
    "camera": ".npz",
    "sky": ".npy",
    "conf": ".npy",
    "mixture": ".npz",
    "layers": ".npz",
    "depth": ".npy",
}
# Entries of R^T R - I of a pose may be this large: a few decimals pass.
_ROTATION_TOLERANCE = 1e-3
# Poses and intrinsics beyond this are damage; points made with them would not be finite.
_LARGEST = 1e9
# Name of the optional array of a mixture's file.
TRANSPARENT = "transparent"
_LAYERS = ("first_depth", "last_depth", TRANSPARENT)
REQUIRED_PARTS = ("color", "camera", "depth")
# Numpy parses the header of an array as Python source, and parsers in several threads at once upset each other in
# CPython 3.11 ("AST constructor recursion depth mismatch").
HEADERS_LOCK = threading.Lock()
_NUMBERED = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One view of a run, as it is on disk.

    Attributes:
        name: file name of the source, or video name and time.
        color: [h, w, 3] RGB, the image that the network saw.
        depth: [h, w] z-depth.
        world_from_cam: [4, 4] pose, OpenCV axes.
        intrinsics: [3, 3] in pixels of the saved size, the centre of the top-left pixel at (0.5, 0.5).
        sky: [h, w], None where the model does not know sky.
        confidence: [h, w] raw confidence c > 1, or None.
        mixture: density of batch shape [h, w], or None where it was not kept.
        layers: first and last surface, [h, w] each, or None where the model does not know transparent surfaces.
    """

    name: str
    # Axes of different names: that they agree is checked below, for users, too, with a message of ours.
    color: UInt8[ndarray, "color_h color_w 3"]
    depth: Float32[ndarray, "h w"]
    world_from_cam: Float32[ndarray, "4 4"]
    intrinsics: Float32[ndarray, "3 3"]
    sky: Bool[ndarray, "sky_h sky_w"] | None = None
    confidence: Float32[ndarray, "conf_h conf_w"] | None = None
    mixture: DepthMixture | None = None
    layers: TransparentLayers | None = None

    def __post_init__(self) -> None:
        """Refuse parts of different sizes, which nobody could read together.

        Raises:
            ConfigError: the sizes differ.
        """
        sizes = {"color": self.color.shape[:2], "depth": self.depth.shape}
        optional = {"sky": self.sky, "confidence": self.confidence}
        sizes |= {name: part.shape for name, part in optional.items() if part is not None}
        if self.mixture is not None:
            sizes["mixture"] = tuple(self.mixture.batch_shape)
        if self.layers is not None:
            sizes["layers"] = tuple(self.layers.first_depth.shape)
        if len(set(sizes.values())) > 1:
            message = f"The parts of view {self.name} differ in size: {sizes}."
            raise ConfigError(message)


def part_path(folder: Path, part: str, index: int) -> Path:
    """Path of a part of a view: `depth/000000.npy` and so on."""
    return folder / part / f"{index:06d}{PARTS[part]}"


def view_numbers(folder: Path) -> dict[int, str]:
    """Number of each view that has depth, in order, with the stem of its files (usually six digits)."""
    try:
        stems = [path.stem for path in (folder / "depth").iterdir() if path.suffix == PARTS["depth"]]
    except OSError:
        return {}
    return {int(stem): stem for stem in sorted(filter(_NUMBERED.fullmatch, stems), key=int)}


def encode_view(view: RunView) -> dict[str, bytes]:
    """Content of the files of a view by part, in the order of writing."""
    parts: dict[str, bytes] = {
        "color": encode_image(view.color, "PNG", compress_level=3),
        "camera": _npz(
            pose=np.asarray(view.world_from_cam, dtype=np.float32),
            intrinsics=np.asarray(view.intrinsics, dtype=np.float32),
        ),
    }
    if view.sky is not None:
        parts["sky"] = _npy(view.sky)
    if view.confidence is not None:
        parts["conf"] = _npy(view.confidence)
    if view.mixture is not None:
        mixture = view.mixture
        arrays = {
            name: getattr(mixture, name).detach().cpu().numpy().astype(np.float32)
            for name in ("locs", "scales", "log_weights")
        }
        if mixture.transparent is not None:
            arrays[TRANSPARENT] = mixture.transparent.cpu().numpy()
        parts["mixture"] = _npz(**arrays, family=np.array(str(mixture.family)), space=np.array(str(mixture.space)))
    if view.layers is not None:
        parts["layers"] = _npz(**{name: getattr(view.layers, name).cpu().numpy() for name in _LAYERS})
    parts["depth"] = _npy(view.depth)
    return parts


def read_array(path: Path, *, in_memory: bool = False) -> Shaped[ndarray, "..."]:
    """Read a `.npy` file, mapped into memory unless asked otherwise.

    Raises:
        InputError: the file is missing, damaged, or holds objects (which could run code).
    """
    try:
        with HEADERS_LOCK:
            # By way of a map, which a file that announces more than it holds does not get memory for.
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.array(mapped) if in_memory else mapped
    except (OSError, ValueError, EOFError) as error:
        raise InputError(_damaged(path, error)) from error


def read_camera(path: Path) -> tuple[Float32[ndarray, "4 4"], Float32[ndarray, "3 3"]]:
    """Pose and intrinsics of a view; poses of 3x4 (as some programs write) are completed.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    arrays = _read_npz(path, ("pose", "intrinsics"))
    pose, intrinsics = arrays["pose"].astype(np.float32), arrays["intrinsics"].astype(np.float32)
    if pose.shape == (3, 4):
        pose = np.concatenate([pose, np.array([[0, 0, 0, 1]], dtype=np.float32)])
    if pose.shape != (4, 4) or intrinsics.shape != (3, 3):
        message = f"{path} holds pose {pose.shape} and intrinsics {intrinsics.shape}; expected (4, 4) and (3, 3)."
        raise InputError(message)
    numbers = np.abs(np.concatenate([pose.reshape(-1), intrinsics.reshape(-1)]))
    # Comparisons with NaN are false.
    if not (numbers.max() < _LARGEST and min(np.diag(intrinsics)) > 1 / _LARGEST):
        message = f"{path} holds no camera: a number is not finite, absurd, or no focal length; make the run again."
        raise InputError(message)
    rotation = pose[:3, :3].astype(np.float64)
    if np.abs(rotation.T @ rotation - np.eye(3)).max() > _ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        message = f"{path} holds a pose that is no rigid motion (scaled, mirrored or sheared); make the run again."
        raise InputError(message)
    return pose, intrinsics


def read_mixture(path: Path) -> DepthMixture:
    """Density of a view.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    arrays = _read_npz(path, ("locs", "scales", "log_weights", "family", "space"), optional=(TRANSPARENT,))
    locs, scales, log_weights = (
        torch.from_numpy(arrays[name].astype(np.float32)) for name in ("locs", "scales", "log_weights")
    )
    mask = arrays.get(TRANSPARENT)
    try:
        return DepthMixture(
            locs=locs,
            scales=scales,
            log_weights=log_weights,
            family=str(arrays["family"]),
            space=str(arrays["space"]),
            transparent=None if mask is None else torch.from_numpy(mask.astype(bool)),
        )
    except (ValueError, ConfigError) as error:
        message = f"{path} holds a mixture of an unknown kind ({error}); update mda."
        raise InputError(message) from error


def read_layers(path: Path) -> TransparentLayers:
    """First and last surface of a view.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    arrays = _read_npz(path, _LAYERS)
    shapes = {name: array.shape for name, array in arrays.items()}
    numbers = all(array.dtype.kind in "fiub" for array in arrays.values())
    if len(set(shapes.values())) > 1 or len(shapes[TRANSPARENT]) != 2 or not numbers:
        message = f"{path} holds {shapes}; expected numbers of one shape (h, w)."
        raise InputError(message)
    return TransparentLayers(
        first_depth=torch.from_numpy(arrays["first_depth"].astype(np.float32)),
        last_depth=torch.from_numpy(arrays["last_depth"].astype(np.float32)),
        transparent=torch.from_numpy(arrays[TRANSPARENT].astype(bool)),
    )


def read_color(path: Path) -> UInt8[ndarray, "h w 3"]:
    """Image of a view.

    Raises:
        InputError: the file is missing or damaged.
    """
    return read_image(path)


def _npy(array: Shaped[ndarray, "..."]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _npz(**arrays: Shaped[ndarray, "..."]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read_npz(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Shaped[ndarray, "..."]]:
    """The named arrays of a `.npz` file, and those of the optional ones that are there.

    Raises:
        InputError: the file is missing or damaged, or an array is missing.
    """
    try:
        # Opened here because numpy leaves a file that is no archive open.
        with path.open("rb") as file, HEADERS_LOCK, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in (*names, *(name for name in optional if name in arrays))}
    except KeyError as error:
        message = f"{path} lacks {error.args[0]}; expected {', '.join(names)}."
        raise InputError(message) from error
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise InputError(_damaged(path, error)) from error


def _damaged(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} is missing from the run; make the run again, or copy it completely."
    return f"{path} is damaged ({error}); make the run again, or copy that file again."
