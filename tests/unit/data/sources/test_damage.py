"""Whatever happens to a file, reading a frame either works or says which file is damaged."""

import random
import shutil
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from mda.data.contract import open_source
from mda.data.files import FolderFiles
from mda.data.sources import SOURCES
from mda.errors import InputError
from tests.unit.data.layouts import WRITERS

CASES = sorted(WRITERS)


@dataclass(frozen=True)
class HarmedFiles(FolderFiles):
    """A folder in which one file has another content."""

    path: str
    content: bytes

    def read(self, path):
        return self.content if path == self.path else super().read(path)


def harmed(content, kind, rng):
    """The bytes of a file with some replaced, cut off, a hole in them, or a bit of the header turned."""
    changed = bytearray(content)
    if kind == "noise":
        for _ in range(rng.choice([1, 3, 20])):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    elif kind == "cut":
        del changed[rng.randrange(1, len(changed)) :]
    elif kind == "hole":
        start = rng.randrange(len(changed))
        changed[start : start + 64] = bytes(len(changed[start : start + 64]))
    else:
        changed[rng.randrange(min(len(changed), 300))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_damage_is_told_and_nothing_else(tmp_path, case):
    WRITERS[case](tmp_path)
    rng = random.Random("-".join(case))  # noqa: S311 - no secret
    source = open_source(SOURCES[case[0]], tmp_path)
    scene = source.scenes[0]
    frame, told = scene.frames[1], []
    for path in source.layout.members(scene, frame).values():
        content = source.files.read(path)
        for kind in ("noise", "cut", "hole", "header") * 4:
            # Tables are cached by files, so every harm is read anew.
            files = HarmedFiles(tmp_path, path, harmed(content, kind, rng))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    again = open_source(SOURCES[case[0]], files)
                    again.view(again.scenes[0], again.scenes[0].frames[1])
                except InputError as error:
                    told.append(str(error))
    assert told
    assert all(str(tmp_path) in message or source.info.name in message for message in told)


def tartanair(tmp_path):
    WRITERS["tartanair", "published"](tmp_path)
    source = open_source(SOURCES["tartanair"], tmp_path)
    scene = source.scenes[0]
    paths = source.layout.members(scene, scene.frames[1])
    return source, scene, {what: tmp_path / path for what, path in paths.items()}


def huge_header():
    claim = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (400000000, 400000), }"
    return claim.ljust(127) + b"\n1234"


@pytest.mark.parametrize("kind", ["text", "complex", "fields", "huge", "archive", "broken header"])
def test_depth_files_that_hold_no_numbers_are_named(tmp_path, kind):
    source, scene, paths = tartanair(tmp_path)
    depth, path = np.load(paths["depth"]), paths["depth"]
    if kind == "text":
        np.save(path, np.full(depth.shape, "a"))
    elif kind == "complex":
        np.save(path, depth.astype(complex))
    elif kind == "fields":
        np.save(path, np.zeros(depth.shape, [("a", "f4")]))
    elif kind == "huge":
        path.write_bytes(huge_header())
    elif kind == "archive":
        np.savez(tmp_path / "a.npz", depth)
        shutil.move(tmp_path / "a.npz", path)
    else:
        path.write_bytes(path.read_bytes().replace(b"'shape': (48, 64), ", b"'shape': (48,\n6 , "))
    with pytest.raises(InputError, match=r"001_depth\.npy is damaged"):
        source.view(scene, scene.frames[1])


@pytest.mark.parametrize("kind", [str, complex])
def test_camera_files_that_hold_no_numbers_are_named(tmp_path, kind):
    source, scene, paths = tartanair(tmp_path)
    camera = dict(np.load(paths["camera"]))
    np.savez(paths["camera"], **{**camera, "camera_pose": camera["camera_pose"].astype(kind)})
    with pytest.raises(InputError, match=r"001_cam\.npz is damaged \(its values are .*, expected numbers"):
        source.view(scene, scene.frames[1])


@pytest.mark.parametrize("name", ["tartanair", "vkitti2", "pointodyssey", "spring", "hypersim"])
def test_frames_whose_name_is_no_number_are_named(tmp_path, name):
    WRITERS[name, "original"](tmp_path)
    source = open_source(SOURCES[name], tmp_path)
    scene = source.scenes[0]
    for what, path in source.layout.members(scene, scene.frames[1]).items():
        odd = source.layout.members(scene, "copy")[what]
        if odd != path:
            shutil.copy(tmp_path / path, tmp_path / odd)
    source = open_source(SOURCES[name], tmp_path)
    assert "copy" in source.scenes[0].frames
    with pytest.raises(InputError, match=r"copy.*its name should hold a number"):
        source.view(source.scenes[0], "copy")


def test_a_scale_of_hypersim_that_is_no_number_is_named(tmp_path):
    WRITERS["hypersim", "original"](tmp_path)
    table = tmp_path / "ai_002_003/_detail/metadata_scene.csv"
    table.write_text(table.read_text().replace("0.02", "0.0.2"))
    source = open_source(SOURCES["hypersim"], tmp_path)
    with pytest.raises(InputError, match=r"metadata_scene\.csv is damaged"):
        source.view(source.scenes[0], "0001")


@pytest.mark.parametrize("case", [case for case in CASES if SOURCES[case[0]].cameras_known], ids="-".join)
def test_depth_of_eight_bits_is_refused_where_the_source_has_sixteen(tmp_path, case):
    truth = WRITERS[case](tmp_path)
    if truth.depth.suffix != ".png":
        return
    with Image.open(truth.depth) as image:
        levels = np.asarray(image)
    Image.fromarray((levels >> 8).astype(np.uint8)).save(truth.depth)
    source = open_source(SOURCES[case[0]], tmp_path)
    with pytest.raises(InputError, match=rf"{truth.depth.name} is damaged .*expected one channel of 16 bits"):
        source.view(source.scenes[0], source.scenes[0].frames[1])


def test_quaternions_that_are_none_are_told_with_their_file(tmp_path):
    table = WRITERS["tartanair", "original"](tmp_path).camera
    assert table is not None
    rows = table.read_text().splitlines()
    table.write_text("\n".join([rows[0], "0 0 0 0 0 0 0", *rows[2:]]))
    source = open_source(SOURCES["tartanair"], tmp_path)
    with pytest.raises(InputError, match=r"pose_left\.txt\): its pose is not a rigid motion"):
        source.view(source.scenes[0], source.scenes[0].frames[1])


@pytest.mark.parametrize("name", ["tartanair", "spring", "unrealstereo4k", "dl3dv"])
def test_poses_that_are_none_are_told_with_their_file(tmp_path, name):
    camera = WRITERS[name, "published"](tmp_path).camera
    assert camera is not None
    content = dict(np.load(camera))
    key = next(key for key, values in content.items() if values.shape == (4, 4))
    np.savez(camera, **{**content, key: np.full((4, 4), np.nan)})
    source = open_source(SOURCES[name], tmp_path)
    with pytest.raises(InputError, match=rf"{camera.name}\): its pose is not a rigid motion"):
        source.view(source.scenes[0], source.scenes[0].frames[1])
