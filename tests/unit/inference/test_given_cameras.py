import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mda.errors import ConfigError, InputError, OutputError
from mda.geometry import Cameras, encode_cameras, project
from mda.inference import Predictor
from mda.inference.given_cameras import GivenCameras
from mda.inference.given_scale import centers_agree, distance_ratio
from mda.inference.runs import RunSettings, predict_to_run
from mda.io.archive import RunWriter, load_run
from mda.io.camera_files import KnownCamera, KnownCameras, read_cameras
from mda.io.clips import ClipView, list_inputs
from mda.io.resize import CropBox, ResizedView
from mda.models.da3 import normalise_cameras
from mda.models.presets import PRESETS
from tests.unit.inference.pretend import clip_views, pictures, pretend_predictor, true_depth
from tests.unit.inference.slope import seen_slope
from tests.unit.io.camera_files import names_of, some_cameras, write_colmap_text, write_transforms
from tests.unit.io.videos import write_video
from tests.unit.models.networks import any_view_network, mixture_network

SCALE = 2.5


def cameras_that_agree(images, scale=SCALE) -> Cameras:
    """Where `PretendNetwork` says the pictures were taken from, in another world that is `scale` times as large."""
    hw = images[0].shape[:2]
    cameras = some_cameras(1, hw=hw)
    pose = cameras.world_from_cam.repeat(len(images), 1, 1)
    for number, pixels in enumerate(images):
        pose[number, :3, 3] += scale * float(pixels[0, 0, 0]) / 255 * pose[number, :3, 0]
    return replace(cameras, world_from_cam=pose, intrinsics=cameras.intrinsics.repeat(len(images), 1, 1))


def tiny_predictor(network, preset="da3-small", **changes) -> Predictor:
    preset = replace(PRESETS[preset], long_side=42, patch=14, **changes)
    return Predictor(network=network, preset=preset, device=torch.device("cpu"))


def spread_cameras(count=4, scale=1.0, hw=(28, 42)) -> Cameras:
    return some_cameras(count, hw=hw).scaled(scale)


def listening(network) -> list[Cameras]:
    """What the network is told of cameras, from now on."""
    heard = []
    network.camera_encoder.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    return heard


# What the result is


def test_poses_are_the_given_ones_and_depth_has_their_scale():
    images = pictures(4)
    given = cameras_that_agree(images)
    prediction = pretend_predictor().predict(images, decoder="heaviest", cameras=given)
    torch.testing.assert_close(prediction.cameras.world_from_cam, given.world_from_cam.float())
    torch.testing.assert_close(prediction.cameras.intrinsics, given.intrinsics.float())
    np.testing.assert_allclose(prediction.depth, SCALE * true_depth(np.stack(images)), rtol=1e-4)
    torch.testing.assert_close(prediction.mixture.decode("heaviest"), prediction.depth)
    about = prediction.details["cameras"]
    assert about["scale"] == "that of the given cameras"
    assert about["windows"][0]["factor"] == pytest.approx(SCALE, rel=1e-4)
    assert not about["told_to_model"]


@pytest.mark.parametrize("factor", [2.0, 1e-3, 1e4])
def test_a_world_twice_as_large_has_twice_the_depth(factor):
    images = pictures(4)
    given = cameras_that_agree(images)
    depth = pretend_predictor().predict(images, decoder="heaviest", cameras=given).depth
    larger = pretend_predictor().predict(images, decoder="heaviest", cameras=given.scaled(factor)).depth
    torch.testing.assert_close(larger, factor * depth, rtol=1e-4, atol=0)


def test_every_window_is_tied_to_the_given_cameras():
    images = pictures(9)
    given = cameras_that_agree(images)
    predictor = pretend_predictor(scales=(1.0, 0.2, 6.0))
    prediction = predictor.predict(images, decoder="heaviest", max_views=4, cameras=given)
    assert predictor.network.calls == [4, 4, 3]
    torch.testing.assert_close(prediction.cameras.world_from_cam, given.world_from_cam.float())
    np.testing.assert_allclose(prediction.depth, SCALE * true_depth(np.stack(images)), rtol=1e-3)
    assert [window["first_view"] for window in prediction.details["cameras"]["windows"]] == [0, 4, 7]


