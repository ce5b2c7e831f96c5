"""Clouds as LAS and LAZ, as laspy sees them."""

import sys

import laspy
import numpy as np
import pytest

from mda.errors import MissingExtraError
from mda.io.clouds import CloudFilter
from mda.io.exporters import ExportSettings, export_run
from tests.unit.io.exporters.scenes import assert_on_pixels, clouds


@pytest.mark.parametrize("name", ["las", "laz"])
def test_points_land_on_the_pixels_they_came_from(run, tmp_path, name) -> None:
    report = export_run(run, name, tmp_path / f"a.{name}", ExportSettings(normals=True))
    file, found = laspy.read(tmp_path / f"a.{name}"), clouds(run)
    assert report.summary == f"{len(file.x):,} points of 3 views"
    assert file.header.are_points_compressed == (name == "laz")
    for cloud in found:
        part = np.asarray(file.point_source_id) == cloud.position
        assert_on_pixels(run, cloud.position, np.asarray(file.xyz)[part], cloud.pixels)
        np.testing.assert_allclose(np.asarray(file.xyz)[part], cloud.positions, atol=1e-6)
        colors = np.stack([file.red, file.green, file.blue], -1)[part]
        np.testing.assert_array_equal(colors / 257, cloud.colors)
        np.testing.assert_array_equal(file["confidence"][part], cloud.confidence)
        length = sum(np.square(file[f"normal_{axis}"][part]) for axis in "xyz")
        np.testing.assert_allclose(length, 1, atol=1e-5)


def test_the_name_of_the_file_does_not_matter(run, tmp_path) -> None:
    export_run(run, "laz", tmp_path / "compressed")
    assert laspy.read(tmp_path / "compressed").header.are_points_compressed
    export_run(run, "las", tmp_path / "plain.laz")
    assert not laspy.read(tmp_path / "plain.laz").header.are_points_compressed


def test_no_points_are_a_file_too(run, tmp_path) -> None:
    export_run(run, "las", tmp_path / "a.las", ExportSettings(filters=CloudFilter(min_confidence=1e9)))
    assert len(laspy.read(tmp_path / "a.las").x) == 0


def test_the_missing_library_is_named(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "laspy", None)
    with pytest.raises(MissingExtraError, match=r"mda\[export\]"):
        export_run(run, "laz", tmp_path / "a.laz")
