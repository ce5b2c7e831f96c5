"""Depth in colours: pictures and videos."""

import json

import numpy as np
import pytest

from mda.errors import ConfigError
from mda.io.clouds import CloudFilter
from mda.io.exporters import ExportSettings, export_run
from mda.io.images import read_image, write_png
from mda.io.preview import SKY_COLOUR, UNKNOWN_COLOUR, colour_depth
from mda.io.video import VideoReader
from tests.unit.io.runs import SIZE


def test_colours_have_one_range_for_the_clip(run, tmp_path) -> None:
    # One view is nearer than the others; by itself it would get all the colours, too.
    np.save(run.path / "depth" / "000001.npy", run.depth(1) / 50)
    export_run(run, "depth-color", tmp_path / "out", ExportSettings(filters=CloudFilter(drop_percent=20.0)))
    content = json.loads((tmp_path / "out" / "range.json").read_text())
    limits = content["near"], content["far"]
    assert limits[0] < 0.2
    assert limits[1] > 5
    for position in range(3):
        found = read_image(tmp_path / "out" / f"{position:06d}.png")
        expected = colour_depth(run.depth(position), sky=run.sky(position), limits=limits)
        unknown = (found == UNKNOWN_COLOUR).all(-1)
        np.testing.assert_array_equal(found[~unknown], expected[~unknown])
        np.testing.assert_array_equal((found == SKY_COLOUR).all(-1), run.sky(position))
        assert 0.05 < unknown.mean() < 0.2


def test_filled_sky_has_the_farthest_colour(run, tmp_path) -> None:
    export_run(run, "depth-color", tmp_path / "out", ExportSettings(fill_sky=True))
    found = read_image(tmp_path / "out" / "000000.png")
    assert len(np.unique(found[run.sky(0)], axis=0)) == 1
    assert not (found == SKY_COLOUR).all(-1).any()


def test_the_video_shows_the_same(run, tmp_path) -> None:
    for position in range(3):
        np.save(run.path / "depth" / f"{position:06d}.npy", np.full(SIZE, 1.0 + position, np.float32))
    export_run(run, "depth-color", tmp_path / "out")
    export_run(run, "depth-mp4", tmp_path / "a.mp4", ExportSettings(fps=12.5))
    reader = VideoReader(tmp_path / "a.mp4", fps=None)
    frames = list(reader)
    assert reader.source_fps == 12.5
    assert len(frames) == 3
    for position, frame in enumerate(frames):
        picture = read_image(tmp_path / "out" / f"{position:06d}.png").astype(float)
        assert np.abs(frame.pixels.mean((0, 1)) - picture.mean((0, 1))).max() < 6


def test_views_of_different_sizes_make_no_video(run, tmp_path) -> None:
    for part in ("conf", "sky"):
        (run.path / part / "000001.npy").unlink()
    np.save(run.path / "depth" / "000001.npy", np.ones((14, 14), np.float32))
    write_png(run.path / "color" / "000001.png", np.zeros((14, 14, 3), np.uint8))
    with pytest.raises(ConfigError, match="one size"):
        export_run(run, "depth-mp4", tmp_path / "a.mp4")
    assert [path.name for path in tmp_path.iterdir()] == [run.path.name]
