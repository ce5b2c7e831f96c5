"""Writing runs: view by view, atomically, resumable, and never over somebody else's files.

    RUN/run.json            what the run is, written at the start and kept up to date
    RUN/depth/000000.npy    ... one file per view and part, see `mda.io.run_files`
    RUN/preview.png         image | depth | edges

A view is written under temporary names and renamed when all its parts are there, depth last, so a reader that lists
`depth/` sees whole views only.
"""

import io
import logging
import time
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch

from mda.errors import ConfigError, InputError, MdaError, OutputError
from mda.geometry import Cameras
from mda.io.atomic import make_folder, output_error, remove_partial_files, write_bytes, write_together
from mda.io.names import is_hidden
from mda.io.preview import write_preview
from mda.io.resize import CropBox, cameras_in_source
from mda.io.run import Run, load_run
from mda.io.run_files import PARTS, REQUIRED_PARTS, RunView, encode_view, part_path, read_array
from mda.io.run_info import RUN_FILE, Rows, RunInfo, Status, ViewInfo, read_run_info, with_view, write_run_info
from mda.shapes import Float, Float32, ndarray
from mda.structures import Prediction

__all__ = ["Run", "RunInfo", "RunView", "RunWriter", "ViewInfo", "load_run", "save_prediction"]

_LOGGER = logging.getLogger(__name__)

PREVIEW_FILE = "preview.png"
POINTS_FILE = "points.ply"
_PROGRESS_FILE = ".progress.npz"
# run.json is rewritten after each view, but in long runs, where that would cost more than the views, less often. What a
# killed process did not record is made again.
_VIEWS_RECORDED_ONE_BY_ONE = 64
_SECONDS_BETWEEN_RECORDS = 2.0
# Decimals of intrinsics in run.json: far below what single precision holds, and no long tails of digits.
_DECIMALS_OF_PIXELS = 6


