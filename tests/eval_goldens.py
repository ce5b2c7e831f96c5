"""Tiny data sets in the benchmarks' layouts and the predictor that the recorded numbers were made with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mda.evaluation.benchmark import ViewSize
from mda.geometry import Cameras
from mda.structures import Prediction
from tests.golden import golden_dir


def golden_data(folder: Path) -> Path:
    """Write the recorded inputs below an empty folder and return the folder of all data."""
    script = golden_dir() / "golden_eval_inputs.py"
    if not script.exists():
        pytest.skip(f"no {script} (recorded numbers are not part of a clone; set MDA_GOLDEN_DIR)")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, str(script)], cwd=folder, check=True, env=environment)  # noqa: S603 - our recorded inputs
    return folder / "data" / "cut3r_data"


def fake_depth(images: torch.Tensor) -> torch.Tensor:
    """The recorded predictor: depth [v, h, w] from the red channel of images in 0..1."""
    red = torch.nn.functional.pad(images[:, :1], (2, 2, 2, 2), mode="replicate")
    return 0.4 * (torch.nn.functional.avg_pool2d(red, 5, 1)[:, 0] * 4.0) + 0.05


class FakeModel:
    """The recorded predictor as a model for benchmarks."""

    name = "fake"
    view_size = ViewSize(long_side=504, patch=14)
    identity = {"model": "fake"}  # noqa: RUF012

    def __init__(self) -> None:
        self.looked_at = 0

    def predict(self, images, names) -> Prediction:
        self.looked_at += 1
        depth = fake_depth(images)
        count, height, width = depth.shape
        cameras = Cameras.from_fov(torch.eye(4).repeat(count, 1, 1), torch.ones(count, 2), (height, width))
        return Prediction(
            images=(images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1),
            names=tuple(names),
            depth=depth,
            cameras=cameras,
            confidence=torch.full_like(depth, 2.0),
            mixture=None,
            sky_log_odds=None,
            decoder="component",
            model=self.name,
            licence="none",
        )