def test_a_window_in_which_nothing_moves_takes_the_scale_of_the_shared_view():
    images = pictures(6)
    for number in range(4, 6):
        images[number][0, 0] = images[3][0, 0]
    predictor = pretend_predictor(scales=(1.0, 0.2))
    prediction = predictor.predict(images, decoder="heaviest", max_views=4, cameras=cameras_that_agree(images))
    np.testing.assert_allclose(prediction.depth, SCALE * true_depth(np.stack(images)), rtol=1e-3)
    assert "shared" in prediction.details["cameras"]["windows"][1]["from"]


@pytest.mark.parametrize("images", [pictures(1), [pictures(1)[0]] * 3], ids=["one view", "no baseline"])
def test_without_a_baseline_the_scale_is_the_models_own_and_this_is_said(images, caplog):
    given = cameras_that_agree(images)
    prediction = pretend_predictor().predict(images, decoder="heaviest", cameras=given)
    np.testing.assert_allclose(prediction.depth, true_depth(np.stack(images)), rtol=1e-4)
    torch.testing.assert_close(prediction.cameras.world_from_cam, given.world_from_cam.float())
    assert prediction.details["cameras"]["scale"].startswith("the model's own")
    assert caplog.text.count("not have the scale of the given cameras") == 1


def test_networks_without_cameras_keep_their_scale(caplog):
    images = pictures(3)
    prediction = pretend_predictor(cameras=False).predict(
        images, decoder="heaviest", cameras=cameras_that_agree(images)
    )
    assert prediction.details["cameras"]["scale"].startswith("the model's own")
    assert "is assumed" not in caplog.text


def test_models_that_cannot_be_told_say_so_in_one_line(caplog):
    caplog.set_level(logging.INFO, "mda")
    images = pictures(7)
    pretend_predictor().predict(images, max_views=3, cameras=cameras_that_agree(images))
    lines = [record.getMessage() for record in caplog.records if "cannot be told" in record.getMessage()]
    assert len(lines) == 1
    assert "mda_mini" in lines[0]


# The factor


def test_the_factor_is_exact_whatever_the_world():
    cameras = some_cameras(6)
    moved = cameras.relative_to_first().scaled(0.125)
    assert distance_ratio(cameras, moved) == pytest.approx(8)
    assert distance_ratio(moved, cameras) == pytest.approx(1 / 8)


def test_a_wrong_camera_does_not_spoil_the_factor():
    cameras = some_cameras(8)
    wrong = cameras.scaled(0.5)
    wrong.world_from_cam[3, :3, 3] = 100.0
    assert distance_ratio(cameras, wrong) == pytest.approx(2)


def test_long_baselines_have_more_say():
    cameras = replace(some_cameras(4), world_from_cam=torch.eye(4, dtype=torch.float64).repeat(4, 1, 1))
    cameras.world_from_cam[:, 0, 3] = torch.tensor([0.0, 0.1, 0.2, 10.0])
    other = cameras.scaled(0.5)
    other.world_from_cam[:3, 0, 3] = torch.tensor([0.0, 0.4, -0.3])
    # Of six pairs the three short ones are all wrong, the three long ones nearly right.
    assert distance_ratio(cameras, other) == pytest.approx(2, rel=0.1)
    assert distance_ratio(cameras[torch.tensor([3, 0, 1, 2])], other[torch.tensor([3, 0, 1, 2])]) == pytest.approx(
        2, rel=0.1
    )


@pytest.mark.parametrize("count", [1, 3])
def test_cameras_at_one_point_tell_no_factor(count):
    point = some_cameras(1).world_from_cam.repeat(count, 1, 1)
    here = replace(some_cameras(count), world_from_cam=point)
    assert distance_ratio(here, some_cameras(count)) is None
    assert distance_ratio(some_cameras(count), here) is None


