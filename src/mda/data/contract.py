"""What a reader of a data set provides, and a data set opened with it."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from mda.data.archives import find_compressed, open_archives
from mda.data.files import Files, FolderFiles
from mda.data.places import as_place
from mda.data.remote import open_remote
from mda.data.view_sampling import ViewSampling
from mda.data.views import RawView
from mda.errors import ConfigError, InputError

_LOGGER = logging.getLogger(__name__)

# Missing files that a message names.
_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A sequence of frames of one place: one capture, one camera.

    Attributes:
        name: unique in the source.
        folder: where it is, relative to the root.
        frames: names of its frames in order of time.
        detail: what else its layout needs to know of it.
    """

    name: str
    folder: str
    frames: tuple[str, ...]
    detail: str = ""


@runtime_checkable
class Layout(Protocol):
    """One way in which the files of a data set lie on disk. Picklable and without state."""

    @property
    def name(self) -> str:
        """`published`, as the published training pipeline prepares it, `original`, as it is downloaded, or another."""
        ...

    @property
    def expected(self) -> str:
        """The files that are expected, in one line, for messages and documents."""
        ...

    def find(self, files: Files, split: str | None) -> Iterable[Scene]:
        """The scenes, with all frames of which there is any file, in an order that does not depend on the file system.

        A folder that should be a scene and holds no frame is a scene without frames.
        """
        ...

    def members(self, scene: Scene, frame: str) -> Mapping[str, str]:
        """The files of a frame by what they hold (`image`, `depth`, `camera`, ...)."""
        ...

    def read(self, files: Files, scene: Scene, frame: str, name: str) -> RawView:
        """Read a frame.

        Raises:
            InputError: it is broken and must be left out; the message names the file.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SourceInfo:
    """A data set that can be read.

    Attributes:
        name: as typed on the command line and in recipes.
        title: as its authors write it.
        licence: of the data.
        link: where to get it.
        unit: of its depth: `m`, or what else.
        sky: where its sky labels come from.
        layouts: the ways in which it may lie on disk, tried in this order.
        sampling: how the views of a clip are drawn from a scene.
        cameras_known: whether its cameras are real (single pictures have made-up ones).
        moving: whether so much moves in it that neighbouring views disagree where the cameras are right.
        splits: names of its parts, if its layout has folders for them.
        folder: where it lies below the folder of all data sets (published).
        trusted_share: the farthest depths of a clip beyond this share of its pixels are not used (published).
        place_levels: how many parts of a scene's name, between slashes, say where it is: the first so many or, if
            negative, the last. Scenes of one place are held out from training together; unrelated pictures one by one.
    """

    name: str
    title: str
    licence: str
    link: str
    unit: str
    sky: str
    layouts: tuple[Layout, ...]
    sampling: ViewSampling
    cameras_known: bool = True
    moving: bool = False
    splits: tuple[str, ...] = ()
    folder: str = ""
    trusted_share: float = 1.0
    place_levels: int = 1


@dataclass(frozen=True, kw_only=True)
class MissingFile:
    """A file that a frame should have and has not."""

    scene: str
    frame: str
    path: str


@dataclass(frozen=True, kw_only=True)
class OpenedSource:
    """A data set with an index of its complete frames.

    Attributes:
        info: which data set.
        files: where it is.
        layout: how it lies there.
        scenes: scenes with at least one complete frame; frames with missing files are left out.
        missing: the missing files.
        empty: names of scenes of which there is a folder, but no frame.
    """

    info: SourceInfo
    files: Files
    layout: Layout
    scenes: tuple[Scene, ...]
    missing: tuple[MissingFile, ...]
    empty: tuple[str, ...] = ()

    def view(self, scene: Scene, frame: str) -> RawView:
        """Read a frame.

        Raises:
            InputError: it is broken and must be left out; the message names the file.
            RemoteError: another machine does not give it.
        """
        self.fetch(scene, [frame])
        return self.layout.read(self.files, scene, frame, f"{self.info.name}/{scene.name}/{frame}")

    def fetch(self, scene: Scene, frames: Iterable[str]) -> None:
        """Say which frames are read next, so that those far away come in one go.

        Raises:
            RemoteError: another machine does not give them.
        """
        self.files.fetch(self._own_files(scene, frames))

    def _own_files(self, scene: Scene, frames: Iterable[str]) -> Iterator[str]:
        """The files of frames; what the first and the last of a scene share is a table of it, which readers keep."""
        first, last = (set(self.layout.members(scene, frame).values()) for frame in (scene.frames[0], scene.frames[-1]))
        tables = first & last if len(scene.frames) > 1 else set()
        for frame in frames:
            yield from (path for path in self.layout.members(scene, frame).values() if path not in tables)

    @property
    def lacking(self) -> tuple[str, ...]:
        """What is missing, in words: files of frames, and the frames of whole scenes."""
        files = (f"{lack.path} (scene {lack.scene}, frame {lack.frame})" for lack in self.missing)
        return (*files, *(f"all frames of scene {name}" for name in self.empty))

    @property
    def num_frames(self) -> int:
        """Number of complete frames."""
        return sum(len(scene.frames) for scene in self.scenes)


def open_source(
    info: SourceInfo,
    root: Path | str | Files,
    *,
    layout: str | None = None,
    split: str | None = None,
    more: tuple[Layout, ...] = (),
) -> OpenedSource:
    """Find out how a data set lies on disk, list its frames and note which files are missing.

    Args:
        info: which data set.
        root: its folder (of its files, or of tar archives of them), one archive, the URL of either on another machine
            (of archives only), or its files. Archives go first; if they hold no complete frame, the unpacked files
            beside them are used, with a warning.
        layout: name of the layout; by default the first in which there is a complete frame.
        split: name of the part to open; all of them by default.
        more: layouts to try after those of the data set.

    Raises:
        InputError: no such folder, or no complete frame of the data set in it.
        RemoteError: another machine does not give what is needed.
        ConfigError: the data set has no such layout or part.
    """
    layouts = [known for known in (*info.layouts, *more) if layout in {None, known.name}]
    if not layouts:
        names = ", ".join(known.name for known in (*info.layouts, *more))
        message = f"{info.title} has no layout {layout!r}; the layouts are {names}."
        raise ConfigError(message)
    if split is not None and split not in info.splits:
        parts = f"the parts are {', '.join(info.splits)}" if info.splits else "it has no parts"
        message = f"{info.title} has no part {split!r}; {parts}."
        raise ConfigError(message)
    if not isinstance(root, str | Path):
        return _opened_in(root, info, layouts, split)
    place = as_place(root)
    if isinstance(place, str):
        return _opened_in(open_remote(place), info, layouts, split)
    return _opened_at(place, info, layouts, split)


def _opened_at(root: Path, info: SourceInfo, layouts: Sequence[Layout], split: str | None) -> OpenedSource:
    """The data set in the archives of a folder; if they hold no complete frame, in the folder itself.

    Raises:
        InputError: in neither; the message is that of the archives, if there are any.
    """
    errors: list[InputError] = []
    for way in (open_archives,) if root.is_file() else (open_archives, FolderFiles):
        try:
            files = way(root)
            if files is None:
                continue
            found = _opened_in(files, info, layouts, split)
        except InputError as error:
            errors.append(error)
        else:
            for error in errors:
                _LOGGER.warning("%s The unpacked files are used instead.", error)
            return found
    message = str(errors[0])
    if compressed := find_compressed(root):
        message += f" {compressed[0]} is compressed, and cannot be read in place; unpack it, or repack it as .tar."
    raise InputError(message) from errors[0]


def _opened_in(files: Files, info: SourceInfo, layouts: Sequence[Layout], split: str | None) -> OpenedSource:
    """The data set in the first layout of which there is a complete frame.

    Raises:
        InputError: there is none.
    """
    lacking: dict[str, tuple[MissingFile, ...]] = {}
    for known in layouts:
        found = list(known.find(files, split))
        scenes, missing = _complete(files, known, found)
        if scenes:
            empty = tuple(scene.name for scene in found if not scene.frames)
            return OpenedSource(info=info, files=files, layout=known, scenes=scenes, missing=missing, empty=empty)
        if missing:
            lacking[known.name] = missing
    if lacking:
        raise _incomplete(files, info, lacking)
    wanted = " or ".join(f"{known.expected} ({known.name})" for known in layouts)
    message = (
        f"{files.place} holds no scenes of {info.title}: expected {wanted}. Check the path; get it at {info.link}."
    )
    raise InputError(message)


def _incomplete(files: Files, info: SourceInfo, lacking: Mapping[str, tuple[MissingFile, ...]]) -> InputError:
    """The error for a data set of which no frame is complete; told of the layout of which most is there."""
    name, missing = max(lacking.items(), key=lambda item: len(item[1]))
    frames = len({(lack.scene, lack.frame) for lack in missing})
    examples = ", ".join(lack.path for lack in missing[:_EXAMPLES])
    message = (
        f"{files.place} holds no complete frame of {info.title} ({name} layout): {frames} frames lack {len(missing)} "
        f"files, first {examples}. Download what is missing, unpack it in that folder, or check the path."
    )
    return InputError(message)


def _complete(
    files: Files, layout: Layout, found: Iterable[Scene]
) -> tuple[tuple[Scene, ...], tuple[MissingFile, ...]]:
    """Scenes with their complete frames, and the files that the other frames lack."""
    scenes, missing = [], []
    for scene in found:
        # A folder is listed once per scene, not once per file.
        names: dict[str, frozenset[str]] = {}
        kept = []
        for frame in scene.frames:
            complete = True
            for path in layout.members(scene, frame).values():
                folder, _, name = path.rpartition("/")
                if folder not in names:
                    names[folder] = frozenset(files.names(folder))
                if name not in names[folder]:
                    complete = False
                    missing.append(MissingFile(scene=scene.name, frame=frame, path=path))
            if complete:
                kept.append(frame)
        if kept:
            scenes.append(replace(scene, frames=tuple(kept)))
    return tuple(scenes), tuple(missing)
