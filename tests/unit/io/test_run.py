"""Reading runs of ours and of the published release."""

import json

import numpy as np
import pytest
import torch

from mda.errors import InputError
from mda.io.archive import RunWriter, load_run, save_prediction
from mda.io.images import write_png
from tests.unit.io.runs import SIZE, info, prediction, view


def published_run(folder, *, sky_at=(1,)):
    """What the published demo writes: no run.json, no confidence, sky only where there is some."""
    height, width = SIZE
    for part in ("depth", "color", "camera", "sky"):
        (folder / part).mkdir(parents=True)
    for i in range(3):
        np.save(folder / f"depth/{i:06d}.npy", np.full(SIZE, i + 1, np.float32))
        write_png(folder / f"color/{i:06d}.png", np.full((height, width, 3), i, np.uint8))
        pose = np.eye(4, dtype=np.float32)
        np.savez(
            folder / f"camera/{i:06d}.npz", pose=pose[:3] if i == 2 else pose, intrinsics=np.eye(3, dtype=np.float32)
        )
        if i in sky_at:
            np.save(folder / f"sky/{i:06d}.npy", np.ones(SIZE, bool))
    (folder / "screenshots").mkdir()
    (folder / "depth/._000000.npy").write_bytes(b"x")
    return folder


def test_a_run_of_the_published_release_opens(tmp_path):
    run = load_run(published_run(tmp_path / "scene"))
    assert len(run) == 3
    assert run.names == ("000000", "000001", "000002")
    assert run.info.model == "scene"
    assert [bool(run.sky(i).any()) for i in range(3)] == [False, True, False]
    assert run.confidence(0) is None
    assert run.mixture(0) is None
    assert run.cameras().batch_shape == (3,)
    read = run.prediction()
    assert torch.equal(read.confidence, torch.ones(3, *SIZE))
    assert read.sky.flatten(1).all(1).tolist() == [False, True, False]
    assert read.points().positions.shape == (2 * SIZE[0] * SIZE[1], 3)


def test_a_published_run_without_any_sky_does_not_know_sky(tmp_path):
    run = load_run(published_run(tmp_path / "scene", sky_at=()))
    assert run.sky(0) is None
    assert run.prediction().sky is None


def test_depth_stays_on_disk_until_it_is_used(tmp_path):
    run = load_run(save_prediction(prediction(1), tmp_path / "run"))
    depth = run.depth(0)
    assert isinstance(depth, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        depth[0, 0] = 5


def test_numbers_may_have_gaps_and_more_digits(tmp_path):
    with RunWriter(tmp_path / "run", info()) as writer:
        for number in (10, 2, 1_000_000):
            writer.write_view(number, view(number % 250))
    run = load_run(tmp_path / "run")
    assert run.numbers == (2, 10, 1_000_000)
    assert [float(run.depth(i)[0, 0]) for i in range(3)] == [3, 11, 1]


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        load_run(tmp_path / "absent")
    with pytest.raises(InputError, match=r"no depth/000000\.npy"):
        load_run(tmp_path)
    RunWriter(tmp_path / "run", info())
    with pytest.raises(InputError, match="interrupted before its first view"):
        load_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("depth/000000.npy", b"short"),
        ("depth/000000.npy", None),
        ("color/000000.png", b"short"),
        ("color/000000.png", None),
        ("camera/000000.npz", b"short"),
        ("camera/000000.npz", None),
        ("conf/000000.npy", b""),
        ("sky/000000.npy", b"\x93NUMPY"),
        ("mixture/000000.npz", b"PK\x03\x04short"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content):
    folder = save_prediction(prediction(2), tmp_path / "run", save_mixture=True)
    run = load_run(folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
        run.view(0)
    assert len(str(caught.value).splitlines()) == 1
    assert run.view(1).depth.shape == SIZE


def test_files_with_other_things_in_them_are_named(tmp_path):
    folder = save_prediction(prediction(2), tmp_path / "run", save_mixture=True)
    run = load_run(folder)
    np.save(folder / "depth/000000.npy", np.zeros((2, 3, 4), np.float32))
    with pytest.raises(InputError, match=r"depth/000000\.npy holds float32 of shape \(2, 3, 4\)"):
        run.depth(0)
    np.save(folder / "depth/000000.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"depth/000000\.npy is damaged"):
        run.depth(0)
    np.savez(folder / "camera/000000.npz", pose=np.eye(3), intrinsics=np.eye(3))
    with pytest.raises(InputError, match=r"camera/000000\.npz holds pose \(3, 3\)"):
        run.camera(0)
    np.savez(folder / "camera/000000.npz", pose=np.eye(4))
    with pytest.raises(InputError, match=r"camera/000000\.npz lacks intrinsics"):
        run.camera(0)
    stored = dict(np.load(folder / "mixture/000000.npz"))
    np.savez(folder / "mixture/000000.npz", **{**stored, "family": np.array("cauchy")})
    with pytest.raises(InputError, match=r"mixture/000000\.npz holds a mixture of an unknown kind"):
        run.mixture(0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be read"),
        ("[]", "no format_version"),
        ('{"format_version": "1"}', "no format_version"),
        ('{"format_version": 99}', "update mda"),
        ('{"format_version": 1}', "lacks or mistakes a field"),
        ('{"format_version": 1, "model": "m", "status": "odd"}', "lacks or mistakes a field"),
        ('{"format_version": 1, "model": "m", "status": "running", "views": [{}]}', "lacks or mistakes a field"),
    ],
)
def test_a_damaged_run_json_is_named(tmp_path, text, reason):
    folder = save_prediction(prediction(1), tmp_path / "run")
    (folder / "run.json").write_text(text)
    with pytest.raises(InputError, match=rf"run\.json .*{reason}"):
        load_run(folder)


def test_fields_of_later_programs_are_ignored(tmp_path):
    folder = save_prediction(prediction(1), tmp_path / "run")
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, "invented_later": 1}))
    assert load_run(folder).info.model == "mda_mini"


def test_views_of_different_sizes_do_not_make_one_prediction(tmp_path):
    folder = save_prediction(prediction(2), tmp_path / "run")
    for number in (0, 1):
        (folder / f"conf/{number:06d}.npy").unlink()
        (folder / f"sky/{number:06d}.npy").unlink()
    np.save(folder / "depth/000001.npy", np.ones((14, 14), np.float32))
    write_png(folder / "color/000001.png", np.zeros((14, 14, 3), np.uint8))
    with pytest.raises(InputError, match="differ in size"):
        load_run(folder).prediction()