def test_centres_count_only_where_they_can_be_right():
    cameras, depth = some_cameras(6), torch.full((9,), 4.0)
    assert centers_agree(cameras, cameras.relative_to_first().scaled(0.3), depth)
    # Less than a pixel of parallax; turned around; anywhere.
    assert not centers_agree(cameras, cameras.scaled(1e-4), depth)
    assert not centers_agree(cameras, cameras.scaled(-1.0), depth)
    elsewhere = replace(cameras, world_from_cam=some_cameras(6, seed=3).world_from_cam)
    assert not centers_agree(cameras, elsewhere, depth)
    one_wrong = some_cameras(8).scaled(1.0)
    one_wrong.world_from_cam[3, :3, 3] = 100.0
    assert centers_agree(some_cameras(8), one_wrong, depth)


@pytest.mark.parametrize("factor", [-1.0, 1e-5])
def test_a_model_whose_cameras_disagree_keeps_its_scale_and_says_so(factor, caplog):
    images = pictures(4)
    given = cameras_that_agree(images, scale=factor)
    predictor = pretend_predictor()
    if factor > 0:
        given, forward = given.scaled(1e5), predictor.network.forward

        def hardly_moving(images):
            output = forward(images)
            return replace(output, cameras=output.cameras.relative_to_first().scaled(1e-5))

        predictor.network.forward = lambda images, _: hardly_moving(images)
    prediction = predictor.predict(images, decoder="heaviest", cameras=given)
    np.testing.assert_allclose(prediction.depth, true_depth(np.stack(images)), rtol=1e-4)
    torch.testing.assert_close(prediction.cameras.world_from_cam, given.world_from_cam.float())
    assert "neither the cameras" in caplog.text
    assert "neither the cameras" in prediction.details["cameras"]["scale"]


def test_pictures_tell_the_scale_of_models_that_find_no_cameras():
    images, _, cameras = seen_slope()
    prediction = pretend_predictor(cameras=False, sky=False).predict(list(images.numpy()), cameras=cameras)
    about = prediction.details["cameras"]
    assert about["scale"] == "that of the given cameras"
    assert "pictures" in about["windows"][0]["from"]
    torch.testing.assert_close(prediction.cameras.world_from_cam, cameras.world_from_cam.float())


# Networks that are told


@pytest.mark.parametrize("rescale", [True, False])
def test_the_network_is_told_the_cameras(rescale):
    network = mixture_network()
    heard = listening(network)
    given = spread_cameras()
    predictor = tiny_predictor(network, rescales_cameras=rescale)
    prediction = predictor.predict(pictures(4, hw=(28, 42)), cameras=given)
    (told,) = heard
    expected = normalise_cameras(given, rescale=rescale)
    torch.testing.assert_close(told.world_from_cam, expected.world_from_cam.float()[None])
    torch.testing.assert_close(told.intrinsics, expected.intrinsics.float()[None])
    assert told.image_hw == (28, 42)
    assert prediction.details["cameras"]["told_to_model"]
    torch.testing.assert_close(prediction.cameras.world_from_cam, given.world_from_cam.float())
    unaware = predictor.predict(pictures(4, hw=(28, 42)))
    assert len(heard) == 1
    ratio = prediction.depth / unaware.depth
    assert (ratio / ratio.median() - 1).abs().max() > 0.01


def test_what_a_told_network_says_is_scaled_and_nothing_else():
    network, images, given = any_view_network(), pictures(4, hw=(28, 42)), spread_cameras()
    seen = []
    network.register_forward_hook(lambda _, __, output: seen.append(output))
    prediction = tiny_predictor(network).predict(images, cameras=given)
    # The cameras that random weights predict tell nothing; the unit of those that were told is known exactly.
    distance = given.relative_to_first().centers.norm(dim=-1).median()
    (window,) = prediction.details["cameras"]["windows"]
    assert "told" in window["from"]
    assert window["factor"] == pytest.approx(float(distance), rel=1e-9)
    depth = seen[0].mixture[0].hypotheses[..., 0]
    torch.testing.assert_close(prediction.depth, depth * window["factor"], rtol=1e-5, atol=0)


def test_a_told_network_that_answers_in_its_own_unit_is_followed():
    network, given = any_view_network(), spread_cameras()
    told = normalise_cameras(given, rescale=True)
    answer = encode_cameras(told.scaled(0.5).to(torch.float32))[None]
    network.camera_decoder.register_forward_hook(lambda *_: answer)
    about = tiny_predictor(network).predict(pictures(4, hw=(28, 42)), cameras=given).details["cameras"]
    distance = given.relative_to_first().centers.norm(dim=-1).median()
    assert "centres" in about["windows"][0]["from"]
    assert about["windows"][0]["factor"] == pytest.approx(2 * float(distance), rel=1e-4)


