import dataclasses
import itertools
import pickle
import shutil
import tarfile

import numpy as np
import pytest
import torch

from mda.data.batches import Batch
from mda.data.clips import Augmentation, ClipSource, changed_pictures, held_out_scenes
from mda.data.contract import open_source
from mda.data.mix import Mix, MixConfig, _order, training_loader, validation_loader
from mda.data.sources import SOURCES
from mda.errors import ConfigError, InputError
from tests.unit.data import layouts


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    layouts.tartanair_published(folder / "tartanair")
    layouts.vkitti2_published(folder / "vkitti2")
    return folder


def config(root, **changes):
    plain = MixConfig(
        root=root,
        sources={"tartanair": 20, "vkitti2": 10},
        folders={"tartanair": "tartanair", "vkitti2": "vkitti2"},
        min_views=1,
        num_views=4,
        sizes=((28, 42), (42, 28)),
        max_images=8,
        workers=0,
        held_out=0.0,
        validation_clips=3,
        validation_views=2,
        validation_size=(28, 42),
    )
    return dataclasses.replace(plain, **changes)


def same(first: Batch, second: Batch) -> bool:
    return first.names == second.names and torch.equal(first.images, second.images)


def take(loader, count):
    return list(itertools.islice(loader, count))


def test_batches_hold_what_was_asked_for(root):
    for batch in take(training_loader(Mix(config(root))), 12):
        clips, views, _, height, width = batch.images.shape
        assert 1 <= views <= 4
        assert clips * views <= 8
        assert (height, width) in {(28, 42), (42, 28)}
        assert batch.targets.cameras.image_hw == (height, width)
        assert batch.images.min() >= 0
        assert batch.images.max() <= 1
        assert all(name.split("/")[0] in {"tartanair", "vkitti2"} for name in batch.names)
        # Sky is labelled wherever there is a depth or sky, and nowhere else.
        assert torch.equal(batch.targets.sky_labelled, batch.targets.valid | batch.targets.sky)
        torch.testing.assert_close(batch.targets.cameras.world_from_cam[:, 0], torch.eye(4).expand(clips, 4, 4))


def test_an_epoch_holds_each_source_as_often_as_asked(root):
    mix = Mix(config(root))
    names = []
    for batch in training_loader(mix):
        names += batch.names
        if len(names) >= 30:
            break
    sources = [name.split("/")[0] for name in names]
    assert (sources.count("tartanair"), sources.count("vkitti2")) == (20, 10)


def test_every_start_comes_once_before_one_comes_again(root):
    mix = Mix(config(root, sources={"vkitti2": 4}, num_views=4))
    assert len(mix.training["vkitti2"]) == 4
    firsts = [mix.clip(number, epoch=3, views=1, image_hw=(28, 42)).name for number in range(4)]
    assert len(set(firsts)) == 4


def test_the_order_of_an_epoch_is_drawn_once(root):
    mix = Mix(config(root, sources={"vkitti2": 3}, seed=81))
    before = _order.cache_info().misses
    firsts = [mix.clip(number, epoch=3, views=1, image_hw=(28, 42)).name for number in range(3)]
    assert _order.cache_info().misses == before + 1
    order = np.random.default_rng([81, 3, 12, 0]).permutation(4)[:3]
    frames = mix.training["vkitti2"].scenes[0].frames
    assert [name.rpartition("/")[2] for name in firsts] == [frames[start] for start in order]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_resumes_in_the_middle_of_an_epoch_with_other_workers(root, workers):
    mix = Mix(config(root))
    whole = take(training_loader(mix), 9)
    resumed = take(training_loader(Mix(config(root, workers=workers)), first_batch=5), 4)
    assert all(same(a, b) for a, b in zip(whole[5:], resumed, strict=True))


