"""What a person names becomes clips; what cannot be read costs itself only."""

import logging

import numpy as np
import pytest

from mda.errors import InputError
from mda.io.clips import count_views, list_inputs, read_clip
from mda.io.images import write_jpeg, write_png
from tests.unit.io.videos import frame_number, write_video


def image(path, height=30, width=40, grey=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.full((height, width, 3), grey, np.uint8))
    return path


def test_a_folder_is_one_clip_in_natural_order(tmp_path):
    for number in (10, 9, 100):
        image(tmp_path / "my photos" / f"{number}.png")
    (clip,) = list_inputs([tmp_path / "my photos"]).clips
    assert clip.name == "my photos"
    assert [path.name for path in clip.images] == ["9.png", "10.png", "100.png"]
    assert not clip.is_video


def test_images_named_one_by_one_are_one_clip_in_the_order_given(tmp_path):
    paths = [image(tmp_path / name) for name in ("b.png", "a.png")]
    (clip,) = list_inputs(paths).clips
    assert clip.images == tuple(paths)
    assert clip.name == "b_and_1_more"
    (single,) = list_inputs([str(paths[1])]).clips
    assert (single.name, single.images) == ("a", (paths[1],))


def test_each_video_is_one_clip_and_order_is_kept(tmp_path):
    video = write_video(tmp_path / "walk.mp4", [0, 100])
    (tmp_path / "nameless").write_bytes(video.read_bytes())
    gif = write_video(tmp_path / "moving.gif", [0, 100])
    folder = image(tmp_path / "photos" / "a.png").parent
    clips = list_inputs([video, image(tmp_path / "x.png"), folder, gif, tmp_path / "nameless"]).clips
    assert [(clip.name, clip.is_video) for clip in clips] == [
        ("walk", True),
        ("x", False),
        ("photos", False),
        ("moving", True),
        ("nameless", True),
    ]


def test_a_folder_of_videos_gives_one_clip_each(tmp_path):
    write_video(tmp_path / "b2.mp4", [0])
    write_video(tmp_path / "b10.mov", [0])
    assert [clip.name for clip in list_inputs([tmp_path]).clips] == ["b2", "b10"]


def test_of_a_mixed_folder_the_images_are_taken_with_a_word(tmp_path, caplog):
    image(tmp_path / "a.png")
    write_video(tmp_path / "walk.mp4", [0])
    with caplog.at_level(logging.WARNING):
        (clip,) = list_inputs([tmp_path]).clips
    assert [path.name for path in clip.images] == ["a.png"]
    assert "Name the videos (walk.mp4)" in caplog.text


def test_one_bad_input_costs_itself_only(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    good = image(tmp_path / "a.png")
    found = list_inputs([tmp_path / "absent", tmp_path / "notes.txt", good, tmp_path / "empty"])
    assert [clip.source for clip in found.clips] == [good]
    assert len(found.problems) == 3
    for problem, name in zip(found.problems, ("absent", "notes.txt", "empty"), strict=True):
        assert name in problem


def test_where_nothing_can_be_used_each_input_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"absent.*\n.*empty"):
        list_inputs([tmp_path / "absent", tmp_path / "empty"])
    with pytest.raises(InputError, match="No input given"):
        list_inputs([])
    with pytest.raises(InputError, match="leave out quotes"):
        list_inputs([tmp_path / "*.jpg"])


def test_equal_names_are_told_apart(tmp_path):
    paths = [image(tmp_path / day / "images" / "a.png").parent for day in ("monday", "tuesday")]
    names = [clip.name for clip in list_inputs([*paths, paths[0]]).clips]
    assert names == ["monday_images", "tuesday_images", "monday_images_2"]


def test_views_have_one_size_and_bad_images_are_left_out_and_told(tmp_path, caplog):
    image(tmp_path / "1.png", 300, 400, grey=10)
    write_jpeg(tmp_path / "2.jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = (tmp_path / "2.jpg").read_bytes()
    (tmp_path / "2.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "3.png").write_text("no image")
    image(tmp_path / "4.png", 600, 400, grey=40)
    problems = []
    with caplog.at_level(logging.WARNING):
        views = list(read_clip(list_inputs([tmp_path]).clips[0], size=112, patch=14, problems=problems))
    assert [view.name for view in views] == ["1.png", "4.png"]
    assert [view.view.pixels.shape for view in views] == [(84, 112, 3)] * 2
    assert [view.view.source_hw for view in views] == [(300, 400), (600, 400)]
    assert [int(view.view.pixels.mean()) for view in views] == [10, 40]
    assert len(problems) == 2
    assert "2.jpg" in caplog.text
    assert "3.png" in caplog.text


def test_a_clip_without_one_readable_image_is_refused(tmp_path):
    (tmp_path / "3.png").write_text("no image")
    with pytest.raises(InputError, match=r"Not one image of .*\n.*3\.png"):
        list(read_clip(list_inputs([tmp_path]).clips[0], size=112, patch=14))


def test_views_of_a_video_are_named_by_time(tmp_path):
    (clip,) = list_inputs([write_video(tmp_path / "walk.mp4", [100 * i for i in range(10)], size=(96, 128))]).clips
    views = list(read_clip(clip, size=112, patch=14, stride=2))
    assert [(view.name, view.time) for view in views] == [
        ("walk.mp4@0.000s", 0.0),
        ("walk.mp4@0.400s", pytest.approx(0.4)),
        ("walk.mp4@0.800s", pytest.approx(0.8)),
    ]
    assert [frame_number(view.view.pixels) for view in views] == [0, 4, 8]
    assert count_views(clip, stride=2) == 3


def test_stride_thins_images(tmp_path):
    for number in range(7):
        image(tmp_path / f"{number}.png")
    (clip,) = list_inputs([tmp_path]).clips
    assert [view.name for view in read_clip(clip, size=28, patch=14, stride=3)] == ["0.png", "3.png", "6.png"]
    assert count_views(clip, stride=3) == 3


def test_a_cut_video_is_told_after_its_views(tmp_path):
    whole = write_video(tmp_path / "a.mkv", [100 * i for i in range(60)], size=(144, 176), noisy=True)
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    problems = []
    assert len(list(read_clip(list_inputs([whole]).clips[0], size=28, patch=14, problems=problems))) > 3
    assert len(problems) == 1
    assert "a.mkv is cut off" in problems[0]


def test_a_1x1_image_makes_a_view(tmp_path):
    path = image(tmp_path / "dot.png", 1, 1, grey=77)
    (view,) = read_clip(list_inputs([path]).clips[0], size=56, patch=14)
    assert view.view.pixels.shape == (56, 56, 3)
    assert (view.view.pixels == 77).all()