@pytest.mark.parametrize("network", [any_view_network(), mixture_network()], ids=["plain", "mixture"])
def test_a_told_network_obeys_the_law_of_scale(network):
    # The heaviest component: its centre is scaled exactly, a mode of a density in log space only to first order.
    images, predictor = pictures(4, hw=(28, 42)), tiny_predictor(network)
    depth = predictor.predict(images, cameras=spread_cameras(), decoder="heaviest").depth
    larger = predictor.predict(images, cameras=spread_cameras(scale=2.0), decoder="heaviest").depth
    torch.testing.assert_close(larger, 2 * depth, rtol=1e-4, atol=1e-5)


def test_the_unit_of_told_cameras_is_undone_where_the_network_moves_none():
    network, given = any_view_network(), spread_cameras()
    with torch.no_grad():
        network.camera_decoder.translation.weight.zero_()
        network.camera_decoder.translation.bias.zero_()
    about = tiny_predictor(network).predict(pictures(4, hw=(28, 42)), cameras=given).details["cameras"]
    distance = given.relative_to_first().centers.norm(dim=-1).median()
    assert about["windows"][0]["factor"] == pytest.approx(float(distance), rel=1e-6)
    assert "told" in about["windows"][0]["from"]


def test_later_windows_are_told_with_the_view_they_share():
    network, given = any_view_network(), spread_cameras(5)
    heard = listening(network)
    prediction = tiny_predictor(network).predict(pictures(5, hw=(28, 42)), max_views=3, cameras=given)
    expected = normalise_cameras(given[torch.tensor([2, 3, 4])], rescale=True)
    torch.testing.assert_close(heard[1].world_from_cam, expected.world_from_cam.float()[None])
    torch.testing.assert_close(prediction.cameras.world_from_cam, given.world_from_cam.float())


# Which camera belongs to which view, and what of it the view shows


def view(name, *, source_hw=(24, 32), crop=None, image_hw=(24, 32), time=None) -> ClipView:
    box = CropBox(top=0, left=0, height=source_hw[0], width=source_hw[1]) if crop is None else crop
    return ClipView(
        name=name,
        view=ResizedView(pixels=np.zeros((*image_hw, 3), np.uint8), source_hw=source_hw, crop=box),
        time=time,
    )


def given_by(names, *, hw=(24, 32), times=None) -> GivenCameras:
    cameras = some_cameras(len(names), hw=hw)
    times = times or [None] * len(names)
    known = [KnownCamera(name=name, camera=cameras[i], time=times[i]) for i, name in enumerate(names)]
    return GivenCameras(known=KnownCameras(source="model", cameras=tuple(known)))


def chosen(given, views) -> list[int]:
    poses = torch.stack([known.camera.world_from_cam for known in given.known.cameras])
    found = given.for_views(views).world_from_cam
    return [int((poses - pose).abs().sum((1, 2)).argmin()) for pose in found]


@pytest.mark.parametrize(
    ("names", "views", "expected"),
    [
        (["a.png", "b.png", "c.png"], ["c.png", "a.png"], [2, 0]),
        (["left/a.png", "left/b.png"], ["b.png", "a.png"], [1, 0]),
        (["train/r_0", "train/r_1"], ["r_1.png", "r_0.png"], [1, 0]),
        (["a.jpg", "b.jpg"], ["b.png"], [1]),
        (["x/a.png", "a.png", "a.jpg"], ["a.png"], [1]),
    ],
)
def test_cameras_are_found_by_name(names, views, expected):
    assert chosen(given_by(names), [view(name) for name in views]) == expected


def test_cameras_of_frames_are_found_by_name_or_time():
    given = given_by(["walk.mp4@0.000s", "walk.mp4@0.200s", "walk.mp4@0.400s"], times=[0.0, 0.2000001, 0.4])
    assert chosen(given, [view("walk.mp4@0.400s", time=0.4), view("walk.mp4@0.000s", time=0.0)]) == [2, 0]
    assert chosen(given, [view("renamed.mov@0.200s", time=0.2)]) == [1]
    with pytest.raises(ConfigError, match=r"1 of 1 views.*0\.300s"):
        given.for_views([view("walk.mp4@0.300s", time=0.3)])


