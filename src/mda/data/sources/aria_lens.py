"""The fisheye lens of Aria Synthetic Environments, and its pictures made pinhole.

One lens serves the whole data set (constants of `projectaria_tools`, `get_ase_rgb_calibration`). With t the angle
between a ray and the optical axis, the ray in direction (cos p, sin p) around it falls on

    q = (t + k_0 t^3 + ... + k_5 t^13) (cos p, sin p),   pixel = f (q + 2 (q . e) q + |q|^2 e) + c

with the tangential distortion e; the centre of the first pixel is (0, 0).
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from mda.data.sources.tables import pose_of, rotation_from_quaternion
from mda.shapes import Float, Float32, Int, Shaped, UInt8, ndarray

# Of pictures of this many pixels a side; others are scaled.
_SIDE = 704
# Pixels a side of the pinhole picture, in those of the fisheye picture: with so many it has nine tenths as many pixels
# as the fisheye picture has within it (one step is 1.3 of its pixels in the middle, 0.55 in the corners).
_SHARE = 0.75
_FOCAL, _CENTRE, _VALID_RADIUS = 297.6375381033778, (357.6599197217746, 349.1922497127481), 1415 / 4
_RADIAL = (
    0.3650890375644368,
    -0.1738082418112771,
    -0.7534945484033189,
    2.434788882752295,
    -2.57786220300886,
    0.8788483538598834,
)
_TANGENTIAL = np.array([0.0008005198595407136, -0.000294237814554143])
_CAMERA_FROM_DEVICE = pose_of(
    rotation_from_quaternion(0.9441858687689326, 0.326409343828490850, 0.029274992008313648, 0.033361059956531547),
    np.array([-0.007530096566173914, -0.010908549841580260, -0.003598063315542823]),
)
# The sensor lies on its side: the upright camera's x, y and z axes in the axes of the sensor.
_SENSOR_FROM_UPRIGHT = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
DEVICE_FROM_UPRIGHT = np.linalg.inv(_CAMERA_FROM_DEVICE) @ pose_of(_SENSOR_FROM_UPRIGHT, np.zeros(3))


def fisheye_pixels(rays: Float[ndarray, "*n 3"], side: int) -> Float[ndarray, "*n 2"]:
    """Where rays in the sensor's axes fall on a picture of so many pixels a side."""
    across = np.hypot(rays[..., 0], rays[..., 1])
    angle = np.arctan2(across, rays[..., 2])
    radius = angle * (1 + sum(k * angle ** (2 * power) for power, k in enumerate(_RADIAL, 1)))
    q = rays[..., :2] * (radius / np.maximum(across, 1e-12))[..., None]
    bent = q + 2 * (q @ _TANGENTIAL)[..., None] * q + (q * q).sum(-1, keepdims=True) * _TANGENTIAL
    scale = side / _SIDE
    return scale * (_FOCAL * bent + np.array(_CENTRE) + 0.5) - 0.5


@dataclass(frozen=True, kw_only=True)
class PinholeView:
    """An upright pinhole camera that sees only what the lens sees, and where its pixels lie on the fisheye picture.

    Attributes:
        intrinsics: with the centre of the first pixel at (0.5, 0.5).
        grid: fisheye position of each pixel, -1..1 from border to border.
        nearest: flat index of the fisheye pixel nearest to it.
        z: z of the unit ray through each pixel.
    """

    intrinsics: Float[ndarray, "3 3"]
    grid: Float[torch.Tensor, "side side 2"]
    nearest: Int[ndarray, "side side"]
    z: Float32[ndarray, "side side"]

    @property
    def side(self) -> int:
        """Pixels a side."""
        return len(self.z)

    def image(self, fisheye: UInt8[ndarray, "fish fish 3"]) -> UInt8[ndarray, "side side 3"]:
        """The picture, interpolated."""
        channels = torch.from_numpy(fisheye.astype(np.float32)).permute(2, 0, 1)[None]
        seen = functional.grid_sample(channels, self.grid[None], mode="bilinear", align_corners=False)
        # Half a level more instead of rounding, which comes with the conversion.
        return seen[0].add_(0.5).permute(1, 2, 0).to(torch.uint8).numpy()

    def seen(self, fisheye: Shaped[ndarray, "fish fish"]) -> Shaped[ndarray, "side side"]:
        """What the nearest fisheye pixels hold: distances are never means of two surfaces."""
        return fisheye.ravel().take(self.nearest)


@functools.lru_cache(maxsize=2)
def pinhole_view(side: int) -> PinholeView:
    """The pinhole camera for fisheye pictures of so many pixels a side, with the widest view that the lens covers."""
    own = round(_SHARE * side)
    pixels = (np.arange(own) + 0.5) / own
    low, high = 0.1, 10.0
    for _ in range(40):  # halving: a longer focal length sees less
        focal = (low + high) / 2
        low, high = (low, focal) if _all_seen(focal) else (focal, high)
    x, y = np.meshgrid((pixels - 0.5) / high, (pixels - 0.5) / high)
    rays = np.stack([x, y, np.ones_like(x)], -1)
    at = fisheye_pixels(rays @ _SENSOR_FROM_UPRIGHT.T, side)
    column, row = at.round().astype(np.int64).transpose(2, 0, 1)
    return PinholeView(
        intrinsics=np.array([[own * high, 0, own / 2], [0, own * high, own / 2], [0, 0, 1.0]]),
        grid=torch.from_numpy(((2 * at + 1) / side - 1).astype(np.float32)),
        nearest=row * side + column,
        z=(1 / np.linalg.norm(rays, axis=-1)).astype(np.float32),
    )


def _all_seen(focal: float) -> bool:
    """Whether the corners of a pinhole picture, of focal length in sides, lie in the lens' valid circle and picture."""
    corners = np.array([[x, y, 1.0] for x in (-0.5 / focal, 0.5 / focal) for y in (-0.5 / focal, 0.5 / focal)])
    at = fisheye_pixels(corners @ _SENSOR_FROM_UPRIGHT.T, _SIDE)
    inside = (at > 0) & (at < _SIDE - 1)
    return bool(inside.all() and (np.linalg.norm(at - np.array(_CENTRE), axis=-1) < _VALID_RADIUS).all())