class RunWriter:
    """Writes a run, one view at a time; use it as a context manager.

        with RunWriter(folder, RunInfo(model="mda_mini", settings={...})) as writer:
            for index, view in ...:
                if index not in writer.complete:
                    writer.write_view(index, view)

    Leaving the block without an error completes the run and draws its preview; an error (also Ctrl-C) leaves it marked
    as interrupted with all views written so far, and opening it again with an equal `RunInfo` goes on from there.

    Args:
        folder: folder of the run; it is made where needed.
        info: what the run is. Its `settings` decide with model, decoder and version whether an older run is continued.
        resume: go on with an older run of equal settings; otherwise its files are replaced.
        overwrite: write into the folder even if it holds something else; numbered files in folders named like the
            parts of a run are replaced, everything else stays.

    Raises:
        OutputError: the folder cannot be written to, or holds something else.
    """

    def __init__(self, folder: Path | str, info: RunInfo, *, resume: bool = True, overwrite: bool = False) -> None:
        self.folder = Path(folder)
        self.info = replace(info, status=Status.RUNNING)
        self._image_hw: tuple[int, int] | None = None
        self._recorded_at = time.monotonic()
        self._open(resume=resume, overwrite=overwrite)

    @property
    def complete(self) -> frozenset[int]:
        """Numbers of the views that are on disk with all their parts."""
        return frozenset(self.info.views)

    def write_view(
        self,
        index: int,
        view: RunView,
        *,
        source_hw: tuple[int, int] | None = None,
        crop: tuple[int, int, int, int] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Write one view; either all its files appear or none.

        Args:
            index: its number.
            view: its content; all views of a run have one size.
            source_hw: size of the image in its file.
            crop: top, left, height, width of the part of that image that the view shows.
            seconds: time in the video.

        Raises:
            OutputError: a file cannot be written; the views written before are kept.
            ConfigError: the size differs from that of the other views.
        """
        height, width = view.depth.shape
        self._image_hw = self._image_hw or (height, width)
        if self._image_hw != (height, width):
            message = f"View {view.name} is {(height, width)}, the others of {self.folder} are {self._image_hw}."
            raise ConfigError(message)
        contents = encode_view(view)
        for part in contents:
            make_folder(self.folder / part)
        write_together({part_path(self.folder, part, index): content for part, content in contents.items()})
        source = ViewInfo(
            name=view.name,
            source_hw=source_hw,
            crop=crop,
            time=seconds,
            intrinsics=_rows(torch.tensor(view.intrinsics, dtype=torch.float64)),
            source_intrinsics=None if source_hw is None or crop is None else source_intrinsics(view, source_hw, crop),
            parts=tuple(contents),
        )
        sizes = {**self.info.sizes, "image_hw": [height, width]}
        self.info = with_view(replace(self.info, sizes=sizes), index, source)
        overdue = time.monotonic() - self._recorded_at > _SECONDS_BETWEEN_RECORDS
        if overdue or len(self.info.views) <= _VIEWS_RECORDED_ONE_BY_ONE:
            self._record()

    def write_progress(self, arrays: Mapping[str, ndarray]) -> None:
        """Note what is needed to go on after the views written so far; forgotten when the run is finished.

        Raises:
            OutputError: the file cannot be written.
        """
        # First what is there, then how to go on from it: a stop in between costs nothing but time.
        self._record()
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        write_bytes(self.folder / _PROGRESS_FILE, content.getbuffer())

    def read_progress(self) -> dict[str, ndarray] | None:
        """What `write_progress` noted last; None where there is nothing, or nothing whole."""
        try:
            with np.load(self.folder / _PROGRESS_FILE, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def finish(
        self,
        *,
        timings: Mapping[str, float] | None = None,
        details: Mapping[str, Any] | None = None,
        preview: bool = True,
    ) -> None:
        """Mark the run as complete and draw its preview; called by leaving the block, too.

        Raises:
            OutputError: `run.json` or the preview cannot be written.
        """
        self.info = replace(
            self.info,
            status=Status.COMPLETE,
            timings={**self.info.timings, **(timings or {})},
            details={**self.info.details, **(details or {})},
        )
        if preview and self.info.views:
            write_preview(self.folder / PREVIEW_FILE, load_run(self.folder))
        self._record()
        _remove(self.folder, [_PROGRESS_FILE])

    def __enter__(self) -> "RunWriter":  # noqa: PYI034 - run-time checks of annotations refuse `Self`
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            if self.info.status is not Status.COMPLETE:
                self.finish()
            return
        self.info = replace(self.info, status=Status.INTERRUPTED)
        # The error on its way out says what happened; a full disk may refuse this record, and the older one stays.
        with suppress(MdaError, OSError):
            self._record()

    def _open(self, *, resume: bool, overwrite: bool) -> None:
        make_folder(self.folder)
        earlier = _earlier_run(self.folder, overwrite=overwrite)
        for part in PARTS:
            remove_partial_files(self.folder / part)
        remove_partial_files(self.folder)
        if earlier is not None and resume and earlier.gives_same_result_as(self.info):
            views = {i: view for i, view in earlier.views.items() if _is_complete(self.folder, i, view)}
            self.info = replace(self.info, views=views, sizes=earlier.sizes, created=earlier.created)
            _remove_views(self.folder, keep=frozenset(views))
            if views:
                height, width = read_array(part_path(self.folder, "depth", min(views))).shape
                self._image_hw = height, width
                _LOGGER.info("Going on with the run in %s: %d views are there.", self.folder, len(views))
        elif earlier is not None or overwrite:
            _remove_views(self.folder)
            _remove(self.folder, [PREVIEW_FILE, POINTS_FILE, _PROGRESS_FILE])
        self._record()

    def _record(self) -> None:
        write_run_info(self.folder, self.info)
        self._recorded_at = time.monotonic()


def save_prediction(
    prediction: Prediction,
    path: Path | str,
    *,
    save_mixture: bool = False,
    overwrite: bool = False,
    preview: bool = True,
    command: str = "",
) -> Path:
    """Write a prediction as a run and return its folder; an earlier run there is replaced.

    Args:
        prediction: what to write.
        path: folder of the run.
        save_mixture: write the densities, too (large: 12 bytes for each component of each pixel).
        overwrite: write into the folder even if it holds other files.
        preview: draw the preview.
        command: what made the prediction, for `run.json`.

    Raises:
        OutputError: the folder cannot be written to, or holds something else.
    """
    known = ("sizes", "timings", "settings")
    info = RunInfo(
        model=prediction.model,
        licence=prediction.licence,
        decoder=str(prediction.decoder),
        command=command or "Prediction.save",
        **{name: prediction.details[name] for name in known if name in prediction.details},
        details={name: value for name, value in prediction.details.items() if name not in {*known, "sources"}},
    )
    sources = _sources_of(prediction)
    with RunWriter(path, info, resume=False, overwrite=overwrite) as writer:
        for index, view in enumerate(views_of(prediction, with_mixture=save_mixture)):
            writer.write_view(index, view, **sources[index])
        writer.finish(preview=preview)
    return Path(path)


def views_of(prediction: Prediction, *, with_mixture: bool) -> list[RunView]:
    """The views of a prediction, as they are written."""
    prediction = prediction.cpu()
    sky, mixture = prediction.sky, prediction.mixture if with_mixture else None
    return [
        RunView(
            name=name,
            color=prediction.images[i].numpy(),
            depth=_float32(prediction.depth[i]),
            world_from_cam=_float32(prediction.cameras.world_from_cam[i]),
            intrinsics=_float32(prediction.cameras.intrinsics[i]),
            sky=None if sky is None else sky[i].numpy(),
            confidence=_float32(prediction.confidence[i]),
            mixture=None if mixture is None else mixture[i],
            layers=None if prediction.layers is None else prediction.layers[i],
        )
        for i, name in enumerate(prediction.names)
    ]


def _sources_of(prediction: Prediction) -> list[dict[str, Any]]:
    """Where each view comes from, as `write_view` takes it, from the details of the prediction if it is told there."""
    told = prediction.details.get("sources", ())
    told = told if len(told) == len(prediction.names) else [{}] * len(prediction.names)
    return [{name: source.get(name) for name in ("source_hw", "crop", "seconds")} for source in told]


def source_intrinsics(view: RunView, source_hw: tuple[int, int], crop: tuple[int, int, int, int]) -> Rows:
    """Intrinsics of a view in pixels of the image in its file: resize and crop undone.

    Args:
        view: intrinsics in pixels of the saved size.
        source_hw: size of the image in its file.
        crop: top, left, height, width of the part of that image that the view shows.
    """
    height, width = view.depth.shape
    camera = Cameras(
        world_from_cam=torch.tensor(view.world_from_cam, dtype=torch.float64),
        intrinsics=torch.tensor(view.intrinsics, dtype=torch.float64),
        image_hw=(height, width),
    )
    box = CropBox(top=crop[0], left=crop[1], height=crop[2], width=crop[3])
    return _rows(cameras_in_source(camera, box, source_hw).intrinsics)


def _rows(matrix: Float[torch.Tensor, "rows columns"]) -> Rows:
    """A matrix as it is written to run.json."""
    return tuple(tuple(round(value, _DECIMALS_OF_PIXELS) for value in row) for row in matrix.tolist())


def _float32(values: torch.Tensor) -> Float32[ndarray, "..."]:
    return values.detach().float().numpy()


def _earlier_run(folder: Path, *, overwrite: bool) -> RunInfo | None:
    """What the run in the folder says about itself, None where the folder is free to use.

    Raises:
        OutputError: the folder holds files and no run of ours, and `overwrite` is off.
    """
    try:
        others = [path for path in folder.iterdir() if not is_hidden(path)]
    except OSError as error:
        raise output_error(folder, error) from error
    reason = f"it holds {others[0].name if others else ''} and no {RUN_FILE}"
    try:
        earlier = read_run_info(folder)
    except InputError as error:
        earlier, reason = None, str(error).rstrip(".")
    if earlier is None and others and not overwrite:
        message = f"{folder} is not empty and not a run of mda ({reason}); choose another folder, or allow overwriting."
        raise OutputError(message)
    return earlier


def _is_complete(folder: Path, index: int, view: ViewInfo) -> bool:
    """Whether all files of a view are there and its depth is whole."""
    if not set(REQUIRED_PARTS) <= set(view.parts) <= set(PARTS):
        return False
    try:
        if not all(part_path(folder, part, index).stat().st_size > 0 for part in view.parts):
            return False
        read_array(part_path(folder, "depth", index))
    except (OSError, InputError):
        return False
    return True


def _remove_views(folder: Path, *, keep: frozenset[int] = frozenset()) -> None:
    """Remove views of an earlier run, so that two runs never mix; other files stay.

    Raises:
        OutputError: a file cannot be removed.
    """
    try:
        # Depth goes first: a view without depth does not exist, so an interruption leaves nothing half-present.
        for part in reversed(PARTS):
            for path in (folder / part).glob(f"*{PARTS[part]}"):
                if path.stem.isdecimal() and int(path.stem) not in keep:
                    path.unlink()
    except OSError as error:
        raise output_error(folder, error) from error


def _remove(folder: Path, names: Sequence[str]) -> None:
    """Remove files of a run other than its views.

    Raises:
        OutputError: a file cannot be removed.
    """
    try:
        for name in names:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
