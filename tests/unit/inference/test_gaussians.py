"""Gaussians from a network with a head for them to a file."""

import numpy as np
import pytest
import torch
from plyfile import PlyData

from mda.data.batches import normalise_images
from mda.errors import ConfigError
from mda.inference import Predictor
from mda.inference.gaussians import predict_gaussians
from mda.io.splats import write_gaussians
from mda.models.presets import PRESETS
from tests.unit.models.networks import HW, any_view_network


def predictor(**options):
    network = any_view_network(**options)
    return Predictor(network=network, preset=PRESETS["mda_mini"], device=torch.device("cpu"))


def test_gaussians_are_those_of_the_network(tmp_path) -> None:
    with_head = predictor(gaussians=True)
    pictures = [np.random.default_rng(i).integers(0, 256, (*HW, 3), dtype=np.uint8) for i in range(2)]
    found = predict_gaussians(with_head, pictures, size=HW[1])
    images = normalise_images(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255)[None]
    with torch.no_grad():
        expected = with_head.network(images, gaussians=True).gaussians
    torch.testing.assert_close(found.means, expected.means)
    torch.testing.assert_close(found.harmonics, expected.harmonics)
    assert write_gaussians(tmp_path / "a.ply", found) == 2 * HW[0] * HW[1]
    data = PlyData.read(str(tmp_path / "a.ply"))["vertex"].data
    np.testing.assert_array_equal(data["x"], found.means[0, :, 0])


def test_a_network_without_the_head_is_told() -> None:
    with pytest.raises(ConfigError, match="has no head for 3D Gaussians"):
        predict_gaussians(predictor(), [np.zeros((*HW, 3), np.uint8)])
