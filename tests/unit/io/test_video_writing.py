"""Videos that we write, as FFmpeg reads them."""

import numpy as np
import pytest

from mda.errors import ConfigError, OutputError
from mda.io.video import VideoReader
from mda.io.video_writing import write_video


def frames(count, size=(32, 48)):
    return (np.full((*size, 3), 40 * i, np.uint8) for i in range(count))


def test_frames_come_back_in_order(tmp_path) -> None:
    assert write_video(tmp_path / "a.mp4", frames(5), fps=29.97) == 5
    reader = VideoReader(tmp_path / "a.mp4", fps=None)
    found = list(reader)
    assert reader.source_fps == pytest.approx(29.97, abs=0.01)
    assert [round(float(frame.pixels.mean()) / 40) for frame in found] == [0, 1, 2, 3, 4]


def test_odd_sizes_get_one_more_row_or_column(tmp_path) -> None:
    write_video(tmp_path / "a.mp4", frames(2, (31, 47)), fps=10.0)
    assert next(iter(VideoReader(tmp_path / "a.mp4", fps=None))).pixels.shape == (32, 48, 3)


def test_nothing_is_left_where_it_fails(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no frame"):
        write_video(tmp_path / "a.mp4", [], fps=10.0)
    with pytest.raises(ConfigError, match="one size"):
        write_video(tmp_path / "a.mp4", [*frames(1), *frames(1, (16, 16))], fps=10.0)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file"):
        write_video(tmp_path / "file" / "a.mp4", frames(1), fps=10.0)
