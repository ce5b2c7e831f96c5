"""Depth as PNG of 16 bits."""

import json

import numpy as np
import pytest
from PIL import Image

from mda.io.clouds import CloudFilter
from mda.io.exporters import ExportSettings, export_run


def read(folder, position=0):
    scale = json.loads((folder / "scale.json").read_text(encoding="utf-8"))
    with Image.open(folder / scale["frames"][position]["file"]) as image:
        assert image.mode == "I;16"
        return np.array(image), scale


def test_depth_comes_back(run, tmp_path) -> None:
    report = export_run(run, "depth-png", tmp_path / "out")
    largest = 0.0
    for position in range(3):
        values, scale = read(tmp_path / "out", position)
        depth, sky = run.depth(position), run.sky(position)
        np.testing.assert_array_equal(values == 0, sky)
        errors = np.abs(values * scale["unit"] / depth - 1)[~sky]
        largest = max(largest, errors.max())
        frame = scale["frames"][position]
        assert frame["name"] == run.names[position]
        np.testing.assert_allclose(frame["world_from_cam"], run.camera(position)[0], atol=1e-6)
        np.testing.assert_allclose(frame["intrinsics"], run.camera(position)[1])
    assert largest <= scale["largest_relative_error"] * 1.0001 < 1e-3
    assert "rounding changes depth by up to 0.00" in report.summary


def test_one_unit_serves_the_whole_clip(run, tmp_path) -> None:
    export_run(run, "depth-png", tmp_path / "out")
    farthest = max(float(run.depth(i)[~run.sky(i)].max()) for i in range(3))
    assert read(tmp_path / "out")[1]["unit"] == pytest.approx(farthest / 65535)
    assert max(int(read(tmp_path / "out", i)[0].max()) for i in range(3)) == 65535


def test_sky_can_be_filled_or_kept(run, tmp_path) -> None:
    export_run(run, "depth-png", tmp_path / "filled", ExportSettings(fill_sky=True))
    values, _ = read(tmp_path / "filled")
    assert (values[run.sky(0)] == 65535).all()
    assert values[~run.sky(0)].max() < 60000
    export_run(run, "depth-png", tmp_path / "kept", ExportSettings(filters=CloudFilter(keep_sky=True)))
    values, scale = read(tmp_path / "kept")
    sky = run.sky(0) & (run.depth(0) < scale["unit"] * 65535)
    np.testing.assert_allclose((values * scale["unit"])[sky], run.depth(0)[sky], rtol=1e-3)


def test_an_empty_clip_is_written(run, tmp_path) -> None:
    export_run(run, "depth-png", tmp_path / "out", ExportSettings(filters=CloudFilter(min_confidence=1e9)))
    assert read(tmp_path / "out")[0].max() == 0
