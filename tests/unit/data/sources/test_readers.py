"""Every reader in every layout: a tiny data set is written with its authors' conventions and read back."""

import itertools
import pickle

import numpy as np
import pytest
import torch

from mda.data.check import check_source, depth_agreement
from mda.data.contract import open_source
from mda.data.sources import SOURCES
from mda.errors import InputError
from tests.unit.data.layouts import WRITERS

CASES = sorted(WRITERS)


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
    for frame, expected in zip(scene.frames, truth.frames, strict=True):
        view = source.view(scene, frame)
        assert view.name == f"{case[0]}/{scene.name}/{frame}"
        assert np.abs(view.image.astype(int) - expected.image).mean() <= (0 if truth.exact_image else 8)
        surface = ~expected.sky
        assert np.array_equal(view.valid, surface)
        np.testing.assert_allclose(view.depth[surface], expected.depth[surface], rtol=truth.loss)
        assert not view.depth[~surface].any()
        assert np.array_equal(view.sky, expected.sky & truth.sky)
        assert np.array_equal(view.sky_labelled, (surface & truth.sky_known) | view.sky)
        assert view.camera.image_hw == expected.image.shape[:2]
        np.testing.assert_allclose(view.camera.intrinsics, expected.intrinsics, rtol=1e-6)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_relative_poses_are_those_of_the_world(written, case):
    root, truth = written(case)
    source = opened(root, case)
    scene = source.scenes[0]
    poses = np.stack([source.view(scene, frame).camera.world_from_cam.double() for frame in scene.frames])
    expected = np.stack([frame.pose for frame in truth.frames])
    found, wanted = np.linalg.inv(poses[0]) @ poses, np.linalg.inv(expected[0]) @ expected
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_cameras_and_depth_agree(written, case):
    root, _ = written(case)
    source = opened(root, case)
    if not source.info.cameras_known:
        pytest.skip("single pictures have no cameras")
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


@pytest.mark.parametrize("case", CASES, ids="-".join)
@pytest.mark.parametrize("what", ["image", "depth", "camera"])
def test_damaged_files_are_named_and_cost_no_other_frame(tmp_path, case, what):
    truth = WRITERS[case](tmp_path)
    path = getattr(truth, what)
    if path is None:
        pytest.skip("no such file in this layout")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    source = opened(tmp_path, case)
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
    report = check_source(source)
    assert set(broken) <= set(report.broken)
    assert report.read + len(report.broken) == source.num_frames


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_missing_files_are_told_and_their_frames_left_out(tmp_path, case):
    truth = WRITERS[case](tmp_path)
    truth.depth.unlink()
    source = opened(tmp_path, case)
    assert [tmp_path / lack.path for lack in source.missing] == [truth.depth]
    assert len(source.scenes[0].frames) == len(truth.frames) - 1
    for frame in source.scenes[0].frames:
        source.view(source.scenes[0], frame)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_opened_sources_go_to_other_processes(written, case):
    root, _ = written(case)
    source = pickle.loads(pickle.dumps(opened(root, case)))  # noqa: S301 - our own pickle
    assert source.view(source.scenes[0], source.scenes[0].frames[0]).image.any()
