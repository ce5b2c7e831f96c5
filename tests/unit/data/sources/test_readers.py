"""Every reader in every layout: a tiny data set is written with its authors' conventions and read back."""

import itertools
import json
import pickle
import shutil

import numpy as np
import pytest
import torch

from mda.data.batches import collate
from mda.data.check import check_source, depth_agreement
from mda.data.clips import ClipSource, held_out_scenes
from mda.data.contract import open_source
from mda.data.packed import PackedLayout, pack_source
from mda.data.sheet import draw_sheet
from mda.data.sources import SOURCES
from mda.errors import InputError
from tests.unit.data import layouts
from tests.unit.data.layouts import WRITERS

CASES = sorted(WRITERS)
WITH_CAMERAS = [case for case in CASES if SOURCES[case[0]].cameras_known]
DAMAGES = [(case, what) for case in CASES for what in ("image", "depth", "camera")[: 3 if case in WITH_CAMERAS else 2]]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Data sets by source and layout, written once."""
    made = {}

    def get(case):
        if case not in made:
            root = tmp_path_factory.mktemp("_".join(case))
            made[case] = root, WRITERS[case](root)
        return made[case]

    return get


def opened(root, case):
    return open_source(SOURCES[case[0]], root)


def copied(original, tmp_path, path):
    """A copy of a data set that may be harmed, and one of its files."""
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy", tmp_path / "copy" / path.relative_to(original)


def test_every_layout_of_every_source_has_a_case():
    assert set(WRITERS) == {(info.name, layout.name) for info in SOURCES.values() for layout in info.layouts}


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_what_was_written_is_read_back(written, case):
    root, truth = written(case)
    source = opened(root, case)
    assert source.layout.name == case[1]
    assert [scene.name for scene in source.scenes] == truth.scenes
    assert not source.missing
    scene = source.scenes[0]
    assert len(scene.frames) == len(truth.frames)
    for number, (frame, expected) in enumerate(zip(scene.frames, truth.frames, strict=True)):
        view = source.view(scene, frame)
        assert view.name.startswith(f"{case[0]}/{scene.name}/")
        assert np.abs(view.image.astype(int) - expected.image).mean() <= (0 if truth.exact_image else 8)
        assert view.camera.image_hw == expected.image.shape[:2]
        surface = ~expected.sky & truth.depth_known
        if truth.dropped is not None:
            surface &= ~truth.dropped[number]
        assert np.array_equal(view.valid, surface)
        assert not view.depth[~surface].any()
        assert np.array_equal(view.sky, expected.sky & truth.sky)
        if source.info.cameras_known:
            np.testing.assert_allclose(view.camera.intrinsics, expected.intrinsics, rtol=1e-5, atol=1e-4)
            wrong = np.abs(view.depth / expected.depth - 1)[surface] > truth.loss
            assert wrong.mean() <= truth.outliers
        if case[0] == "dl3dv":
            assert view.sky_labelled.all()  # its masks know, also where the depth is not trusted
        else:
            assert np.array_equal(view.sky_labelled, (surface & truth.sky_known) | view.sky)
        if truth.glass is None:
            assert view.layers is None
        else:
            assert view.layers is not None
            assert np.array_equal(view.layers.glass, truth.glass[number])


@pytest.mark.parametrize("case", WITH_CAMERAS, ids="-".join)
def test_relative_poses_are_those_of_the_world(written, case):
    root, truth = written(case)
    source = opened(root, case)
    scene = source.scenes[0]
    poses = np.stack([source.view(scene, frame).camera.world_from_cam.double() for frame in scene.frames])
    expected = np.stack([frame.pose for frame in truth.frames])
    found, wanted = np.linalg.inv(poses[0]) @ poses, np.linalg.inv(expected[0]) @ expected
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("case", WITH_CAMERAS, ids="-".join)
def test_cameras_and_depth_agree(written, case):
    root, _ = written(case)
    source = opened(root, case)
    scene = source.scenes[0]
    views = [source.view(scene, frame) for frame in scene.frames]
    for first, second in itertools.pairwise(views):
        agreement = depth_agreement(first, second)
        assert agreement is not None
        assert agreement > 0.97


def test_wrong_cameras_do_not_agree(written):
    root, _ = written(("tartanair", "published"))
    source = opened(root, ("tartanair", "published"))
    first, second = (source.view(source.scenes[0], frame) for frame in source.scenes[0].frames[::5])
    turned = torch.diag(torch.tensor([1.0, -1, -1, 1]))  # as if the poses were in OpenGL axes
    wrong = type(second.camera)(
        world_from_cam=second.camera.world_from_cam @ turned,
        intrinsics=second.camera.intrinsics,
        image_hw=second.camera.image_hw,
    )
    agreement = depth_agreement(first, type(second)(**{**vars(second), "camera": wrong}))
    assert agreement is None or agreement < 0.8


@pytest.mark.parametrize(("case", "what"), DAMAGES, ids=lambda part: part if isinstance(part, str) else "-".join(part))
def test_damaged_files_are_named_and_cost_no_other_frame(written, tmp_path, case, what):
    original, truth = written(case)
    root, path = copied(original, tmp_path, getattr(truth, what))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    if path.suffix == ".jgz":  # without this table nothing is known of the whole part
        with pytest.raises(InputError, match=r"frame_annotations_valid\.jgz is damaged"):
            opened(root, case)
        return
    source = opened(root, case)
    scene = source.scenes[0]
    broken = []
    for frame in scene.frames:
        try:
            source.view(scene, frame)
        except InputError as error:
            broken.append(str(error))
    assert 0 < len(broken) <= len(scene.frames)
    assert all(str(path) in message for message in broken)
    if what != "camera":  # some layouts hold the cameras of all frames in one file
        assert len(broken) == 1
    report = check_source(source, frames=None)
    assert set(broken) <= set(report.broken)
    assert report.read + len(report.broken) == source.num_frames


@pytest.mark.parametrize("what", ["image", "depth"])
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_missing_files_are_told_and_their_frames_left_out(written, tmp_path, case, what):
    original, truth = written(case)
    root, path = copied(original, tmp_path, getattr(truth, what))
    path.unlink()
    source = opened(root, case)
    assert [root / lack.path for lack in source.missing] == [path]
    assert len(source.scenes[0].frames) == len(truth.frames) - 1
    for frame in source.scenes[0].frames:
        source.view(source.scenes[0], frame)
    assert not check_source(source, frames=2).whole


def test_the_cameras_of_the_scene_with_most_readable_frames_are_drawn(written, tmp_path):
    original, truth = written(("tartanair", "published"))
    root, _ = copied(original, tmp_path, truth.image)
    for path in (root / "office/Easy/P001").glob("*_rgb.png"):
        path.write_bytes(b"broken")
    report = check_source(opened(root, ("tartanair", "published")))
    assert report.example_scene == "office/Hard/P000"
    poses = np.stack([frame.pose for frame in truth.frames])
    np.testing.assert_allclose(report.path, poses[:, :3, [3, 2]].transpose(0, 2, 1), atol=1e-5)
    sheet = draw_sheet(report, title="TartanAir", unit="m")
    assert (sheet == [90, 150, 255]).all(-1).sum() >= 12  # a line along the optical axis of each camera


def test_scenes_that_have_lost_all_their_pictures_are_told(written, tmp_path):
    original, _ = written(("vkitti2", "original"))
    root, pictures = copied(original, tmp_path, original / "Scene02/15-deg-left/frames/rgb/Camera_1")
    shutil.rmtree(pictures)
    source = opened(root, ("vkitti2", "original"))
    assert [scene.name for scene in source.scenes] == ["Scene02/15-deg-left/Camera_0"]
    assert len(source.missing) == 6
    assert all(lack.scene == "Scene02/15-deg-left/Camera_1" for lack in source.missing)


def test_scene_folders_without_frames_are_told(written, tmp_path):
    original, _ = written(("tartanair", "published"))
    root, folder = copied(original, tmp_path, original / "office/Hard/P000")
    for path in folder.iterdir():
        path.unlink()
    report = check_source(opened(root, ("tartanair", "published")))
    assert report.missing == ("all frames of scene office/Hard/P000",)
    assert not report.whole


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_opened_sources_go_to_other_processes(written, case):
    root, _ = written(case)
    source = pickle.loads(pickle.dumps(opened(root, case)))  # noqa: S301 - our own pickle
    assert source.view(source.scenes[0], source.scenes[0].frames[0]).image.any()


def test_layers_of_glass_come_with_their_depth(written):
    root, truth = written(("layered_depth", "published"))
    source = opened(root, ("layered_depth", "published"))
    scene = source.scenes[0]
    assert scene.frames == tuple("012345")  # the unusable picture is left out
    for frame, expected in zip(scene.frames, truth.frames, strict=True):
        view = source.view(scene, frame)
        layers = view.layers
        assert layers is not None
        assert np.array_equal(layers.last_valid, layers.glass)
        unit = expected.depth.mean() / view.depth.mean()  # relative depth
        np.testing.assert_allclose(view.depth * unit, expected.depth, rtol=1e-3)
        behind = layers.last_depth[layers.glass] * unit - expected.depth[layers.glass]
        np.testing.assert_allclose(behind, 0.75, rtol=2e-2)


@pytest.mark.parametrize(("layout", "level"), [("published", 0), ("original", 0), ("original", 128)])
def test_objects_that_do_not_show_are_no_glass(tmp_path, layout, level):
    WRITERS["ade20k_glass", layout](tmp_path)
    source = opened(tmp_path, ("ade20k_glass", layout))
    scene, frame = source.scenes[0], source.scenes[0].frames[1]
    masks = sorted(path for path in tmp_path.rglob("inst*.png") if frame in str(path.relative_to(tmp_path)))
    for path in masks:
        mask = np.zeros((48, 64), np.uint8)
        mask[3:9, 3:9] = level
        layouts.save_image(path, mask)
    layers = source.view(scene, frame).layers
    assert len(masks) == 3
    assert layers is not None
    assert not layers.glass.any()


@pytest.mark.parametrize("mask", ["../../../../../../secret.png", "a\0b.png"])
def test_masks_outside_the_data_set_are_not_read(tmp_path, mask):
    root = tmp_path / "in"
    truth = WRITERS["ade20k_glass", "original"](root)
    layouts.save_image(tmp_path / "secret.png", np.full((48, 64), 255, np.uint8))
    content = json.loads(truth.depth.read_bytes().decode("latin-1"))
    for found in content["annotation"]["object"]:
        found["instance_mask"] = mask
    truth.depth.write_text(json.dumps(content))
    source = opened(root, ("ade20k_glass", "original"))
    with pytest.raises(InputError, match=r"leads out of|Cannot read"):
        source.view(source.scenes[0], source.scenes[0].frames[1])


def test_two_sizes_of_mvs_synth_are_different_scenes_of_one_place(written, tmp_path):
    original, _ = written(("mvs_synth", "original"))
    for size in ("GTAV_540", "GTAV_720"):
        shutil.copytree(original / "GTAV_540", tmp_path / "in" / size)
    source = opened(tmp_path / "in", ("mvs_synth", "original"))
    assert [scene.name for scene in source.scenes] == ["GTAV_540/0007", "GTAV_720/0007"]
    assert held_out_scenes(source, 0.5) == (source.scenes, ())
    pack_source(source, tmp_path / "out")
    copy = open_source(SOURCES["mvs_synth"], tmp_path / "out", more=(PackedLayout(),))
    assert copy.num_frames == source.num_frames == 12


def test_odd_lenses_of_hypersim_come_from_its_table(tmp_path):
    layouts.hypersim_original(tmp_path)
    header = ["scene_name", *(f"M_cam_from_uv_{i}{j}" for i in range(3) for j in range(3))]

    def lens(*rays):
        (tmp_path / "metadata_camera_parameters.csv").write_text(
            ",".join(header) + "\n" + ",".join(["ai_002_003", *map(str, rays)]) + "\n"
        )
        source = open_source(SOURCES["hypersim"], tmp_path)
        return source.view(source.scenes[0], "0000").camera.intrinsics

    matrix = lens(0.5, 0, 0.1, 0, 0.4, -0.05, 0, 0, -1.0)
    # u = 0.1 / 0.5 to the left of the middle sees straight ahead: x = (1 - 0.2) * 32.
    np.testing.assert_allclose(matrix[0], [64 / 2 / 0.5, 0, 32 * 0.8], rtol=1e-5)
    np.testing.assert_allclose(matrix[1], [0, 48 / 2 / 0.4, 24 * (1 - 0.125)], rtol=1e-5)


def test_units_of_dynamic_replica(tmp_path):
    truth = layouts.dynamic_replica_original(tmp_path, unit="ndc_norm_image_bounds")
    source = opened(tmp_path, ("dynamic_replica", "original"))
    view = source.view(source.scenes[0], source.scenes[0].frames[0])
    np.testing.assert_allclose(view.camera.intrinsics, truth.frames[0].intrinsics, rtol=1e-5)


def test_stereo_poses_are_understood_either_way(tmp_path):
    truth = layouts.unrealstereo4k_original(tmp_path, inverse=False)
    source = opened(tmp_path, ("unrealstereo4k", "original"))
    view = source.view(source.scenes[0], "00002")
    np.testing.assert_allclose(view.camera.world_from_cam, truth.frames[2].pose, atol=1e-5)
    np.testing.assert_allclose(view.depth[view.valid], truth.frames[2].depth[view.valid], rtol=1e-5)


def test_the_farthest_depth_of_omniworld_is_unknown_in_clips(tmp_path):
    layouts.omniworld_game_published(tmp_path)
    source = ClipSource(opened(tmp_path, ("omniworld_game", "published")), most_views=3)
    clip = source.clip(3, views=1, image_hw=(48, 64), rng=np.random.default_rng(0))
    whole = source.source.view(source.scenes[0], source.scenes[0].frames[3])
    lost = whole.valid & ~clip.valid[0]
    assert 0.005 < lost.sum() / whole.valid.sum() <= 0.02
    assert whole.depth[lost].min() > clip.depth.max()
    assert np.array_equal(clip.sky_labelled[0], whole.sky_labelled & ~lost)


def test_unrelated_pictures_make_clips_of_different_pictures(tmp_path):
    WRITERS["trans10k_glass", "published"](tmp_path)
    source = ClipSource(opened(tmp_path, ("trans10k_glass", "published")), most_views=3)
    assert len(source) == 6
    clip = source.clip(2, views=3, image_hw=(28, 42), rng=np.random.default_rng(0))
    assert clip.layers is not None
    assert clip.layers.glass.any((1, 2)).all()
    assert not clip.cameras_known
    assert len({image.tobytes() for image in clip.images}) == 3
    batch = collate([clip])
    assert batch.layers is not None
    assert batch.layers.labelled.all()
    assert batch.cameras_known == (False,)
