import dataclasses
import json
import pickle

import numpy as np
import pytest

from mda.data.folder import FolderSource, read_clip, remove_partial_scenes, write_clip
from mda.data.source import SceneClip
from mda.errors import InputError, OutputError


def make_clip(views=2, height=5, width=7):
    rng = np.random.default_rng(0)
    shape = (views, height, width)
    return SceneClip(
        images=rng.integers(0, 256, (*shape, 3), np.uint8),
        depth=rng.random(shape, np.float32),
        valid=rng.random(shape) < 0.8,
        sky=rng.random(shape) < 0.2,
        edge=rng.random(shape) < 0.2,
        skyline=rng.random(shape) < 0.2,
        front_depth=rng.random(shape, np.float32),
        back_depth=rng.random(shape, np.float32),
        surface=rng.integers(-1, 9, shape, np.int32),
        world_from_cam=rng.random((views, 4, 4), np.float32),
        intrinsics=rng.random((views, 3, 3), np.float32),
        name="made-up",
        seed=3,
        info={"family": "none", "options": {"gap": 0.05}},
    )


@pytest.fixture
def scene(tmp_path):
    write_clip(tmp_path / "scene", make_clip())
    return tmp_path / "scene"


def test_scenes_come_back_bit_by_bit(scene):
    expected, found = make_clip(), read_clip(scene)
    for field in dataclasses.fields(SceneClip):
        a, b = getattr(expected, field.name), getattr(found, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        else:
            assert a == b


def test_the_layout_is_the_documented_one(scene):
    names = {str(path.relative_to(scene)) for path in scene.rglob("*.*")}
    folders = {"color": "png", "depth": "npy", "camera": "npz", "sky": "npy", "edges": "npz"}
    views = {f"{folder}/{view:06d}.{ending}" for folder, ending in folders.items() for view in range(2)}
    assert names == views | {"scene.json"}
    assert json.loads((scene / "scene.json").read_text())["format_version"] == 1


def test_folders_of_scenes_are_read_in_natural_order(tmp_path):
    for name in ("s10", "s2", ".s3"):
        write_clip(tmp_path / name, make_clip())
    (tmp_path / "notes").mkdir()
    source = FolderSource(tmp_path)
    assert [path.name for path in source.scenes] == ["s2", "s10"]
    assert len(pickle.loads(pickle.dumps(source))) == 2  # noqa: S301 - our own pickle


def test_one_scene_is_a_source_too(scene):
    source = FolderSource(scene)
    assert len(source) == 1
    assert source.clip(0).name == "made-up"
    with pytest.raises(IndexError):
        source.clip(1)


def test_missing_and_empty_folders_are_told(tmp_path):
    with pytest.raises(InputError, match=r"No folder.*nowhere"):
        FolderSource(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no scenes.*scene\.json"):
        FolderSource(tmp_path)


@pytest.mark.parametrize("path", ["color/000001.png", "depth/000000.npy", "camera/000001.npz", "edges/000000.npz"])
def test_missing_files_are_named(scene, path):
    (scene / path).unlink()
    with pytest.raises(InputError, match=path.replace(".", r"\.") + ".*missing"):
        read_clip(scene)


@pytest.mark.parametrize("path", ["color/000001.png", "depth/000000.npy", "camera/000001.npz", "edges/000000.npz"])
def test_truncated_files_are_named(scene, path):
    content = (scene / path).read_bytes()
    (scene / path).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=path.replace(".", r"\.")):
        read_clip(scene)


def test_pickles_are_refused(scene):
    np.save(scene / "depth" / "000000.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"depth/000000\.npy is damaged"):
        read_clip(scene)


def test_wrong_sizes_and_kinds_are_named(scene):
    np.save(scene / "depth" / "000001.npy", np.zeros((5, 8), np.float32))
    with pytest.raises(InputError, match=r"000001\.npy: `depth` is float32\(5, 8\), expected float32\(5, 7\)"):
        read_clip(scene)


def test_arrays_that_lack_are_named(scene):
    np.savez(scene / "camera" / "000000.npz", pose=np.eye(4, dtype=np.float32))
    with pytest.raises(InputError, match=r"camera/000000\.npz has no array.*intrinsics"):
        read_clip(scene)


@pytest.mark.parametrize("content", ["{", "[]", '{"format_version": 99}', '{"format_version": 1, "name": "x"}'])
def test_bad_descriptions_are_named(scene, content):
    (scene / "scene.json").write_text(content)
    with pytest.raises(InputError, match=r"scene\.json"):
        read_clip(scene)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_clip(tmp_path / "scene", make_clip())
    assert not list(tmp_path.iterdir())


def test_partial_scenes_are_removed_and_others_kept(tmp_path, scene):
    (tmp_path / ".scene.cafe.partial" / "color").mkdir(parents=True)
    remove_partial_scenes(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scene"]
    assert (scene / "scene.json").exists()
