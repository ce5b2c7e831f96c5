"""Videos: frames by their time stamps, upright, one at a time."""

import contextlib
import itertools
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
import numpy as np
from av.stream import Disposition

from mda.errors import ConfigError, InputError
from mda.shapes import UInt8, ndarray

_LOGGER = logging.getLogger(__name__)

VIDEO_EXTENSIONS = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts"}
    | {".webm", ".wmv"}
)
DEFAULT_FPS = 5.0
"""Views per second taken from a video: enough overlap for walking speed, few enough for one pass (design default)."""
# A video that ends this much (share, and seconds) before its declared end has been cut.
_MISSING_SHARE = 0.02
_MISSING_SECONDS = 0.5
# FFmpeg's name for formats that are pictures or subtitles rather than videos.
_STILL_FORMATS = ("image2", "png_pipe", "jpeg_pipe", "tty", "srt", "_pipe")


@dataclass(frozen=True, kw_only=True)
class VideoFrame:
    """One frame taken from a video.

    Attributes:
        pixels: [h, w, 3] RGB, upright.
        time: seconds since the video's start.
    """

    pixels: UInt8[ndarray, "h w 3"]
    time: float


class VideoReader:
    """Frames of a video at a steady rate; each iteration decodes the file anew and holds a few frames in memory.

    At every tick of 1 / `fps` seconds the frame whose time stamp is nearest is taken, each frame at most once, so that
    videos of variable frame rate are sampled evenly in time. Then every `stride`-th of those is kept.

    A video that is cut or damaged gives the frames that can be decoded; afterwards `problem` says what is missing.

    Args:
        path: the file.
        fps: frames per second to take; None takes every frame.
        stride: of the frames taken, keep every stride-th.
        start: seconds from the beginning to start at.
        end: seconds from the beginning to stop at; None goes to the end.

    Raises:
        InputError: the file is not a video that can be read; the message names it and the remedy.
        ConfigError: `fps`, `stride`, `start` or `end` cannot work.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        fps: float | None = DEFAULT_FPS,
        stride: int = 1,
        start: float = 0.0,
        end: float | None = None,
    ) -> None:
        if (fps is not None and not fps > 0) or stride < 1 or start < 0 or (end is not None and end <= start):
            message = (
                "A video needs fps > 0, stride >= 1 and 0 <= start < end, "
                f"found fps {fps}, stride {stride}, start {start}, end {end}."
            )
            raise ConfigError(message)
        self.path = Path(path)
        self.fps = fps
        self.stride = stride
        self.start = start
        self.end = end
        self.problem: str | None = None
        with _opened(self.path) as (container, stream):
            self.duration = _duration(container, stream)
            self._declared = _declared_duration(container, stream)
            self.source_fps = float(stream.average_rate) if stream.average_rate else None

    @property
    def truncated(self) -> bool:
        """Whether the last iteration met damage or an early end."""
        return self.problem is not None

    @property
    def estimated_count(self) -> int | None:
        """About how many frames an iteration gives, for a progress bar; None where the file does not tell."""
        rate = self.source_fps if self.fps is None else min(self.fps, self.source_fps or self.fps)
        if self.duration is None or rate is None:
            return None
        end = self.duration if self.end is None else min(self.end, self.duration)
        frames = round(max(0.0, end - self.start) * rate)
        return max(1, -(-frames // self.stride))

    def __iter__(self) -> Iterator[VideoFrame]:
        """Decode the frames in order of time.

        Raises:
            InputError: not one frame can be decoded.
        """
        self.problem = None
        with _opened(self.path) as (container, stream):
            stamped = _Stamped(container, stream, start=self.start, end=self.end)
            taken = 0
            for time, frame in itertools.islice(_at_rate(stamped, self.fps, self.start), 0, None, self.stride):
                taken += 1
                yield VideoFrame(pixels=upright_pixels(frame, stream), time=float(time))
        self.problem = _problem(self.path, stamped, self._declared)
        if stamped.last is None or (taken == 0 and self.problem):
            message = f"{self.path}: no frame can be decoded, it is damaged or empty. Copy it again or convert it."
            raise InputError(message)
        if taken == 0:
            message = f"{self.path}: no frames between {self.start:g} s and its end at {float(stamped.last):.2f} s."
            raise InputError(message)


def is_video(path: Path | str) -> bool:
    """Whether the file's content is a video (an animated GIF counts) that can be opened."""
    try:
        with _opened(Path(path)) as (_, stream):
            return stream.codec_context.name is not None
    except InputError:
        return False


