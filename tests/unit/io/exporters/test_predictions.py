"""Exports of predictions in memory."""

from dataclasses import replace

import numpy as np
import pytest

from mda.errors import ConfigError, OutputError
from mda.io.exporters import FORMATS, export_run
from mda.io.ply import read_ply
from tests.unit.io.exporters.scenes import turned_prediction, turned_run


@pytest.mark.parametrize("name", ["ply", "colmap", "ldi"])
def test_a_prediction_exports_as_its_run_does(tmp_path, name) -> None:
    place, expected = tmp_path / "out" / FORMATS[name].place, tmp_path / "expected" / FORMATS[name].place
    assert turned_prediction().export(name, place) == place
    export_run(turned_run(tmp_path / "run"), name, expected)
    files = [path.relative_to(expected) for path in expected.rglob("*") if path.is_file()] or [None]
    for file in files:
        one, other = (place, expected) if file is None else (place / file, expected / file)
        assert one.read_bytes() == other.read_bytes()


def test_options_are_those_of_settings_and_filters(tmp_path) -> None:
    turned_prediction().export("ply", tmp_path / "a.ply", normals=True, max_points=50, edge_ratio=0.5)
    found = read_ply(tmp_path / "a.ply")
    assert len(found.positions) == 50
    assert np.linalg.norm(found.normals, axis=1).max() == pytest.approx(1)
    with pytest.raises(ConfigError, match=r"no option edges; there are drop_percent, edge_ratio"):
        turned_prediction().export("ply", tmp_path / "b.ply", edges=0.5)


def test_what_cannot_be_is_told_first(tmp_path) -> None:
    made = turned_prediction()
    (tmp_path / "a.ply").write_text("mine")
    with pytest.raises(OutputError, match="there already"):
        made.export("ply", tmp_path / "a.ply")
    assert (tmp_path / "a.ply").read_text() == "mine"
    made.export("ply", tmp_path / "a.ply", overwrite=True)
    with pytest.raises(ConfigError, match="no format"):
        made.export("obj", tmp_path / "a.obj")
    with pytest.raises(ConfigError, match="keep_mixture"):
        replace(made, mixture=None).export("ldi", tmp_path / "a.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ply"]
