"""Writing videos: H.264 in MP4, which every player and browser shows."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from mda.errors import ConfigError
from mda.io.atomic import output_error, staged
from mda.shapes import UInt8, ndarray

# Constant quality, near what the eye can tell from the original.
_OPTIONS = {"crf": "16", "preset": "medium"}


def write_video(path: Path | str, frames: Iterable[UInt8[ndarray, "h w 3"]], *, fps: float) -> int:
    """Write frames of one size as MP4, atomically; odd sides get one more row or column, as the format demands.

    Returns:
        The number of frames.

    Raises:
        ConfigError: there is no frame, or they differ in size.
        OutputError: the file cannot be written.
    """
    path, count = Path(path), 0
    shape: tuple[int, ...] | None = None
    rate = Fraction(fps).limit_denominator(1001)
    with staged(path) as temporary:
        try:
            with av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
                stream: Any = None
                for frame in frames:
                    shape = shape or frame.shape
                    if frame.shape != shape:
                        message = f"Frames of a video must have one size, found {shape[:2]} and {frame.shape[:2]}."
                        raise ConfigError(message)
                    even = np.pad(frame, [(0, shape[0] % 2), (0, shape[1] % 2), (0, 0)], mode="edge")
                    if stream is None:
                        stream = container.add_stream("libx264", rate=rate, options=_OPTIONS)
                        stream.height, stream.width, stream.pix_fmt = *even.shape[:2], "yuv420p"
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
                    count += 1
                if stream is None:
                    message = f"There is no frame for {path}."
                    raise ConfigError(message)
                container.mux(stream.encode(None))
        except av.error.FFmpegError as error:
            raise output_error(path, OSError(error.errno, error.strerror)) from error
    return count
