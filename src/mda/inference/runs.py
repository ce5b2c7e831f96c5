"""From a clip to a run on disk: window by window, resumable, with memory that does not grow with the clip."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mda.errors import InputError, OutputError
from mda.inference.budget import fitted_to
from mda.inference.clock import Clock
from mda.inference.decoded import source_of
from mda.inference.given_cameras import GivenCameras, about_given
from mda.inference.inputs import views_of_clip
from mda.inference.joints import Progress
from mda.inference.predictor import Predictor, WindowResult
from mda.inference.windows import DEFAULT_MAX_VIEWS, Order, Plan, plan_for
from mda.io.archive import POINTS_FILE, RunInfo, RunWriter, load_run, views_of
from mda.io.camera_files import KnownCameras
from mda.io.clips import Clip, ClipView
from mda.io.clouds import CloudFilter, RunCloud
from mda.io.exporters.ply import write_cloud
from mda.io.run_info import Status, read_run_info
from mda.io.video import DEFAULT_FPS
from mda.mixtures import Decoder

_LOGGER = logging.getLogger(__name__)
MAX_POINTS = 4_000_000
"""Points of the cloud that comes with a run, about 80 MB of PLY; `mda export` writes larger ones."""
# Settings that do not decide the result, or that run.json tells elsewhere or in another way.
_NOT_DECIDING = frozenset({"decoder", "memory", "ply", "overwrite", "cameras"})
# What is shown as a fingerprint tells nothing to people but that it changed.
_FINGERPRINTS = frozenset({"files", "weights", "cameras"})


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How to make a run.

    Attributes:
        size: longer side of the views, the model's own where None.
        decoder: the model's own where None.
        fps: views per second of a video; None takes all.
        stride: every stride-th view is taken.
        max_views: views looked at together; None: as many as `memory` allows, or a number that suits most machines.
        memory: GiB of the device's memory that may be used; it decides `max_views`.
        overlap: how many of them a window shares with others; a quarter where None.
        order: what the order of the images of a long clip says; told from their names where None.
        save_mixture: write the densities, too.
        ply: write the point cloud, too.
        overwrite: replace what is in the folder.
        cameras: known cameras, which fix poses and scale; None where the model finds them.
    """

    size: int | None = None
    decoder: Decoder | str | None = None
    fps: float | None = DEFAULT_FPS
    stride: int = 1
    max_views: int | None = None
    memory: float | None = None
    overlap: int | None = None
    order: Order | str | None = None
    save_mixture: bool = False
    ply: bool = True
    overwrite: bool = False
    cameras: KnownCameras | None = None


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What was done.

    Attributes:
        folder: of the run.
        views: number of views in it.
        image_hw: their size.
        kept: how many of them were there before.
        points: number of points of the cloud, or None where none was asked for.
        skipped: a message for each file that was left out.
        seconds: time it took.
    """

    folder: Path
    views: int
    image_hw: tuple[int, int]
    kept: int
    points: int | None
    skipped: tuple[str, ...] = field(default=())
    seconds: float


def predict_to_run(
    predictor: Predictor,
    clip: Clip,
    folder: Path,
    settings: RunSettings,
    *,
    command: str = "",
    on_progress: Callable[[int], object] = lambda _: None,
) -> RunReport:
    """Predict a clip and write it as a run; an interrupted run of the same clip and settings goes on where it stopped.

    Args:
        predictor: the model.
        clip: what to look at.
        folder: of the run.
        settings: how.
        command: what the user typed, for `run.json`.
        on_progress: called with the number of views that are ready since the last call.

    Raises:
        InputError: not one view can be read.
        OutputError: the folder cannot be written to, or holds another run and `overwrite` is off.
        ConfigError: a setting cannot work, or a view has no camera among those given.
    """
    begun = time.perf_counter()
    predictor, plan = _plan(predictor, clip, settings)
    if plan.order is Order.INDEPENDENT:
        settings = replace(settings, ply=False)  # the views have no common world
    info = _run_info(predictor, clip, settings, plan, command)
    complete = not settings.overwrite and _is_complete(folder, info)
    if complete and (not settings.ply or (folder / POINTS_FILE).exists()):
        return _report_of(folder, settings, kept=None, since=begun)
    given = None if settings.cameras is None else GivenCameras(known=settings.cameras)
    if given is not None:
        given.check_clip(clip, stride=settings.stride)
    clock, problems, scales = Clock(), [], []
    with RunWriter(folder, info, resume=not settings.overwrite, overwrite=settings.overwrite) as writer:
        kept, joints = len(writer.complete), ()
        try:
            views = _views(predictor, clip, settings, plan.spread, problems)
            earlier = _progress(writer)
            options = {"plan": plan, "decoder": settings.decoder, "cameras": given}
            for window in predictor.stream(views, **options, progress=earlier, clock=clock):
                scales.extend([] if window.scale is None else [window.scale])
                _write(writer, window, clock, save_mixture=settings.save_mixture)
                joints = window.progress.joints
                on_progress(len(window.views))
                del window  # before the next one comes
            timings = clock.rounded() | {"total": round(time.perf_counter() - begun, 3)}
            details = {"skipped": problems, "device": str(predictor.device), "kept_from_before": kept}
            details["joints"] = [joint.as_dict() for joint in joints]
            if given is not None:
                details["cameras"] = about_given(given, predictor.preset, scales)
            if settings.ply:
                run = load_run(folder)
                cloud = RunCloud(run, CloudFilter(max_points=MAX_POINTS))
                write_cloud(cloud, folder / POINTS_FILE, confidence=run.knows_confidence)
                details["points"] = len(cloud)
            writer.finish(timings=timings, details=details)
        except OutputError as error:
            message = f"{error} {len(writer.complete)} views are kept in {folder}."
            raise OutputError(message) from error
    return _report_of(folder, settings, kept=kept, since=begun)


def _views(
    predictor: Predictor, clip: Clip, settings: RunSettings, spread: int, problems: list[str]
) -> Iterator[ClipView]:
    """Views of the clip at the size of the run."""
    return views_of_clip(
        clip,
        size=settings.size or predictor.preset.long_side,
        patch=predictor.network.patch,
        fps=settings.fps,
        stride=settings.stride,
        spread=spread,
        problems=problems,
    )


def _plan(predictor: Predictor, clip: Clip, settings: RunSettings) -> tuple[Predictor, Plan]:
    """How the clip is divided into windows, and the predictor at the portions that fit into memory."""
    images = None if clip.is_video else clip.images[:: settings.stride]
    max_views = settings.max_views or DEFAULT_MAX_VIEWS
    if settings.memory is not None:
        first = next(_views(predictor, clip, settings, 0, []))
        height, width = first.view.pixels.shape[:2]
        predictor, room = fitted_to(predictor, settings.memory, (height, width), settings.decoder)
        max_views = min(room, settings.max_views or room)
        _LOGGER.info("%g GiB: %d views are looked at together.", settings.memory, max_views)
    return predictor, plan_for(images, max_views=max_views, overlap=settings.overlap, order=settings.order)


def _write(writer: RunWriter, window: WindowResult, clock: Clock, *, save_mixture: bool) -> None:
    """Write those views of a window that are not there yet, and how far the run is then."""
    if window.prediction is None:
        return
    since = time.perf_counter()
    views = views_of(window.prediction, with_mixture=save_mixture)
    for number, source, view in zip(window.numbers, window.views, views, strict=True):
        if number not in writer.complete:
            writer.write_view(number, view, **source_of(source))
    writer.write_progress(window.progress.as_arrays())
    clock.charge("writing", since)


def _progress(writer: RunWriter) -> Progress | None:
    """How far an earlier, interrupted run came; None where it did not finish its first window, or lost views since."""
    arrays = writer.read_progress()
    if arrays is None:
        return None
    try:
        progress = Progress.from_arrays(arrays)
    except (KeyError, ValueError, TypeError):
        progress = None
    if progress is None or progress.next_view > len(writer.complete):
        _LOGGER.warning("Files of the run in %s are damaged; it is looked at again from its first view.", writer.folder)
        return None
    return progress


def _run_info(predictor: Predictor, clip: Clip, settings: RunSettings, plan: Plan, command: str) -> RunInfo:
    """What `run.json` says; its `settings` hold all that decides the result."""
    decides = {
        **{name: value for name, value in asdict(settings).items() if name not in _NOT_DECIDING},
        "max_views": plan.max_views,
        "overlap": plan.anchors,
        "order": plan.order.value,
        "size": settings.size or predictor.preset.long_side,
        "weights": None if predictor.weights is None else _fingerprint([predictor.weights]),
        "source": str(clip.source),
        "files": _fingerprint([clip.source] if clip.is_video else list(clip.images)),
    }
    if predictor.preset.recalibration != 1:
        decides["recalibration"] = predictor.preset.recalibration
    if settings.cameras is not None:  # runs without known cameras say nothing of them, as before there were any
        decides["cameras"] = settings.cameras.fingerprint()
    return RunInfo(
        model=predictor.name,
        licence=predictor.licence,
        decoder=predictor.decoder(settings.decoder).value,
        command=command,
        settings=decides,
        sizes={"long_side": decides["size"], "patch": predictor.network.patch},
    )


def _fingerprint(files: list[Path]) -> str:
    """Changes when a file is added, removed, replaced or written to."""
    digest = hashlib.sha256()
    for file in files:
        state: tuple[Any, ...] = (file.name,)
        with suppress(OSError):  # a file that cannot be looked at will be reported when it is read
            status = file.stat()
            state = (file.name, status.st_size, status.st_mtime_ns)
        digest.update(repr(state).encode())
    return digest.hexdigest()[:16]


def _is_complete(folder: Path, info: RunInfo) -> bool:
    """Whether the folder holds this run already, in full.

    Raises:
        OutputError: it holds another run.
    """
    try:
        earlier = read_run_info(folder)
    except InputError:
        return False  # the writer knows what to say about a damaged run.json
    if earlier is None:
        return False
    if not earlier.gives_same_result_as(info):
        message = (
            f"{folder} holds a run made from other inputs or settings ({_difference(earlier, info)}). "
            "Choose another folder with --out, or replace it with --overwrite."
        )
        raise OutputError(message)
    return earlier.status is Status.COMPLETE


def _difference(earlier: RunInfo, now: RunInfo) -> str:
    """What differs between two runs, for people."""
    before = {"model": earlier.model, "decoder": earlier.decoder, **earlier.settings}
    after = {"model": now.model, "decoder": now.decoder, **now.settings}
    changed = [name for name in {**after, **before} if str(before.get(name)) != str(after.get(name))]
    shown = [f"{name} {before.get(name)} instead of {after.get(name)}" for name in changed if name not in _FINGERPRINTS]
    shown += [f"changed {name}" for name in changed if name in _FINGERPRINTS]
    return "; ".join(shown[:3]) or "another version of mda"


def _report_of(folder: Path, settings: RunSettings, *, kept: int | None, since: float) -> RunReport:
    """Report about a finished run; `kept` None means that all of it was there before."""
    run = load_run(folder)
    details = run.info.details
    points = details.get("points")
    return RunReport(
        folder=folder,
        views=len(run),
        image_hw=run.image_hw,
        kept=len(run) if kept is None else kept,
        points=int(points) if settings.ply and points is not None else None,
        skipped=tuple(map(str, details.get("skipped", ()))),
        seconds=time.perf_counter() - since,
    )
