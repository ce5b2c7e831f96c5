"""What the web app does, without the page: check what was dropped, predict, draw, export, clean up."""

import html
import math
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mda.errors import ConfigError, InputError
from mda.inference import Predictor, load
from mda.inference.loading import find_weights
from mda.inference.runs import RunSettings, predict_to_run
from mda.inference.windows import Order
from mda.io.archive import load_run
from mda.io.clips import Clip, count_views, list_inputs
from mda.io.clouds import CloudFilter
from mda.io.exporters import ExportSettings, export_run, find_format
from mda.io.preview import colour_depth, depth_range
from mda.io.video import VideoReader
from mda.mixtures import GENERAL_DECODERS, Decoder
from mda.models.presets import PRESETS, find_preset
from mda.shapes import UInt8, ndarray

# Points of the cloud on the page: browsers turn a hundred thousand with ease.
_SHOWN_POINTS = 300_000
_MAX_FPS = 60.0
_RUN = "run-"


@dataclass(frozen=True, kw_only=True)
class AppLimits:
    """What one visitor may ask for.

    Attributes:
        images: number of images, and of views taken from a video.
        seconds: length of a video.
        megabytes: size of each file.
        size: longer side of the views in pixels.
        waiting: visitors in the queue.
        keep_minutes: results are removed so long after the visitor has gone.
    """

    images: int = 64
    seconds: float = 120.0
    megabytes: int = 500
    size: int = 756
    waiting: int = 8
    keep_minutes: int = 60


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What a visitor chose.

    Attributes:
        model: name of a model.
        size: longer side of the views in pixels; None: the model's own.
        decoder: how a depth is chosen; None: the model's own.
        fps: views per second of a video.
        alone: look at each picture alone.

    Raises:
        ConfigError: a number makes no sense, or there is no such decoder. What a page offers is not all that can be
            sent to its server.
    """

    model: str
    size: int | None = None
    decoder: str | None = None
    fps: float = 2.0
    alone: bool = False

    def __post_init__(self) -> None:
        """Check what was sent."""
        if self.size is not None and self.size < 1:
            message = f"The longer side of a view cannot have {self.size} pixels."
            raise ConfigError(message)
        if not (math.isfinite(self.fps) and 0 < self.fps <= _MAX_FPS):
            message = f"{self.fps} views per second cannot be taken; choose above 0 and up to {_MAX_FPS:g}."
            raise ConfigError(message)
        if self.decoder is not None and self.decoder not in GENERAL_DECODERS:
            message = f"There is no decoder {self.decoder!r}; choose one of {', '.join(GENERAL_DECODERS)}."
            raise ConfigError(message)


class Jobs:
    """Predictions and exports in a temporary folder, which is removed when the app ends.

    Predictions run one at a time: the model that was used last stays in memory.
    """

    def __init__(self, limits: AppLimits, *, models: Sequence[str] = (), device: str | None = None) -> None:
        self.limits = limits
        self.models = tuple(models) or models_here()
        self._device = device
        self._root = tempfile.TemporaryDirectory(prefix="mda-app-")
        self.uploads.mkdir()
        self._lock = threading.Lock()
        self._loaded: tuple[str, Predictor] | None = None

    @property
    def folder(self) -> Path:
        """Where everything is."""
        return Path(self._root.name)

    @property
    def uploads(self) -> Path:
        """Where the page keeps what visitors drop and what they download."""
        return self.folder / "uploads"

    def close(self) -> None:
        """Remove everything."""
        self._root.cleanup()

    def remove(self, run: str | None) -> None:
        """Remove a result, a folder `run-...` of the app; anything else is left alone."""
        if run and Path(run).resolve().parent == self.folder.resolve() and Path(run).name.startswith(_RUN):
            shutil.rmtree(run, ignore_errors=True)

    def told(self, message: str) -> str:
        """A message without the folders of this machine: file names only."""
        return re.sub(re.escape(str(self.folder)) + r"(?:/[^/\s]+)*/", "", message)

    def predict(
        self, files: Sequence[str | Path], options: JobOptions, on_progress: Callable[[int, int | None], object]
    ) -> Path:
        """Predict what was dropped; returns the folder of the run.

        Args:
            files: images, or one video.
            options: the visitor's choice.
            on_progress: called with the number of views that are done, and of all if known.

        Raises:
            InputError: nothing can be read, or there is too much.
            ConfigError: there is no such model or setting.
        """
        if options.model not in self.models:
            message = f"There is no model {options.model!r} here; choose one of {', '.join(self.models)}."
            raise ConfigError(message)
        clip = self._checked(files, options.fps)
        settings = RunSettings(
            size=min(options.size or find_preset(options.model).long_side, self.limits.size),
            decoder=None if options.decoder is None else Decoder(options.decoder),
            fps=options.fps,
            order=Order.INDEPENDENT if options.alone else None,
            save_mixture=True,
            ply=False,
        )
        folder = Path(tempfile.mkdtemp(prefix=_RUN, dir=self.folder))
        total, done = count_views(clip, fps=options.fps), 0

        def note(count: int) -> None:
            nonlocal done
            done += count
            if done > self.limits.images:  # a video may hold more than it says
                message = f"The video has more views than the {self.limits.images} that are taken here."
                raise InputError(message)
            on_progress(done, total)

        try:
            with self._lock:
                predict_to_run(self._predictor(options.model), clip, folder, settings, on_progress=note)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def pictures(self, run: Path, position: int) -> tuple[UInt8[ndarray, "h w 3"], UInt8[ndarray, "h w 3"]]:
        """A view's image and its depth in colours, with one range for the whole clip."""
        opened = load_run(run)
        every = range(len(opened))
        limits = depth_range(map(opened.depth, every), map(opened.sky, every))
        position = min(max(position, 0), len(opened) - 1)
        depth = colour_depth(opened.depth(position), sky=opened.sky(position), limits=limits)
        return opened.color(position), depth

    def cloud(self, run: Path, filters: CloudFilter = CloudFilter()) -> Path | None:  # noqa: B008 - a frozen record
        """The cloud for the page; None where views were looked at alone and have no common world.

        Raises:
            InputError: no point is left.
        """
        if load_run(run).info.settings.get("order") == Order.INDEPENDENT:
            return None
        return self._export(run, "glb", replace(filters, max_points=_SHOWN_POINTS), "shown")

    def export(self, run: Path, name: str, filters: CloudFilter = CloudFilter()) -> Path:  # noqa: B008
        """The run in a format, as one file; folders are packed into a zip archive.

        Raises:
            MdaError: the format does not exist, or cannot hold this run.
        """
        path = self._export(run, name, filters, "exports")
        return Path(shutil.make_archive(str(path), "zip", path)) if path.is_dir() else path

    def summary(self, run: Path) -> str:
        """What came out, in Markdown."""
        opened = load_run(run)
        height, width = opened.image_hw
        skipped = opened.info.details.get("skipped", [])
        head = f"**{len(opened)} views** of {width} x {height} pixels by `{opened.info.model}`"
        lines = [f"{head}, decoder `{opened.info.decoder}`, licence of the weights: {opened.info.licence}."]
        # Names of files are the visitor's: they are shown as they are, not as markup.
        lines += [f"- left out: <code>{html.escape(self.told(message))}</code>" for message in skipped]
        return "\n".join(lines)

    def _export(self, run: Path, name: str, filters: CloudFilter, place: str) -> Path:
        path = run / place / find_format(name).place
        return export_run(load_run(run), name, path, ExportSettings(filters=filters), overwrite=True).path

    def _predictor(self, model: str) -> Predictor:
        if self._loaded is None or self._loaded[0] != model:
            self._loaded = None  # make room first
            self._loaded = model, load(model, device=self._device)
        return self._loaded[1]

    def _checked(self, files: Sequence[str | Path], fps: float) -> Clip:
        """The clip that the files make, if it is within the limits."""
        if not files:
            message = "Drop some photos or a video first."
            raise InputError(message)
        found = list_inputs([Path(file) for file in files])
        if len(found.clips) != 1:
            message = "Drop either photos of one place or one video."
            raise InputError(message)
        clip, limits = found.clips[0], self.limits
        if clip.is_video:
            seconds = VideoReader(clip.source, fps=fps).duration
            if seconds is None:
                message = "The video does not tell how long it is; convert it, or drop some of its frames."
                raise InputError(message)
            if seconds > limits.seconds:
                message = f"The video is {seconds:.0f} s long; at most {limits.seconds:.0f} s are taken here. Cut it."
                raise InputError(message)
        views = count_views(clip, fps=fps)
        if views is not None and views > limits.images:
            message = f"These are {views} views; at most {limits.images} are taken here. Drop fewer, or lower the rate."
            raise InputError(message)
        return clip


def models_here() -> tuple[str, ...]:
    """Names of the models whose weights are on this machine."""
    return tuple(name for name, preset in PRESETS.items() if find_weights(preset) is not None)
