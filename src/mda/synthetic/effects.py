"""From linear light to the 8-bit picture of a camera: exposure, lens and motion blur, noise, tone curve, JPEG."""

import io
import math
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from mda.shapes import Float, Float32, UInt8, ndarray
from mda.synthetic.kernels.convolution import add_shifted

_Rng = np.random.Generator
_TABLE = 4096
_BRIGHTEST = 4.0


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What a lens and a sensor do to a picture; ground truth does not change.

    Attributes:
        lens_blur: radius of the disc that a point becomes, pixels.
        motion_blur: length of the line that a point becomes, pixels.
        noise: standard deviation of the noise at middle grey, as a share of white.
        jpeg: quality (1..95) of a round trip through JPEG; 0 for none.
        drawn: the values are the strongest; every clip has each effect with probability one half and random strength.
    """

    lens_blur: float = 0.0
    motion_blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 0
    drawn: bool = False

    def for_clip(self, rng: _Rng) -> "Effects":
        """The effects of one clip."""
        if not self.drawn:
            return self
        share, coin = rng.random(4), rng.random(4) < 0.5
        return Effects(
            lens_blur=float(self.lens_blur * share[0] * coin[0]),
            motion_blur=float(self.motion_blur * share[1] * coin[1]),
            noise=float(self.noise * share[2] * coin[2]),
            jpeg=round(95 - (95 - self.jpeg) * share[3]) if coin[3] and self.jpeg else 0,
        )

    def as_dict(self) -> dict[str, float]:
        """Plain numbers, for records."""
        return asdict(self)


# What pictures of ordinary cameras suffer; for training.
CAMERA_EFFECTS = Effects(lens_blur=1.3, motion_blur=3.0, noise=0.03, jpeg=50, drawn=True)


@dataclass(frozen=True, kw_only=True)
class Development:
    """How a clip's linear light becomes a picture: the same for all its views.

    Attributes:
        gains: factor of each channel (exposure and white balance).
        vignette: loss of light in the corners (share).
        table: 8-bit value by sqrt(linear / 4).
    """

    gains: Float[ndarray, "3"]
    vignette: float
    table: Float32[ndarray, " n"]

    @classmethod
    def drawn(cls, rng: _Rng, colours: list[Float32[ndarray, "h w 3"]]) -> "Development":
        """Exposure by the brightness of the pictures, the rest at random."""
        samples = np.concatenate([colour[::4, ::4].mean(-1).ravel() for colour in colours])
        bright = float(np.quantile(samples, 0.6)) + 1e-4
        exposure = rng.uniform(0.14, 0.42) / bright
        # Lamps and suns must not make the rest black, nor night black itself.
        exposure = min(exposure, 2.5 / (float(np.quantile(samples, 0.95)) + 1e-4))
        balance = np.exp(rng.normal(0, 0.07, 3))
        vignette = rng.uniform(0, 0.35) if rng.random() < 0.5 else 0.0
        return cls(gains=exposure * balance, vignette=vignette, table=_tone_table(rng))


def _tone_table(rng: _Rng) -> Float32[ndarray, " n"]:
    """8-bit value by sqrt(linear / 4): a shoulder that keeps highlights, then sRGB, then contrast."""
    x = _BRIGHTEST * np.linspace(0, 1, _TABLE) ** 2
    knee = rng.uniform(0.5, 0.95)
    soft = np.where(x < knee, x, knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee))))
    encoded = np.where(soft <= 0.0031308, 12.92 * soft, 1.055 * np.maximum(soft, 1e-9) ** (1 / 2.4) - 0.055)
    bend = rng.uniform(-0.15, 0.25)
    encoded = encoded + bend * (encoded * encoded * (3 - 2 * encoded) - encoded)
    return (255 * np.clip(encoded, 0, 1)).astype(np.float32)


def develop(
    rng: _Rng, colour: Float32[ndarray, "h w 3"], development: Development, effects: Effects
) -> UInt8[ndarray, "h w 3"]:
    """The picture of one view."""
    height, width = colour.shape[:2]
    colour = colour * development.gains.astype(np.float32)
    if effects.lens_blur > 0:
        colour = convolve(colour, disc_kernel(effects.lens_blur))
    if effects.motion_blur > 0:
        colour = convolve(colour, line_kernel(effects.motion_blur, rng.uniform(0, math.pi)))
    if development.vignette > 0:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        colour = colour * (1 - 0.5 * development.vignette * (x * x + y * y))[..., None]
    if effects.noise > 0:
        # Shot noise grows with the square root of the light, on a floor of read noise.
        strength = effects.noise * np.sqrt(np.maximum(colour, 0) * 5 + 0.05)
        colour = colour + strength * rng.standard_normal(colour.shape, dtype=np.float32)
    place = np.sqrt(np.clip(colour, 0, _BRIGHTEST) / _BRIGHTEST) * (_TABLE - 1)
    picture = np.round(development.table[place.astype(np.int32)]).astype(np.uint8)
    return jpeg_round_trip(picture, effects.jpeg) if effects.jpeg else picture


def disc_kernel(radius: float) -> Float32[ndarray, "n n"]:
    """Disc of the given radius in pixels with soft rim, sum 1."""
    reach = max(1, math.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def line_kernel(length: float, angle: float) -> Float32[ndarray, "n n"]:
    """Line of the given length in pixels through the centre, sum 1."""
    reach = max(1, math.ceil(length / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for s in np.linspace(-length / 2, length / 2, 8 * reach + 1):
        x, y = reach + s * math.cos(angle), reach + s * math.sin(angle)
        c, r = min(int(x), 2 * reach - 1), min(int(y), 2 * reach - 1)
        wx, wy = x - c, y - r
        kernel[r : r + 2, c : c + 2] += np.outer([1 - wy, wy], [1 - wx, wx])
    return kernel / kernel.sum()


def convolve(colour: Float32[ndarray, "h w 3"], kernel: Float32[ndarray, "n n"]) -> Float32[ndarray, "h w 3"]:
    """Weighted mean around each pixel; beyond the border the picture repeats its last pixels."""
    reach = kernel.shape[0] // 2
    padded = np.pad(colour, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total = np.zeros_like(colour)
    add_shifted(padded, kernel, total)
    return total


def jpeg_round_trip(picture: UInt8[ndarray, "h w 3"], quality: int) -> UInt8[ndarray, "h w 3"]:
    """The picture after JPEG compression."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"))