def test_ranks_get_other_clips_of_the_same_shape(root):
    mix = Mix(config(root))
    first, second = (take(training_loader(mix, rank=rank, world_size=2), 3) for rank in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.images.shape[1:] == b.images.shape[1:]
        assert not same(a, b)


def test_held_out_places_are_never_trained_on(root):
    mix = Mix(config(root, held_out=0.01))
    # vKITTI 2 has one place here; TartanAir has one place too ("office"), so nothing can be held out.
    assert not mix.held_out
    with pytest.raises(ConfigError, match="No data set of the mix has a second place"):
        mix.validation_clip(0)


def test_the_part_that_is_chosen_is_trained_on_and_a_missing_choice_is_told(tmp_path, caplog):
    layouts.pointodyssey_published(tmp_path)
    shutil.copytree(tmp_path / "train", tmp_path / "test")
    settings = config(tmp_path, sources={"pointodyssey": 4}, folders={"pointodyssey": "."})
    with caplog.at_level("WARNING"):
        chosen = Mix(dataclasses.replace(settings, splits={"pointodyssey": "train"}))
        assert not caplog.records
        joined = Mix(settings)
    assert [scene.name for scene in chosen.training["pointodyssey"].scenes] == ["train/ani"]
    assert len(joined.training["pointodyssey"].scenes) == 2
    assert "train, val, test" in caplog.text


def test_validation_is_always_the_same(tmp_path):
    layouts.tartanair_published(tmp_path / "tartanair")
    (tmp_path / "tartanair" / "office" / "Hard").rename(tmp_path / "Hard")
    (tmp_path / "tartanair" / "street").mkdir()
    (tmp_path / "Hard").rename(tmp_path / "tartanair" / "street" / "Hard")
    settings = config(tmp_path, sources={"tartanair": 4}, held_out=0.01)
    one, other = (list(validation_loader(Mix(settings))) for _ in range(2))
    assert len(one) == 3
    assert all(same(a, b) for a, b in zip(one, other, strict=True))
    kept = {name.split("/")[1] for batch in one for name in batch.names}
    trained = {name.split("/")[1] for batch in take(training_loader(Mix(settings)), 6) for name in batch.names}
    assert kept
    assert trained
    assert not kept & trained
    halves = [list(validation_loader(Mix(settings), rank=rank, world_size=2)) for rank in range(2)]
    assert [len(half) for half in halves] == [2, 2]
    assert {batch.names for half in halves for batch in half} == {batch.names for batch in one}


def test_held_out_scenes_stay_when_scenes_are_added(tmp_path):
    layouts.tartanair_published(tmp_path)
    source = open_source(SOURCES["tartanair"], tmp_path)
    scenes = [dataclasses.replace(source.scenes[0], name=f"place{i}/Easy/P000") for i in range(40)]
    few = held_out_scenes(dataclasses.replace(source, scenes=tuple(scenes[:20])), 0.2)[1]
    more = held_out_scenes(dataclasses.replace(source, scenes=tuple(scenes)), 0.2)[1]
    assert len(few) == 4
    assert {scene.name for scene in few} & {scene.name for scene in more}


@pytest.mark.parametrize("case", [case for case in layouts.WRITERS if not SOURCES[case[0]].cameras_known])
def test_pictures_are_held_out_one_by_one(tmp_path, case):
    layouts.WRITERS[case](tmp_path)
    source = open_source(SOURCES[case[0]], tmp_path)
    training, validation = held_out_scenes(source, 0.02)
    parts = [{(scene.name, frame) for scene in scenes for frame in scene.frames} for scenes in (training, validation)]
    assert [len(part) for part in parts] == [5, 1]
    assert not parts[0] & parts[1]
    assert held_out_scenes(source, 0.02) == (training, validation)


def test_a_part_of_dl3dv_is_no_place(tmp_path):
    layouts.WRITERS["dl3dv", "published"](tmp_path)
    source = open_source(SOURCES["dl3dv"], tmp_path)
    scenes = [dataclasses.replace(source.scenes[0], name=f"{part}/{i}") for part in ("1K", "2K") for i in range(10)]
    training, validation = held_out_scenes(dataclasses.replace(source, scenes=tuple(scenes)), 0.1)
    assert (len(training), len(validation)) == (18, 2)


def test_broken_frames_are_replaced_by_other_frames_of_their_scene_and_named(tmp_path):
    truth = layouts.tartanair_published(tmp_path)
    for path in (truth.image, truth.depth.with_name("003_depth.npy")):
        path.write_bytes(b"broken")
    source = ClipSource(open_source(SOURCES["tartanair"], tmp_path), most_views=4)
    seen, told = set(), set()
    for number in range(40):
        clip = source.clip(0, views=3, image_hw=(28, 42), rng=np.random.default_rng(number))
        assert clip.depth.shape == (3, 28, 42)
        assert clip.valid.any((1, 2)).all()
        seen.add(clip.images.tobytes())
        told |= set(clip.broken)
    assert len(seen) > 5
    assert len(told) == 2
    assert all("is damaged" in what for what in told)


def test_the_same_start_gives_the_same_clip_whatever_was_read_before(tmp_path):
    truth = layouts.tartanair_published(tmp_path)
    truth.image.write_bytes(b"broken")
    opened = open_source(SOURCES["tartanair"], tmp_path)
    fresh, used = ClipSource(opened, most_views=4), ClipSource(opened, most_views=4)
    for number in range(5):
        used.clip(0, views=4, image_hw=(28, 42), rng=np.random.default_rng(100 + number))
    a, b = (one.clip(0, views=4, image_hw=(28, 42), rng=np.random.default_rng(7)) for one in (fresh, used))
    assert a.broken == b.broken
    assert np.array_equal(a.images, b.images)


def test_a_data_set_that_is_all_broken_is_told(tmp_path):
    layouts.tartanair_published(tmp_path)
    for path in tmp_path.rglob("*_rgb.png"):
        path.write_bytes(b"broken")
    source = ClipSource(open_source(SOURCES["tartanair"], tmp_path), most_views=4)
    with pytest.raises(InputError, match=r"gives no clip of 4 views: .*mda data check"):
        source.clip(0, views=4, image_hw=(28, 42), rng=np.random.default_rng(0))


def test_colours_are_changed_when_asked_and_alike_in_all_views(root):
    source = open_source(SOURCES["tartanair"], root / "tartanair")
    plain = ClipSource(source, most_views=4)
    changed = ClipSource(source, most_views=4, augmentation=Augmentation(colour=0.2))
    first, second = (one.clip(0, views=3, image_hw=(28, 42), rng=np.random.default_rng(5)) for one in (plain, changed))
    assert np.abs(first.images.astype(int) - second.images).mean() > 2
    assert np.array_equal(first.depth, second.depth)
    views = np.repeat(first.images[:1], 3, axis=0)
    jittered = changed_pictures(views, np.random.default_rng(5), colour=0.2, blur=0.0)
    assert np.array_equal(jittered[0], jittered[2])
    blurred = changed_pictures(views, np.random.default_rng(5), colour=0.0, blur=1.0)
    assert np.abs(np.diff(blurred.astype(int), axis=1)).mean() < np.abs(np.diff(views.astype(int), axis=1)).mean()


def test_zoom_and_shuffle_are_applied_when_asked(root):
    source = open_source(SOURCES["tartanair"], root / "tartanair")
    plain, zoomed = (
        ClipSource(source, most_views=4, augmentation=Augmentation(zoom=zoom, shuffle=0.0)) for zoom in (0, 16)
    )
    a, b = (one.clip(0, views=4, image_hw=(28, 42), rng=np.random.default_rng(1)) for one in (plain, zoomed))
    assert len({float(matrix[0, 0]) for matrix in a.intrinsics}) == 1
    assert len({float(matrix[0, 0]) for matrix in b.intrinsics}) > 1
    assert b.intrinsics[:, 0, 0].max() <= a.intrinsics[0, 0, 0] * (42 + 15) / 42 * 1.001
    shuffled = ClipSource(source, most_views=6, augmentation=Augmentation(shuffle=1.0))
    clip = shuffled.clip(0, views=6, image_hw=(28, 42), rng=np.random.default_rng(1))
    assert clip.name.endswith("/000")
    assert not (np.diff(clip.world_from_cam[:, 0, 3]) > 0).all()


def test_archives_give_the_same_batches_as_folders(root, tmp_path):
    for name in ("tartanair", "vkitti2"):
        (tmp_path / name).mkdir()
        for number, scene in enumerate(sorted((root / name).iterdir())):
            with tarfile.open(tmp_path / name / f"shard_{number:03d}.tar", "w") as archive:
                archive.add(scene, arcname=scene.name)
    folders, archives = (take(training_loader(Mix(config(place))), 4) for place in (root, tmp_path))
    assert all(same(a, b) for a, b in zip(folders, archives, strict=True))
    mix = pickle.loads(pickle.dumps(Mix(config(tmp_path))))  # noqa: S301 - our own pickle
    assert mix.clip(0, epoch=0, views=1, image_hw=(28, 42)).images.any()


def test_settings_that_cannot_work_are_told(root):
    with pytest.raises(ConfigError, match="holds no data set"):
        Mix(config(root, sources={"tartanair": 0}))
    with pytest.raises(ConfigError, match="no source 'nothing'"):
        Mix(config(root, sources={"nothing": 1}))
    with pytest.raises(InputError, match="No folder at"):
        Mix(config(root, folders={}))
    with pytest.raises(ConfigError, match="min_views"):
        Mix(config(root, min_views=5))
    with pytest.raises(InputError, match="no scene of TartanAir is long enough"):
        Mix(config(root, num_views=60))
