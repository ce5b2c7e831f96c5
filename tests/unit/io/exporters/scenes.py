"""Runs to export, and what every reader of an export checks."""

from dataclasses import replace

import numpy as np
import torch

from mda.geometry import compose, matrix_from_quaternion, project
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter, RunCloud, camera_of
from tests.unit.io.runs import SIZE, prediction

SOURCE_HW = (1080, 1920)
CROP = (40, 210, 1000, 1500)


def turned_prediction(views=3, **options):
    """Cameras that look anywhere; the views show the middle of larger photos."""
    torch.manual_seed(5)
    found = prediction(views, **options)
    poses = compose(matrix_from_quaternion(torch.randn(views, 4)), torch.randn(views, 3) * 3)
    source = {"source_hw": SOURCE_HW, "crop": CROP, "seconds": None}
    details = {"sources": [{"name": name, **source} for name in found.names]}
    return replace(found, cameras=replace(found.cameras, world_from_cam=poses), details=details)


def turned_run(folder, views=3, **options):
    return load_run(turned_prediction(views, **options).save(folder, save_mixture=True))


def assert_on_pixels(run, position, points, pixels):
    """The points, in the world of the run, lie on the pixels and depths that they came from."""
    found, depth = project(torch.from_numpy(np.array(points, np.float32)), camera_of(run.view(position)))
    expected = np.stack([pixels % SIZE[1], pixels // SIZE[1]], -1) + 0.5
    assert np.abs(found.numpy() - expected).max() < 0.5
    np.testing.assert_allclose(depth, run.depth(position).reshape(-1)[pixels], rtol=1e-3)


def clouds(run, **filters):
    """Points by view, as the exporters get them."""
    return list(RunCloud(run, CloudFilter(**filters)).views())