def test_views_without_a_camera_are_counted_and_named():
    given = given_by(["a.png", "b.png"])
    views = [view(name) for name in ("a.png", "p.png", "q.png", "r.png", "s.png")]
    with pytest.raises(ConfigError, match=r"4 of 5 views.*model: p\.png, q\.png, r\.png, \.\.\.\..*2 cameras: a\.png"):
        given.for_views(views)


def test_a_name_of_several_cameras_is_refused():
    with pytest.raises(ConfigError, match=r"a\.png may be any of 2.*left/a\.png, right/a\.png"):
        given_by(["left/a.png", "right/a.png"]).for_views([view("a.png")])


@pytest.mark.parametrize("names", [["a.png", "a.png"], ["a.png", "a.jpg"]])
def test_two_views_with_one_camera_are_refused(names):
    with pytest.raises(ConfigError, match=r"one and the same camera.*a\.png"):
        given_by(["a.webp", "b.png"]).for_views([view(name) for name in names])


def test_intrinsics_follow_crop_and_resize():
    given = given_by(["a.png"], hw=(480, 640))
    crop = CropBox(top=40, left=10, height=400, width=600)
    shown = given.for_views([view("a.png", source_hw=(480, 640), crop=crop, image_hw=(28, 42))])
    original = given.known.cameras[0].camera
    assert shown.image_hw == (28, 42)
    points = torch.randn(5, 3, dtype=torch.float64) + torch.tensor([0.0, 0, 9])
    world = points @ original.world_from_cam[:3, :3].T + original.centers
    before, depth = project(world, original)
    after, same_depth = project(world[None], shown)
    expected = (before - before.new_tensor([10, 40])) * before.new_tensor([42 / 600, 28 / 400])
    torch.testing.assert_close(after[0], expected)
    torch.testing.assert_close(same_depth[0], depth)


def test_cameras_of_smaller_pictures_of_the_same_shape_are_taken():
    large, small = given_by(["a.png"], hw=(480, 640)), given_by(["a.png"], hw=(480, 640))
    camera = small.known.cameras[0].camera.resized((120, 160))
    small = GivenCameras(known=KnownCameras(source="x", cameras=(KnownCamera(name="a.png", camera=camera),)))
    of_view = view("a.png", source_hw=(480, 640), image_hw=(28, 42))
    torch.testing.assert_close(small.for_views([of_view]).intrinsics, large.for_views([of_view]).intrinsics)


def test_cameras_of_pictures_of_another_shape_are_refused():
    with pytest.raises(ConfigError, match=r"a\.png in model is for pictures of 640 x 480.*480 x 640 \(upright\)"):
        given_by(["a.png"], hw=(480, 640)).for_views([view("a.png", source_hw=(640, 480))])


def test_a_prediction_can_be_given_its_own_cameras():
    images = pictures(3, hw=(60, 90))
    first = pretend_predictor().predict(images)
    again = pretend_predictor().predict(images, cameras=first.cameras)
    torch.testing.assert_close(again.cameras.world_from_cam, first.cameras.world_from_cam)
    torch.testing.assert_close(again.cameras.intrinsics, first.cameras.intrinsics)
    torch.testing.assert_close(again.depth, first.depth, rtol=1e-4, atol=1e-4)


def test_cameras_may_be_a_mapping_or_a_file(tmp_path):
    images = pictures(3)
    for number, pixels in enumerate(images):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    cameras = cameras_that_agree(images)
    path = write_transforms(tmp_path / "cameras.json", cameras, names_of(3))
    expected = pretend_predictor().predict(images, cameras=cameras)
    by_name = {f"{number}.png": cameras[number] for number in (2, 0, 1)}
    files = [tmp_path / name for name in names_of(3)]
    for given in (by_name, path, str(path), read_cameras(path)):
        found = pretend_predictor().predict(files, cameras=given)
        torch.testing.assert_close(found.cameras.world_from_cam, expected.cameras.world_from_cam)
        torch.testing.assert_close(found.depth, expected.depth)


