"""Runs as one file of NumPy."""

import numpy as np
import pytest

from mda.errors import InputError
from mda.io.clouds import CloudFilter, kept_pixels
from mda.io.exporters import ExportSettings, export_run
from mda.io.images import write_png
from tests.unit.io.runs import SIZE


def test_everything_comes_back(run, tmp_path) -> None:
    filters = CloudFilter(first=1, edge_ratio=0.5)
    report = export_run(run, "npz", tmp_path / "a.npz", ExportSettings(filters=filters))
    assert report.summary == "2 views"
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["names"].tolist() == ["photo ü 1.jpg", "photo ü 2.jpg"]
        assert arrays["numbers"].tolist() == [1, 2]
        for index, position in enumerate((1, 2)):
            view = run.view(position)
            np.testing.assert_array_equal(arrays["depth"][index], view.depth)
            np.testing.assert_array_equal(arrays["valid"][index], kept_pixels(view, filters))
            np.testing.assert_array_equal(arrays["sky"][index], view.sky)
            np.testing.assert_array_equal(arrays["confidence"][index], view.confidence)
            np.testing.assert_array_equal(arrays["image"][index], view.color)
            np.testing.assert_allclose(arrays["world_from_cam"][index], view.world_from_cam, atol=1e-6)
            np.testing.assert_array_equal(arrays["intrinsics"][index], view.intrinsics)


def test_what_a_run_lacks_is_lacking(run, tmp_path) -> None:
    (run.path / "conf" / "000001.npy").unlink()
    export_run(run, "npz", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert "confidence" not in arrays
        assert arrays["depth"].shape == (3, *SIZE)


def test_equal_runs_make_equal_files(run, tmp_path) -> None:
    for name in ("a.npz", "b.npz"):
        export_run(run, "npz", tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_views_of_different_sizes_do_not_fit(run, tmp_path) -> None:
    for part in ("conf", "sky"):
        (run.path / part / "000001.npy").unlink()
    np.save(run.path / "depth" / "000001.npy", np.ones((14, 14), np.float32))
    write_png(run.path / "color" / "000001.png", np.zeros((14, 14, 3), np.uint8))
    with pytest.raises(InputError, match="differ in size"):
        export_run(run, "npz", tmp_path / "a.npz")
