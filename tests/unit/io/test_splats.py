"""Gaussians of a head, in the layout of 3D Gaussian splatting."""

import numpy as np
import pytest
import torch
from plyfile import PlyData

from mda.errors import ConfigError
from mda.io.splats import write_gaussians
from mda.structures import Gaussians


def gaussians(clips=1, count=7):
    return Gaussians(
        means=torch.randn(clips, count, 3),
        scales=torch.rand(clips, count, 3) + 0.1,
        rotations=torch.nn.functional.normalize(torch.randn(clips, count, 4), dim=-1),
        harmonics=torch.randn(clips, count, 3, 9),
        opacities=torch.rand(clips, count),
    )


def test_everything_comes_back(tmp_path) -> None:
    made = gaussians()
    assert write_gaussians(tmp_path / "a.ply", made) == 7
    data = PlyData.read(str(tmp_path / "a.ply"))["vertex"].data

    def read(*names):
        return torch.from_numpy(np.stack([data[name] for name in names], -1))

    torch.testing.assert_close(read("x", "y", "z"), made.means[0])
    torch.testing.assert_close(read("scale_0", "scale_1", "scale_2").exp(), made.scales[0])
    torch.testing.assert_close(read("rot_0", "rot_1", "rot_2", "rot_3"), made.rotations[0])
    torch.testing.assert_close(read("opacity")[:, 0].sigmoid(), made.opacities[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(read("f_dc_0", "f_dc_1", "f_dc_2"), made.harmonics[0, :, :, 0])
    # The others: 8 of red, then 8 of green, then 8 of blue.
    rest = read(*(f"f_rest_{i}" for i in range(24)))
    torch.testing.assert_close(rest[:, 8:16], made.harmonics[0, :, 1, 1:])


def test_what_is_not_finite_is_left_out(tmp_path) -> None:
    made = gaussians()
    made.means[0, 2, 1] = torch.nan
    assert write_gaussians(tmp_path / "a.ply", made) == 6


def test_clips_do_not_share_a_file(tmp_path) -> None:
    with pytest.raises(ConfigError, match="one clip"):
        write_gaussians(tmp_path / "a.ply", gaussians(clips=2))