@pytest.mark.parametrize("count", [2, 4])
def test_cameras_in_order_must_be_one_for_each_view(count):
    predictor = pretend_predictor()
    with pytest.raises(ConfigError, match=rf"{count} cameras were given for 3 views"):
        predictor.predict(pictures(3), cameras=some_cameras(count, hw=(24, 32)))
    assert predictor.network.calls == []


def test_all_views_have_a_camera_before_any_is_looked_at():
    predictor, cameras = pretend_predictor(), some_cameras(5, hw=(24, 32))
    by_name = {f"image_{number}": cameras[number] for number in range(4)}
    with pytest.raises(ConfigError, match=r"1 of 5 views have no camera.*image_4"):
        predictor.predict(pictures(5), max_views=2, cameras=by_name)
    assert predictor.network.calls == []


@pytest.mark.parametrize(
    ("cameras", "words"),
    [
        (some_cameras(1)[0], "one batch axis"),
        ({"a": some_cameras(2)}, "batch of shape"),
        ({}, "no camera"),
    ],
)
def test_cameras_of_other_shapes_are_refused(cameras, words):
    with pytest.raises(ConfigError, match=words):
        pretend_predictor().predict(pictures(1), cameras=cameras)


def test_streams_run_out_of_cameras_in_order():
    given = GivenCameras.of(cameras_that_agree(pictures(2)))
    with pytest.raises(ConfigError, match="2 cameras were given for 4"):
        list(pretend_predictor().stream(clip_views(pictures(4)), cameras=given))


# Runs


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, pixels in enumerate(pictures(7)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return list_inputs([folder]).clips[0]


@pytest.fixture
def known(tmp_path):
    return read_cameras(write_colmap_text(tmp_path / "model", cameras_that_agree(pictures(7)), names_of(7)))


def settings(**changes):
    return RunSettings(**{"decoder": "heaviest", "max_views": 3, **changes})


def test_a_run_has_the_given_cameras_and_says_so(clip, known, tmp_path):
    predict_to_run(pretend_predictor(scales=(1.0, 0.2, 6.0)), clip, tmp_path / "run", settings(cameras=known))
    run = load_run(tmp_path / "run")
    for number, pixels in enumerate(pictures(7)):
        np.testing.assert_allclose(run.depth(number), SCALE * true_depth(pixels), rtol=2e-3)
        np.testing.assert_allclose(run.camera(number)[0], known.cameras[number].camera.world_from_cam, atol=1e-5)
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    assert described["details"]["cameras"]["scale"] == "that of the given cameras"
    assert described["settings"]["cameras"] == known.fingerprint()
    # A run is a camera file itself.
    again = read_cameras(tmp_path / "run")
    for found, expected in zip(again.cameras, known.cameras, strict=True):
        torch.testing.assert_close(found.camera.intrinsics, expected.camera.intrinsics, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("stop_at", [0, 1, 4])
def test_an_interrupted_run_with_cameras_ends_the_same(clip, known, tmp_path, monkeypatch, stop_at):
    scales = (1.0, 0.2, 6.0)
    predict_to_run(pretend_predictor(scales=scales), clip, tmp_path / "whole", settings(cameras=known))
    write_view = RunWriter.write_view

    def stopping(self, index, *arguments, **options):
        if index == stop_at:
            raise KeyboardInterrupt
        write_view(self, index, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "write_view", stopping)
        with pytest.raises(KeyboardInterrupt):
            predict_to_run(pretend_predictor(scales=scales), clip, tmp_path / "part", settings(cameras=known))
    left = scales[{0: 0, 1: 0, 4: 1}[stop_at] :]
    predict_to_run(pretend_predictor(scales=left), clip, tmp_path / "part", settings(cameras=known))
    for part in ("depth", "camera"):
        for file in sorted((tmp_path / "whole" / part).iterdir()):
            assert (tmp_path / "part" / part / file.name).read_bytes() == file.read_bytes()


def test_a_run_of_other_cameras_is_left_alone(clip, known, tmp_path):
    first = known.cameras[0]
    moved = replace(known, cameras=(replace(first, camera=first.camera.scaled(1.01)), *known.cameras[1:]))
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=known))
    for other in (moved, None):
        with pytest.raises(OutputError, match="changed cameras"):
            predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=other))
    report = predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=known))
    assert report.kept == 7


