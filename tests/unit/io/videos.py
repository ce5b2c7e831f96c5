"""Videos made for tests: each frame's grey tells its number."""

from fractions import Fraction

import av
import numpy as np

# Codec by extension, for the containers of which every property is tested.
CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".webm": "libvpx", ".avi": "mpeg4", ".gif": "gif"}


def write_video(path, stamps, *, size=(48, 64), rotation=None, sound_seconds=0, options=None, noisy=False):
    """Write frames with time stamps in milliseconds; frame i is grey 10 i with a white top-left quarter.

    Noise in the quarter below makes files large enough for cuts in their middle.
    """
    height, width = size
    noise = np.random.default_rng(0)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(CODECS.get(path.suffix, "libx264"), rate=10)
        stream.width, stream.height = width, height
        stream.pix_fmt = "rgb8" if path.suffix == ".gif" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if sound_seconds:
            audio = container.add_stream("aac", rate=8000, layout="mono")
            samples = np.zeros((1, 8000 * sound_seconds), np.float32)
            silence = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 8000, 0
            packets = [*audio.encode(silence), *audio.encode(None)]
            container.mux(packets)
        for number, stamp in enumerate(stamps):
            pixels = np.full((height, width, 3), min(240, 10 * number), np.uint8)
            pixels[: height // 2, : width // 2] = 255
            if noisy:
                pixels[height // 2 :, : width // 2] = noise.integers(0, 256, (height - height // 2, width // 2, 3))
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def frame_number(pixels):
    """Number of the frame, from its grey in the lower right quarter."""
    height, width = pixels.shape[:2]
    return round(float(pixels[height // 2 + 4 :, width // 2 + 4 :].mean()) / 10)
