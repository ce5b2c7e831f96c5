"""3D Gaussians as PLY in the layout of 3D Gaussian splatting, which viewers and trainers of splats read.

Each vertex has x, y, z; nx, ny, nz (unused, zero); f_dc_0 .. 2, the colour as (value - 0.5) / Y00; f_rest_*, the other
harmonics, all of red, then green, then blue; opacity before the sigmoid; scale_0 .. 2, natural logarithms of standard
deviations; rot_0 .. 3, a quaternion w, x, y, z.
"""

import math
from pathlib import Path

import numpy as np

from mda.errors import ConfigError
from mda.io.atomic import atomic_file
from mda.io.ply import ply_header
from mda.shapes import Float, Shaped, ndarray
from mda.structures import Gaussians

Y00 = 0.5 / math.sqrt(math.pi)
"""The constant spherical harmonic."""
_OPACITY_MARGIN = 1e-6
_SMALLEST = 1e-12


def splat_vertices(
    means: Float[ndarray, "n 3"],
    harmonics: Float[ndarray, "n 3 c"],
    opacities: Float[ndarray, " n"],
    scales: Float[ndarray, "n 3"],
    rotations: Float[ndarray, "n 4"],
) -> Shaped[ndarray, " n"]:
    """Gaussians in the layout of the file: one record each.

    Args:
        means: centres.
        harmonics: coefficients of red, green and blue, the constant one first.
        opacities: 0 to 1.
        scales: standard deviations.
        rotations: quaternions in the order w, x, y, z.
    """
    fields = {name: means[:, i] for i, name in enumerate(("x", "y", "z"))}
    fields |= dict.fromkeys(("nx", "ny", "nz"), np.zeros(len(means)))
    fields |= {f"f_dc_{i}": harmonics[:, i, 0] for i in range(3)}
    rest = harmonics[:, :, 1:].reshape(len(means), 3 * (harmonics.shape[2] - 1))
    fields |= {f"f_rest_{i}": rest[:, i] for i in range(rest.shape[1])}
    share = np.clip(opacities.astype(np.float64), _OPACITY_MARGIN, 1 - _OPACITY_MARGIN)
    fields["opacity"] = np.log(share / (1 - share))
    fields |= {f"scale_{i}": np.log(np.maximum(scales[:, i].astype(np.float64), _SMALLEST)) for i in range(3)}
    fields |= {f"rot_{i}": rotations[:, i] for i in range(4)}
    vertices = np.empty(len(means), dtype=[(name, "<f4") for name in fields])
    for name, values in fields.items():
        vertices[name] = values
    return vertices


def write_gaussians(path: Path | str, gaussians: Gaussians) -> int:
    """Write what a Gaussian head gives for one clip (`NetworkOutput.gaussians`), those that are finite.

    Returns:
        The number of Gaussians written.

    Raises:
        ConfigError: they are of several clips.
        OutputError: the file cannot be written.
    """
    clips = gaussians.means.shape[0]
    if clips != 1:
        message = f"A file holds the Gaussians of one clip, found {clips}; write them one by one."
        raise ConfigError(message)
    parts = [
        values[0].detach().float().cpu().numpy()
        for values in (
            gaussians.means, gaussians.harmonics, gaussians.opacities, gaussians.scales, gaussians.rotations,
        )
    ]  # fmt: skip
    finite = np.all([np.isfinite(part).reshape(len(part), -1).all(1) for part in parts], axis=0)
    vertices = splat_vertices(*(part[finite] for part in parts))
    with atomic_file(Path(path)) as file:
        file.write(ply_header(len(vertices), vertices))
        file.write(vertices.tobytes())
    return len(vertices)
