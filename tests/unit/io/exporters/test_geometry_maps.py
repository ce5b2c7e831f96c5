"""Normals and points of every pixel."""

from dataclasses import replace

import numpy as np
import torch

from mda.geometry import camera_rays
from mda.io.archive import load_run
from mda.io.clouds import CloudFilter, kept_pixels
from mda.io.exporters import ExportSettings, export_run
from mda.io.images import read_image
from tests.unit.io.exporters.scenes import assert_on_pixels, turned_prediction


def test_points_are_those_of_their_pixels(run, tmp_path) -> None:
    filters = CloudFilter(drop_percent=10.0)
    export_run(run, "point-maps", tmp_path / "out", ExportSettings(filters=filters))
    for position in range(3):
        points = np.load(tmp_path / "out" / f"{position:06d}.npy", allow_pickle=False)
        assert points.dtype == np.float32
        keep = kept_pixels(run.view(position), filters)
        np.testing.assert_array_equal(np.isfinite(points).all(-1), keep)
        assert_on_pixels(run, position, points[keep], np.flatnonzero(keep))


def test_normals_of_a_wall_are_those_of_the_wall(tmp_path) -> None:
    made = turned_prediction(2, knows_sky=False)
    # A plane that is tilted to the right: n . x = -2 in axes of the camera.
    normal = torch.tensor([0.6, 0.0, -0.8])
    depth = -2 / (camera_rays(made.cameras) * normal).sum(-1)
    assert depth.min() > 0
    run = load_run(replace(made, depth=depth).save(tmp_path / "run"))
    export_run(run, "normals", tmp_path / "out")
    for position in range(2):
        found = np.load(tmp_path / "out" / f"{position:06d}.npy", allow_pickle=False)
        expected = run.camera(position)[0][:3, :3] @ normal.numpy()
        np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-2)
        # x right, y up, z to the viewer.
        picture = read_image(tmp_path / "out" / f"{position:06d}.png").astype(int)
        assert np.abs(picture - np.round((np.array([0.6, 0, 0.8]) + 1) * 127.5)).max() <= 2


def test_normals_are_unknown_where_depth_is(run, tmp_path) -> None:
    export_run(run, "normals", tmp_path / "out")
    found = np.load(tmp_path / "out" / "000000.npy", allow_pickle=False)
    assert np.isnan(found[run.sky(0)]).all()
    assert (read_image(tmp_path / "out" / "000000.png")[run.sky(0)] == 0).all()
