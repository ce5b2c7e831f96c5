"""Depth as OpenEXR."""

import json
import sys

import numpy as np
import OpenEXR
import pytest

from mda.errors import MissingExtraError
from mda.io.clouds import CloudFilter, kept_pixels
from mda.io.exporters import ExportSettings, export_run


def test_depth_comes_back_bit_by_bit(run, tmp_path) -> None:
    filters = CloudFilter(drop_percent=10.0)
    export_run(run, "exr", tmp_path / "out", ExportSettings(filters=filters))
    for position in range(3):
        with OpenEXR.File(str(tmp_path / "out" / f"{position:06d}.exr"), separate_channels=True) as file:
            depth = file.channels()["Z"].pixels
            confidence = file.channels()["confidence"].pixels
            camera = json.loads(file.header()["comments"])
        view = run.view(position)
        keep = kept_pixels(view, filters)
        assert depth.dtype == np.float32
        np.testing.assert_array_equal(depth[keep], view.depth[keep])
        np.testing.assert_array_equal(np.isposinf(depth), view.sky)
        np.testing.assert_array_equal(np.isnan(depth), ~keep & ~view.sky)
        np.testing.assert_array_equal(confidence, view.confidence)
        np.testing.assert_allclose(camera["world_from_cam"], view.world_from_cam, atol=1e-6)


def test_filled_sky_lies_behind_everything(run, tmp_path) -> None:
    export_run(run, "exr", tmp_path / "out", ExportSettings(fill_sky=True))
    depths = [OpenEXR.File(str(tmp_path / "out" / f"{i:06d}.exr")).channels()["Z"].pixels for i in range(3)]
    skies = np.concatenate([depth[run.sky(i)] for i, depth in enumerate(depths)])
    others = np.concatenate([depth[~run.sky(i)] for i, depth in enumerate(depths)])
    assert len(np.unique(skies)) == 1
    assert skies[0] == pytest.approx(1.1 * others.max())


def test_the_missing_library_is_named(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingExtraError, match=r"mda\[export\]"):
        export_run(run, "exr", tmp_path / "out")
    assert not (tmp_path / "out").exists()
