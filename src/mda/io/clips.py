"""From what a person names on the command line to clips, and from a clip to views, one at a time.

A folder is one clip: the images in it, in natural order. Each video is one clip. Images named one by one form one clip
together, in the order given.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from mda.errors import InputError
from mda.io.images import IMAGE_EXTENSIONS, LoadedImage, find_images, is_animated, list_files, load_image
from mda.io.resize import ClipResizer, ResizedView
from mda.io.video import DEFAULT_FPS, VIDEO_EXTENSIONS, VideoReader, is_video

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Images or a video that are processed together.

    Attributes:
        name: a short name, used for the output folder; unique among the clips of one command.
        source: what was named: a folder, a video, or the first of several images.
        images: image files in order; empty for a video.
        is_video: whether `source` is a video.
    """

    name: str
    source: Path
    images: tuple[Path, ...] = ()
    is_video: bool = False


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Clips found, and one message for each input that could not be used."""

    clips: tuple[Clip, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClipView:
    """One view of a clip, ready for a network.

    Attributes:
        name: file name, or video name and time (`walk.mp4@2.400s`).
        view: pixels of the clip's common size, and where they came from.
        time: seconds since the start of the video, or None.
        number: its place among the images or frames of the clip.
    """

    name: str
    view: ResizedView
    time: float | None = None
    number: int = 0


def list_inputs(paths: Sequence[Path | str]) -> Inputs:
    """Group inputs into clips.

    A folder with images and videos gives its images, with a warning that names the videos; a folder with videos only
    gives one clip each. An animated GIF named by itself is a video; in a folder its first frame is an image.

    Raises:
        InputError: none of the inputs can be used; the message tells about each.
    """
    clips: list[Clip] = []
    problems: list[str] = []
    singles: list[Path] = []
    place = 0
    for path in map(Path, paths):
        try:
            if path.is_dir():
                clips.extend(_clips_of_folder(path))
            elif _names_video(path):
                clips.append(Clip(name=path.stem, source=path, is_video=True))
            else:
                place = place if singles else len(clips)
                singles.append(path)
        except InputError as error:
            problems.append(str(error))
    if singles:
        clips.insert(place, _clip_of_images(singles))
    if not clips:
        message = "\n".join(problems) or "No input given; name images, a folder of images, or a video."
        raise InputError(message)
    return Inputs(clips=tuple(_with_unique_names(clips)), problems=tuple(problems))


def read_clip(
    clip: Clip,
    *,
    size: int,
    patch: int,
    fps: float | None = DEFAULT_FPS,
    stride: int = 1,
    problems: list[str] | None = None,
    spread: int = 0,
) -> Iterator[ClipView]:
    """Read the views of a clip one at a time, all of one size.

    An image that cannot be read is left out, logged and noted in `problems`; so is what a damaged video lacks.

    Args:
        clip: what to read.
        size: longer side of the views.
        patch: their sides are multiples of it.
        fps: views per second taken from a video (all of them where None).
        stride: keep every stride-th image, or every stride-th of the frames taken from a video.
        problems: list that receives a message for each file that could not be read in full.
        spread: read so many images, spread evenly over the clip, before the others; without effect on a video.

    Raises:
        InputError: not one view can be read.
    """
    problems = [] if problems is None else problems
    resizer = ClipResizer(size=size, patch=patch)
    if clip.is_video:
        yield from _views_of_video(VideoReader(clip.source, fps=fps, stride=stride), resizer, problems)
        return
    images = clip.images[::stride]
    for number in spread_out(len(images), spread):
        path = images[number]
        try:
            image = load_image(path, max_short_side=resizer.decode_short_side)
        except InputError as error:
            _LOGGER.warning("%s Left out.", error)
            problems.append(str(error))
            continue
        yield ClipView(name=path.name, view=resizer(image), number=number)
    if resizer.image_hw is None:
        message = "\n".join([f"Not one image of {clip.source} can be read:", *problems[:5]])
        raise InputError(message)


def spread_out(count: int, first: int) -> list[int]:
    """The numbers 0 .. count - 1, `first` of them spread evenly over all (0 among them) before the others.

    Both groups are in ascending order.
    """
    chosen = {round(index * (count - 1) / max(first - 1, 1)) for index in range(min(first, count))}
    return [*sorted(chosen), *(number for number in range(count) if number not in chosen)]


def count_views(clip: Clip, *, fps: float | None = DEFAULT_FPS, stride: int = 1) -> int | None:
    """About how many views `read_clip` gives, for a progress bar; None where a video does not tell.

    Raises:
        InputError: the video cannot be opened.
    """
    if clip.is_video:
        return VideoReader(clip.source, fps=fps, stride=stride).estimated_count
    return len(clip.images[::stride])


def _views_of_video(reader: VideoReader, resizer: ClipResizer, problems: list[str]) -> Iterator[ClipView]:
    for number, frame in enumerate(reader):
        height, width = frame.pixels.shape[:2]
        image = LoadedImage(pixels=frame.pixels, source_hw=(height, width), path=reader.path)
        name = f"{reader.path.name}@{frame.time:.3f}s"
        yield ClipView(name=name, view=resizer(image), time=frame.time, number=number)
    if reader.problem is not None:
        problems.append(reader.problem)


def _clips_of_folder(folder: Path) -> list[Clip]:
    """One clip of the images in a folder, or one for each video where it has no images.

    Raises:
        InputError: the folder holds neither.
    """
    files = list_files(folder)
    images = tuple(path for path in files if path.suffix.lower() in IMAGE_EXTENSIONS)
    videos = [path for path in files if path.suffix.lower() in VIDEO_EXTENSIONS]
    if videos and not images:
        return [Clip(name=path.stem, source=path, is_video=True) for path in videos]
    images = tuple(find_images(folder))
    if videos:
        names = ", ".join(path.name for path in videos[:3]) + ", ..." * (len(videos) > 3)
        _LOGGER.warning(
            "%s holds images and videos; the images are used. Name the videos (%s) to process them.", folder, names
        )
    # `.` and `..` have no name of their own.
    return [Clip(name=folder.name or folder.resolve().name or "clip", source=folder, images=images)]


def _names_video(path: Path) -> bool:
    """Whether a file is to be read as a video: by extension, else by content.

    Raises:
        InputError: there is no such file, or it is neither image nor video.
    """
    if not path.exists():
        hint = ", and leave out quotes around patterns" if set("*?") & set(path.name) else ""
        message = f"{path} does not exist; check the path{hint}."
        raise InputError(message)
    extension = path.suffix.lower()
    if extension == ".gif":
        return is_animated(path)
    if extension in VIDEO_EXTENSIONS or extension in IMAGE_EXTENSIONS:
        return extension in VIDEO_EXTENSIONS
    if is_video(path):
        return True
    load_image(path, max_long_side=64)  # no known extension: raises if it is not an image either
    return False


def _clip_of_images(images: list[Path]) -> Clip:
    """The clip of images that were named one by one."""
    first, others = images[0], len(images) - 1
    name = first.stem if not others else f"{first.stem}_and_{others}_more"
    return Clip(name=name, source=first, images=tuple(images))


def _with_unique_names(clips: list[Clip]) -> list[Clip]:
    """The clips with names told apart, first by the folder they are in, then by a number."""
    names = Counter(clip.name for clip in clips)
    told_apart = [
        replace(clip, name=f"{clip.source.resolve().parent.name}_{clip.name}") if names[clip.name] > 1 else clip
        for clip in clips
    ]
    taken: set[str] = set()
    unique = []
    for clip in told_apart:
        name = next(name for name in chain([clip.name], (f"{clip.name}_{i}" for i in count(2))) if name not in taken)
        taken.add(name)
        unique.append(replace(clip, name=name))
    return unique
