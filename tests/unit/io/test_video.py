"""Frames by time stamps, upright, with damage told and nothing lost."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from mda.errors import ConfigError, InputError
from mda.io.images import write_png
from mda.io.video import VideoReader, apply_display_matrix, is_video
from tests.unit.io.videos import CODECS, frame_number, write_video

STEADY = [100 * i for i in range(20)]


def numbers_and_times(reader):
    return [(frame_number(frame.pixels), round(frame.time, 3)) for frame in reader]


@pytest.mark.parametrize("extension", CODECS)
def test_every_container_is_sampled_by_time(tmp_path, extension):
    reader = VideoReader(write_video(tmp_path / f"a b ü{extension}", STEADY), fps=5.0)
    assert numbers_and_times(reader) == [(2 * i, pytest.approx(0.2 * i, abs=0.001)) for i in range(10)]
    assert reader.estimated_count == 10
    assert reader.duration == pytest.approx(2.0, abs=0.11)
    assert not reader.truncated
    assert is_video(reader.path)


def test_variable_frame_rate_is_sampled_evenly_in_time_without_repeats(tmp_path):
    stamps = [0, 50, 80, 500, 600, 1500, 1510, 2000]
    reader = VideoReader(write_video(tmp_path / "a.mp4", stamps), fps=5.0)
    # Ticks 0 .2 .4 .6 ... 2.0; nearest: 0 | 80 (120 ms off), 500, 600, 600, 600 (.4 off)/1500 ...
    assert numbers_and_times(reader) == [(0, 0), (2, 0.08), (3, 0.5), (4, 0.6), (5, 1.5), (6, 1.51), (7, 2.0)]


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(None, range(20)), (10.0, range(20)), (30.0, range(20)), (2.5, range(0, 20, 4)), (1.0, [0, 10])],
)
def test_rates(tmp_path, fps, expected):
    reader = VideoReader(write_video(tmp_path / "a.mp4", STEADY), fps=fps)
    assert [number for number, _ in numbers_and_times(reader)] == list(expected)
    assert reader.estimated_count == len(expected)


def test_stamps_rounded_to_milliseconds_lose_no_frame(tmp_path):
    stamps = [round(1000 * i / 30) for i in range(20)]
    reader = VideoReader(write_video(tmp_path / "a.mkv", stamps), fps=30.0)
    assert [number for number, _ in numbers_and_times(reader)] == list(range(20))


def test_time_starts_at_the_first_frame_and_never_runs_backwards(tmp_path):
    # A transport stream starts at an arbitrary time; two of them joined make time stamps jump back.
    path = write_video(tmp_path / "a.ts", STEADY)
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time > 0
    assert numbers_and_times(VideoReader(path, fps=None))[:3] == [(0, 0), (1, 0.1), (2, 0.2)]
    path.write_bytes(2 * path.read_bytes())
    times = [frame.time for frame in VideoReader(path, fps=None)]
    assert len(times) >= 20
    assert times == sorted(set(times))


def test_stride_start_and_end(tmp_path):
    path = write_video(tmp_path / "a.mp4", [100 * i for i in range(24)])
    assert [n for n, _ in numbers_and_times(VideoReader(path, fps=5.0, stride=3))] == [0, 6, 12, 18]
    assert VideoReader(path, fps=5.0, stride=3).estimated_count == 4
    late = VideoReader(path, fps=5.0, start=1.6, end=2.2)
    assert numbers_and_times(late) == [(16, 1.6), (18, 1.8), (20, 2.0)]
    assert not late.truncated
    assert late.estimated_count == 3
    with pytest.raises(InputError, match=r"no frames between 7 s and its end"):
        list(VideoReader(path, start=7.0))


@pytest.mark.parametrize(
    "settings", [{"fps": 0.0}, {"fps": -1.0}, {"stride": 0}, {"start": -1.0}, {"start": 2.0, "end": 1.0}]
)
def test_settings_that_cannot_work_are_refused(tmp_path, settings):
    with pytest.raises(ConfigError, match=r"fps > 0, stride >= 1"):
        VideoReader(write_video(tmp_path / "a.mp4", [0]), **settings)


def test_sound_is_ignored_and_may_be_longer(tmp_path):
    for extension in (".mp4", ".mkv"):
        reader = VideoReader(write_video(tmp_path / f"a{extension}", STEADY, sound_seconds=4), fps=5.0)
        assert len(list(reader)) == 10
        assert not reader.truncated


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_rotation_flags_are_honoured(tmp_path, rotation, turns):
    plain = next(iter(VideoReader(write_video(tmp_path / "a.mp4", [0, 100])))).pixels
    turned = next(iter(VideoReader(write_video(tmp_path / "b.mp4", [0, 100], rotation=rotation)))).pixels
    # The matrix turns counterclockwise by `rotation` degrees.
    np.testing.assert_array_equal(turned, np.rot90(plain, turns))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_display_matrix_takes_pixels_where_it_says(degrees, mirror):
    height, width = 4, 6
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    a, b, c, d = (-cosine if mirror else cosine), (-sine if mirror else sine), -sine, cosine
    matrix = struct.pack("=9i", *(65536 * value for value in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    shown = apply_display_matrix(pixels, matrix)
    # By the definition: a stored pixel (p, q) goes to (a p + c q, b p + d q), shifted to start at 0.
    q, p = np.mgrid[:height, :width]
    across, down = a * p + c * q, b * p + d * q
    expected = np.zeros_like(shown)
    expected[down - down.min(), across - across.min()] = pixels
    np.testing.assert_array_equal(shown, expected)


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert next(iter(VideoReader(path))).pixels.shape == (48, 96, 3)


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".webm", ".avi"])
def test_a_video_cut_in_the_middle_gives_what_can_be_read_and_says_so(tmp_path, caplog, extension):
    options = {"movflags": "+faststart"} if extension == ".mp4" else {}
    whole = write_video(
        tmp_path / f"whole{extension}", [100 * i for i in range(60)], options=options, size=(144, 176), noisy=True
    )
    content = whole.read_bytes()
    cut = tmp_path / f"cut{extension}"
    # An AVI of millisecond stamps has an index as large as its pictures at the end.
    cut.write_bytes(content[: int(len(content) * (0.3 if extension == ".avi" else 0.6))])
    reader = VideoReader(cut, fps=10.0)
    frames = [frame_number(frame.pixels) for frame in reader]
    assert 5 < len(frames) < 60
    assert frames[:24] == list(range(len(frames)))[:24]
    assert reader.truncated
    assert len(caplog.records) == 1
    assert f"cut{extension} is cut off" in caplog.text
    assert reader.problem in caplog.text


def test_damage_in_the_middle_costs_only_a_part(tmp_path):
    whole = write_video(tmp_path / "a.avi", [100 * i for i in range(60)], size=(144, 176), noisy=True)
    content = bytearray(whole.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    whole.write_bytes(content)
    reader = VideoReader(whole, fps=10.0)
    assert len(list(reader)) > 40


def test_an_mp4_without_its_index_is_refused_with_the_reason(tmp_path):
    content = write_video(tmp_path / "a.mp4", STEADY).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"cut\.mp4 is not a video that can be opened .*cut off before its index"):
        VideoReader(tmp_path / "cut.mp4")


def test_what_is_no_video_is_refused_by_name(tmp_path):
    (tmp_path / "text.mp4").write_text("hello " * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    write_png(tmp_path / "image.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "image.png").rename(tmp_path / "image.mp4")
    for name in ("text.mp4", "empty.mp4", "folder.mp4", "image.mp4", "absent.mp4"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
            VideoReader(tmp_path / name)
        assert len(str(caught.value).splitlines()) == 1
        assert not is_video(tmp_path / name)


def test_a_reader_can_be_left_early_and_read_again(tmp_path):
    reader = VideoReader(write_video(tmp_path / "a.mp4", STEADY))
    for frame in reader:
        assert frame_number(frame.pixels) == 0
        break
    assert len(list(reader)) == 10


def test_a_video_without_one_whole_frame_is_refused(tmp_path):
    whole = write_video(tmp_path / "a.mp4", STEADY, options={"movflags": "+faststart"}, noisy=True)
    content = whole.read_bytes()
    whole.write_bytes(content[: content.index(b"mdat") + 8])
    with pytest.raises(InputError, match=r"a\.mp4: no frame can be decoded"):
        list(VideoReader(whole))


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux([*stream.encode(silence), *stream.encode(None)])
    with pytest.raises(InputError, match=r"song\.mp4 holds no video"):
        VideoReader(path)