def test_runs_without_cameras_do_not_speak_of_them(clip, tmp_path):
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings())
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    assert "cameras" not in described["settings"] | described["details"]


def test_a_missing_camera_stops_a_run_before_anything_is_written(clip, known, tmp_path):
    less = replace(known, cameras=known.cameras[:5])
    with pytest.raises(ConfigError, match=r"2 of 7 views have no camera.*5\.png, 6\.png"):
        predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=less))
    assert not (tmp_path / "run").exists()
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=less, stride=4, max_views=2))


def test_an_image_that_cannot_be_read_needs_no_camera(clip, known, tmp_path):
    clip.images[3].write_bytes(b"no image")
    less = replace(known, cameras=known.cameras[:3] + known.cameras[4:])
    report = predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=less))
    assert (report.views, len(report.skipped)) == (6, 1)


def test_run_json_tells_the_intrinsics_of_the_original(tmp_path):
    images = [*pictures(1, hw=(48, 64)), *pictures(1, hw=(64, 64), seed=1)]
    for number, pixels in enumerate(images):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    clip = list_inputs([tmp_path / "0.png", tmp_path / "1.png"]).clips[0]
    hw = [(48, 64), (64, 64)]
    cameras = [KnownCamera(name=f"{i}.png", camera=some_cameras(2, hw=hw[i])[i]) for i in range(2)]
    given = KnownCameras(source="x", cameras=tuple(cameras))
    predict_to_run(pretend_predictor(), clip, tmp_path / "run", settings(cameras=given))
    described = json.loads((tmp_path / "run" / "run.json").read_text())["views"]
    run = load_run(tmp_path / "run")
    for number, told in enumerate(described):
        assert told["source_hw"] == list(hw[number])
        np.testing.assert_allclose(told["source_intrinsics"], cameras[number].camera.intrinsics, rtol=1e-5)
        np.testing.assert_allclose(told["intrinsics"], run.camera(number)[1], rtol=1e-6)
    assert described[1]["crop"] == [8, 0, 48, 64]


def test_a_saved_prediction_tells_its_sources(tmp_path):
    images = [*pictures(1, hw=(48, 64)), *pictures(1, hw=(64, 64), seed=1)]
    prediction = pretend_predictor().predict(images)
    run = load_run(prediction.save(tmp_path / "run"))
    assert run.info.views[1].source_hw == (64, 64)
    assert run.info.views[1].crop == (8, 0, 48, 64)
    told = prediction.details["sources"][1]["source_intrinsics"]
    np.testing.assert_allclose(run.info.views[1].source_intrinsics, told, atol=1e-4)
    again = load_run(run.prediction().save(tmp_path / "again"))
    assert again.info.views == run.info.views


def test_an_unreadable_camera_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        pretend_predictor().predict(pictures(1), cameras=tmp_path / "nowhere")


def test_frames_of_a_video_take_the_cameras_of_an_earlier_run(tmp_path):
    video = write_video(tmp_path / "walk.mp4", range(0, 2000, 200))
    first = list_inputs([video]).clips[0]
    predict_to_run(pretend_predictor(), first, tmp_path / "first", settings(fps=5.0, size=64))
    known, renamed = read_cameras(tmp_path / "first"), tmp_path / "renamed.mp4"
    assert all(camera.time is not None for camera in known.cameras)
    video.rename(renamed)
    again = list_inputs([renamed]).clips[0]
    report = predict_to_run(pretend_predictor(), again, tmp_path / "again", settings(stride=3, cameras=known))
    assert report.views == 4
    for position, number in enumerate((0, 3, 6, 9)):
        pose = known.cameras[number].camera.world_from_cam
        np.testing.assert_allclose(load_run(tmp_path / "again").camera(position)[0], pose, atol=1e-5)
    less = replace(known, cameras=known.cameras[:6])
    with pytest.raises(ConfigError, match=r"2 of 3 views have no camera.*@1\.200s"):
        predict_to_run(pretend_predictor(), again, tmp_path / "less", settings(stride=2, max_views=3, cameras=less))
