"""Predictions to be scored: runs of ours or of the published release, and `.npz` files of any other program."""

import zipfile
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from mda.errors import InputError
from mda.io.run import Run, load_run
from mda.mixtures import DepthMixture
from mda.shapes import Bool, Float32, Shaped, ndarray


@runtime_checkable
class ScenePrediction(Protocol):
    """Depth of the frames of one scene, and what else a program says about them.

    `mda.io.run.Run` is one, `NpzPrediction` another.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each frame."""
        ...

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def depth(self, position: int) -> Float32[ndarray, "h w"]:
        """Depth of a frame."""
        ...

    def confidence(self, position: int) -> Float32[ndarray, "h w"] | None:
        """Larger is surer; None where the program does not say."""
        ...

    def sky(self, position: int) -> Bool[ndarray, "h w"] | None:
        """Sky mask, or None."""
        ...

    def mixture(self, position: int) -> DepthMixture | None:
        """Density of batch shape [h, w], or None."""
        ...


class NpzPrediction:
    """A `.npz` file of another program.

        np.savez("scene.npz", depth=depth, names=names, confidence=confidence, sky=sky)

    `depth` [v, h, w] (or [h, w] of a single frame) is needed, the rest is optional: `names` [v] of the frames (file
    names as in the data set; without them the order must be that of the data set), `confidence` [v, h, w], larger is
    surer, and `sky` [v, h, w]. Nothing in the file is executed.

    Args:
        path: the file.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        arrays = _read(path)
        depth = _stack(arrays.get("depth"), path, "depth")
        if depth is None:
            message = f"{path} lacks the array `depth`; expected depth [v, h, w], found {', '.join(arrays) or 'none'}."
            raise InputError(message)
        self._depth = depth.astype(np.float32)
        self._confidence = _stack(arrays.get("confidence"), path, "confidence", like=depth)
        self._sky = _stack(arrays.get("sky"), path, "sky", like=depth)
        names = arrays.get("names")
        self.named = names is not None
        numbers = (f"{index:06d}" for index in range(len(depth)))
        self.names = tuple(numbers) if names is None else tuple(map(str, np.atleast_1d(names)))
        if len(self.names) != len(depth):
            message = f"{path} holds {len(self.names)} names for {len(depth)} frames; give one each."
            raise InputError(message)

    def __len__(self) -> int:
        return len(self._depth)

    def depth(self, position: int) -> Float32[ndarray, "h w"]:
        """Depth of a frame."""
        return self._depth[position]

    def confidence(self, position: int) -> Float32[ndarray, "h w"] | None:
        """Confidence of a frame, or None."""
        return None if self._confidence is None else self._confidence[position].astype(np.float32)

    def sky(self, position: int) -> Bool[ndarray, "h w"] | None:
        """Sky mask of a frame, or None."""
        return None if self._sky is None else self._sky[position].astype(bool)

    def mixture(self, position: int) -> DepthMixture | None:  # noqa: ARG002 - such files hold none
        """None: such files hold no densities."""
        return None


class Matched:
    """A prediction whose frames are put in the order of a scene.

    Args:
        prediction: any.
        positions: of the frames of the scene in it.
        names: of the frames.
    """

    def __init__(self, prediction: ScenePrediction, positions: list[int], names: tuple[str, ...]) -> None:
        self._prediction = prediction
        self._positions = positions
        self.names = names

    def __len__(self) -> int:
        return len(self._positions)

    def depth(self, position: int) -> Float32[ndarray, "h w"]:
        """Depth of a frame of the scene."""
        return self._prediction.depth(self._positions[position])

    def confidence(self, position: int) -> Float32[ndarray, "h w"] | None:
        """Confidence of a frame of the scene, or None."""
        return self._prediction.confidence(self._positions[position])

    def sky(self, position: int) -> Bool[ndarray, "h w"] | None:
        """Sky mask of a frame of the scene, or None."""
        return self._prediction.sky(self._positions[position])

    def mixture(self, position: int) -> DepthMixture | None:
        """Density of a frame of the scene, or None."""
        return self._prediction.mixture(self._positions[position])


def prediction_path(folder: Path, variant: str, dataset: str, scene: str) -> Path:
    """Where the run of a scene lies: `<folder>/<variant>/<dataset>/<scene>`; beside it may lie `<scene>.npz`."""
    return folder / variant / dataset / scene


def open_prediction(path: Path, frames: tuple[str, ...]) -> ScenePrediction:
    """The prediction for a scene: the run in the folder `path`, or the file `path`.npz.

    Frames are matched by name (with or without its ending) where the prediction has names, by order otherwise.

    Args:
        path: folder of the run, or the file without `.npz`.
        frames: names of the frames of the scene.

    Raises:
        InputError: there is none, it is damaged, or frames are missing; the message names them.
    """
    file = path.with_name(f"{path.name}.npz")
    if not path.is_dir() and not file.is_file():
        message = f"There is no prediction at {path} (folder of a run) nor at {file}; make it, or check --predictions."
        raise InputError(message)
    prediction = load_run(path) if path.is_dir() else NpzPrediction(file)
    known = prediction.named if isinstance(prediction, NpzPrediction) else _knows_names(prediction)
    positions = _matched_by_name(prediction.names, frames) if known else None
    if positions is None and len(prediction) == len(frames) and not known:
        positions = list(range(len(frames)))
    if positions is None:
        stems = {Path(name).stem for name in prediction.names}
        lacking = [name for name in frames if known and Path(name).stem not in stems][:3]
        what = f"it lacks {', '.join(lacking)}" if lacking else "frames do not correspond"
        where = path if path.is_dir() else file
        message = f"{where} holds {len(prediction)} frames, the scene has {len(frames)}: {what}. Predict all of them."
        raise InputError(message)
    return Matched(prediction, positions, frames)


def _knows_names(run: Run) -> bool:
    """Whether a run says which image each view comes from (those of the published release do not)."""
    return all(number in run.info.views for number in run.numbers)


def _matched_by_name(names: tuple[str, ...], frames: tuple[str, ...]) -> list[int] | None:
    """Position of each frame; None where one is missing or not told apart."""
    for key in (str, lambda name: Path(name).stem):
        places = {key(name): position for position, name in enumerate(names)}
        if len(places) == len(names) and all(key(frame) in places for frame in frames):
            return [places[key(frame)] for frame in frames]
    return None


def _read(path: Path) -> dict[str, Shaped[ndarray, "..."]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        message = f"{path} cannot be read as .npz of plain arrays ({error}); write it with numpy.savez."
        raise InputError(message) from error


def _stack(
    array: Shaped[ndarray, "..."] | None, path: Path, name: str, like: Shaped[ndarray, "..."] | None = None
) -> Shaped[ndarray, "v h w"] | None:
    """An array of one map per frame.

    Raises:
        InputError: it has another shape.
    """
    if array is None:
        return None
    stack = array[None] if array.ndim == 2 else array
    if stack.ndim != 3 or (like is not None and stack.shape != like.shape):
        expected = "(v, h, w)" if like is None else str(like.shape)
        message = f"{path} holds `{name}` of shape {array.shape}; expected {expected}."
        raise InputError(message)
    return stack