class _Stamped:
    """Decoded frames of a stream with their times, in order; counts what could not be decoded."""

    def __init__(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        *,
        start: float,
        end: float | None,
    ) -> None:
        self._container = container
        self._stream = stream
        self._start = start
        self._end = None if end is None else _exact(end)
        self.damaged = 0
        self.stopped: str | None = None
        self.ended_early = False
        self.last: Fraction | None = None
        self.covered = Fraction(0)

    def __iter__(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """Yield (seconds since the video's start, frame)."""
        origin = (self._stream.start_time or 0) * (self._stream.time_base or Fraction(1))
        interval = 1 / self._stream.average_rate if self._stream.average_rate else Fraction(1, 30)
        widest = Fraction(0)
        for frame in self._frames():
            stamp = frame.pts if frame.pts is not None else frame.dts
            if stamp is None or frame.time_base is None:
                time = Fraction(0) if self.last is None else self.last + interval
            else:
                time = stamp * frame.time_base - origin
            if self.last is not None and time <= self.last:
                continue  # damaged or wrapped stamps must not run time backwards
            shown = frame.duration * frame.time_base if frame.duration and frame.time_base else interval
            # Some files give neither true durations nor rates; then the widest gap tells how long frames last.
            widest = max(widest, time - (self.last or time), shown)
            self.last, self.covered = time, time + widest
            if self._end is not None and time >= self._end:
                self.ended_early = True
                return
            yield time, frame

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Frames of all packets; a packet that cannot be decoded costs its own frames only."""
        self._seek()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                self.stopped = str(error)
                packet = None
            try:
                yield from self._stream.codec_context.decode(packet)
            except (av.error.FFmpegError, OSError):
                # The very last call hands out what the decoder still holds and may say "end of file" once more.
                self.damaged += packet is not None and packet.size > 0
            if packet is None:
                return

    def _seek(self) -> None:
        """Go to the last key frame before the start, so that a late start does not decode all before it."""
        if self._start > 1 and self._stream.time_base:
            target = int(self._start / self._stream.time_base) + (self._stream.start_time or 0)
            with contextlib.suppress(av.error.FFmpegError, OSError):  # not seekable: decode from the beginning
                self._container.seek(target, stream=self._stream, backward=True)


def _at_rate(stamped: _Stamped, fps: float | None, start: float) -> Iterator[tuple[Fraction, av.VideoFrame]]:
    """Of stamped frames, those nearest to the ticks start, start + 1/fps, ..., each at most once."""
    if fps is None:
        yield from ((time, frame) for time, frame in stamped if time >= start)
        return
    tick, due, gap = 1 / _exact(fps), _exact(start), Fraction(0)
    held: tuple[Fraction, av.VideoFrame] | None = None
    for time, frame in stamped:
        middle = (held[0] + time) / 2 if held is not None else time
        if held is not None and due <= middle:
            yield held
            # Ticks that are nearest to the same frame give it once only.
            due += ((middle - due) // tick + 1) * tick
        gap = time - held[0] if held is not None else gap
        held = time, frame
    # The last frame stands for the ticks up to it; rounding of stamps may put such a tick slightly after it.
    if held is not None and due <= held[0] + min(tick, gap) / 4:
        yield held


def _exact(number: float) -> Fraction:
    """The fraction that was meant by a number such as 0.1, so that time stamps compare exactly."""
    return Fraction(number).limit_denominator(1_000_000)


def upright_pixels(frame: av.VideoFrame, stream: av.VideoStream) -> UInt8[ndarray, "h w 3"]:
    """A frame as RGB with square pixels, turned as its display matrix says."""
    aspect = stream.sample_aspect_ratio
    if aspect and aspect != 1:
        frame = frame.reformat(width=max(1, round(frame.width * aspect)), height=frame.height)
    pixels = frame.to_ndarray(format="rgb24")
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return pixels if matrix is None else apply_display_matrix(pixels, bytes(matrix))


def apply_display_matrix(pixels: UInt8[ndarray, "h w 3"], matrix: bytes) -> UInt8[ndarray, "new_h new_w 3"]:
    """Turn and mirror a frame by the display matrix of its file.

    The matrix [[a, b, u], [c, d, v], [x, y, w]] holds nine 32-bit numbers and takes a stored pixel (p right, q down) to
    p' = a p + c q + x, q' = b p + d q + y (ISO 14496-12). Angles between right ones go to the nearest right one.
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        mirror_across, mirror_down = a < 0, d < 0
    else:
        pixels = pixels.swapaxes(0, 1)
        mirror_across, mirror_down = c < 0, b < 0
    pixels = pixels[:, ::-1] if mirror_across else pixels
    pixels = pixels[::-1] if mirror_down else pixels
    return np.ascontiguousarray(pixels)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a file and its video stream.

    Raises:
        InputError: there is no such file, it is not a video, or it holds no pictures.
    """
    if path.is_dir():
        message = f"{path} is a folder, not a video."
        raise InputError(message)
    try:
        container = av.open(str(path), metadata_errors="replace")
    except FileNotFoundError as error:
        message = f"Cannot read {path}: no such file. Check the path."
        raise InputError(message) from error
    except PermissionError as error:
        message = f"Cannot read {path}: permission denied. Check its permissions."
        raise InputError(message) from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        message = (
            f"{path} is not a video that can be opened ({type(error).__name__}): it may be another kind of file, or "
            "cut off before its index (an MP4 whose recording or copying was interrupted). Copy it again or convert it."
        )
        raise InputError(message) from error
    with container:
        streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if container.format.name.endswith(_STILL_FORMATS) or not streams:
            message = f"{path} holds no video ({container.format.name}); give an image, a folder of images or a video."
            raise InputError(message)
        stream = streams[0]  # a later one is another angle, or a thumbnail
        stream.thread_type = "AUTO"
        yield container, stream


def _duration(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """Seconds that the file claims to last."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else _tagged_duration(stream)


def _declared_duration(container: av.container.InputContainer, stream: av.VideoStream) -> float | None:
    """Seconds that the pictures lasted when the file was written, None where the file does not tell."""
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        # For an AVI that lost its index FFmpeg scales the duration with the size; the header's count stays.
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    # Other streams may outlast the pictures, so the length of the whole file tells only where there is no other.
    return _duration(container, stream) if len(container.streams) == 1 else _tagged_duration(stream)


def _tagged_duration(stream: av.VideoStream) -> float | None:
    """Seconds that Matroska files note for each stream, as text like 00:01:02.500000000."""
    text = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = text.split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return None


def _problem(path: Path, stamped: _Stamped, duration: float | None) -> str | None:
    """What a finished iteration could not read, or None."""
    if stamped.last is None:
        return None
    last = float(stamped.last)
    missing = 0.0 if duration is None or stamped.ended_early else duration - float(stamped.covered)
    if stamped.stopped or missing > max(_MISSING_SECONDS, _MISSING_SHARE * (duration or 0.0)):
        total = "" if duration is None else f" of {duration:.2f} s"
        message = f"{path} is cut off: only {last:.2f} s{total} could be read. Frames up to there are used."
    elif stamped.damaged:
        message = f"{path} is damaged: {stamped.damaged} packets could not be decoded. The other frames are used."
    else:
        return None
    _LOGGER.warning("%s Copy it again if you need the rest.", message)
    return message
