"""Runs: whole views or none, resumable, and never over other people's files."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mda.errors import ConfigError, InputError, OutputError
from mda.io import atomic
from mda.io.archive import RunWriter, load_run, save_prediction
from mda.io.images import read_image
from tests.unit.io.runs import SIZE, info, mixture, prediction, view


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def snapshot(folder):
    return {name: (folder / name).read_bytes() for name in files(folder) if name not in {"run.json", "preview.png"}}


@pytest.mark.parametrize("knows_sky", [True, False])
@pytest.mark.parametrize("with_mixture", [True, False])
def test_a_prediction_round_trips_bit_for_bit(tmp_path, knows_sky, with_mixture):
    made = prediction(knows_sky=knows_sky, with_mixture=with_mixture)
    folder = made.save(tmp_path / "out" / "my run ü", save_mixture=with_mixture)
    read = load_run(folder).prediction()
    for name in ("images", "depth", "confidence"):
        assert torch.equal(getattr(read, name), getattr(made, name))
    assert torch.equal(read.cameras.world_from_cam, made.cameras.world_from_cam)
    assert torch.equal(read.cameras.intrinsics, made.cameras.intrinsics)
    assert read.cameras.image_hw == SIZE
    assert read.names == made.names
    assert (read.model, read.licence, read.decoder) == ("mda_mini", "Apache-2.0", "mode")
    assert read.details["device"] == "cpu"
    assert read.details["timings"] == {"network": 1.5}
    if knows_sky:
        assert torch.equal(read.sky, made.sky)
    else:
        assert read.sky is None
        assert not (folder / "sky").exists()
    if with_mixture:
        for name in ("locs", "scales", "log_weights"):
            assert torch.equal(getattr(read.mixture, name), getattr(made.mixture, name))
        assert (read.mixture.family, read.mixture.space) == ("laplace", "linear")
    else:
        assert read.mixture is None
        assert not (folder / "mixture").exists()


def test_the_layout_is_what_the_contract_says(tmp_path):
    folder = save_prediction(prediction(2), tmp_path / "run", save_mixture=True, command="mda predict x")
    parts = ["camera/{}.npz", "color/{}.png", "conf/{}.npy", "depth/{}.npy", "mixture/{}.npz", "sky/{}.npy"]
    views = [part.format(number) for number in ("000000", "000001") for part in parts]
    assert files(folder) == sorted([*views, "preview.png", "run.json"])
    height, width = SIZE
    depth = np.load(folder / "depth/000001.npy", allow_pickle=False)
    assert (depth.dtype, depth.shape) == (np.float32, SIZE)
    assert read_image(folder / "color/000001.png").shape == (height, width, 3)
    camera = np.load(folder / "camera/000001.npz", allow_pickle=False)
    assert sorted(camera) == ["intrinsics", "pose"]
    assert camera["pose"].shape == (4, 4)
    assert camera["intrinsics"].shape == (3, 3)
    sky = np.load(folder / "sky/000001.npy", allow_pickle=False)
    assert (sky.dtype, sky.shape) == (np.bool_, SIZE)
    assert np.load(folder / "conf/000001.npy", allow_pickle=False).dtype == np.float32
    stored = np.load(folder / "mixture/000001.npz", allow_pickle=False)
    assert sorted(stored) == ["family", "locs", "log_weights", "scales", "space"]
    assert stored["locs"].shape == (height, width, 3)
    assert (str(stored["family"]), str(stored["space"])) == ("laplace", "linear")
    described = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert described["format_version"] == 1
    assert described["status"] == "complete"
    assert (described["command"], described["model"]) == ("mda predict x", "mda_mini")
    assert (described["licence"], described["decoder"]) == ("Apache-2.0", "mode")
    assert described["sizes"] == {"asked": 504, "image_hw": [height, width]}
    assert [entry["name"] for entry in described["views"]] == ["photo ü 0.jpg", "photo ü 1.jpg"]
    assert described["timings"] == {"network": 1.5}
    assert {"mda", "python", "torch", "numpy"} <= described["versions"].keys()


def interrupted_run(folder, error=None):
    """A run that breaks off in its third view."""
    with RunWriter(folder, info(size=504)) as writer:
        for number in range(2):
            writer.write_view(number, view(number), source_hw=(480, 640), crop=(0, 0, 480, 640), seconds=0.2 * number)
        raise error or RuntimeError("the network failed")


def test_an_interrupted_run_keeps_its_views_and_goes_on(tmp_path):
    with pytest.raises(RuntimeError, match="the network failed"):
        interrupted_run(tmp_path / "run")
    half = load_run(tmp_path / "run")
    assert half.info.status == "interrupted"
    assert half.names == ("0.jpg", "1.jpg")
    assert half.info.views[1].source_hw == (480, 640)
    assert half.info.views[1].crop == (0, 0, 480, 640)
    assert half.info.views[1].time == pytest.approx(0.2)
    before = snapshot(tmp_path / "run")
    with RunWriter(tmp_path / "run", info(size=504)) as writer:
        assert writer.complete == {0, 1}
        writer.write_view(2, view(2))
    whole = load_run(tmp_path / "run")
    assert whole.info.status == "complete"
    assert whole.names == ("0.jpg", "1.jpg", "2.jpg")
    assert [float(whole.depth(i)[0, 0]) for i in range(3)] == [1, 2, 3]
    assert before.items() <= snapshot(tmp_path / "run").items()


def test_ctrl_c_is_an_interruption_like_any_other(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(tmp_path / "run", KeyboardInterrupt())
    assert load_run(tmp_path / "run").info.status == "interrupted"


class Killed(BaseException):
    """Stands for the end of the process: nothing after it reaches the disk."""


@pytest.mark.parametrize("renames", range(1, 14))
def test_a_killed_process_leaves_whole_views_only(tmp_path, monkeypatch, renames):
    folder, left, replace_file = tmp_path / "run", [renames], Path.replace

    def rename_or_die(self, target):
        if not left[0]:
            monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # the dead do not tidy up
            raise Killed
        left[0] -= 1
        return replace_file(self, target)

    def run_until_killed():
        with RunWriter(folder, info(size=504)) as writer:
            for number in range(9):
                writer.write_view(number, view(number))

    monkeypatch.setattr(Path, "replace", rename_or_die)
    with pytest.raises(Killed):
        run_until_killed()
    monkeypatch.undo()
    assert list(folder.rglob("*.partial"))
    # run.json at the start, then for each view five parts and run.json again; depth is the fifth part.
    whole = renames // 6
    if whole:
        run = load_run(folder)
        assert run.numbers == tuple(range(whole))
        assert [run.view(i).depth[0, 0] for i in range(whole)] == [1 + i for i in range(whole)]
    with RunWriter(folder, info(size=504)) as writer:
        assert writer.complete == frozenset(range((renames - 1) // 6))
        assert not list(folder.rglob("*.partial"))
        assert len(list((folder / "depth").glob("*.npy"))) == len(writer.complete)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    with pytest.raises(RuntimeError):
        interrupted_run(tmp_path / "run")
    leftovers = [tmp_path / "run/depth/.000002.npy.0a.partial", tmp_path / "run/.run.json.0b.partial"]
    for path in leftovers:
        path.write_bytes(b"half")
    RunWriter(tmp_path / "run", info(size=504))
    assert not any(path.exists() for path in leftovers)


@pytest.mark.parametrize("damage", ["short depth", "no colour", "no camera", "no sky"])
def test_a_damaged_view_is_made_again(tmp_path, damage):
    with pytest.raises(RuntimeError):
        interrupted_run(tmp_path / "run")
    depth = tmp_path / "run/depth/000001.npy"
    match damage:
        case "short depth":
            depth.write_bytes(depth.read_bytes()[:-100])
        case "no colour":
            (tmp_path / "run/color/000001.png").unlink()
        case "no camera":
            (tmp_path / "run/camera/000001.npz").write_bytes(b"")
        case _:
            (tmp_path / "run/sky/000001.npy").unlink()
    with RunWriter(tmp_path / "run", info(size=504)) as writer:
        assert writer.complete == {0}


@pytest.mark.parametrize("change", ["settings", "model", "decoder", "version", "resume"])
def test_other_settings_start_anew_without_mixing(tmp_path, change):
    with pytest.raises(RuntimeError):
        interrupted_run(tmp_path / "run")
    (tmp_path / "run/points.ply").write_bytes(b"x")
    (tmp_path / "run/notes.txt").write_bytes(b"mine")
    other = {
        "settings": info(size=518),
        "model": replace(info(size=504), model="other"),
        "decoder": replace(info(size=504), decoder="mean"),
        "version": replace(info(size=504), versions={"mda": "other"}),
        "resume": info(size=504),
    }[change]
    with RunWriter(tmp_path / "run", other, resume=change != "resume") as writer:
        assert writer.complete == frozenset()
        writer.write_view(0, view(7))
    run = load_run(tmp_path / "run")
    assert run.names == ("7.jpg",)
    assert not (tmp_path / "run/points.ply").exists()
    assert (tmp_path / "run/notes.txt").read_bytes() == b"mine"


def test_settings_compare_as_json_does(tmp_path):
    with RunWriter(tmp_path / "run", info(size=(1, 2), path=Path("a"))) as writer:
        writer.write_view(0, view(0))
    with RunWriter(tmp_path / "run", info(path=Path("a"), size=[1, 2])) as writer:
        assert writer.complete == {0}


@pytest.mark.parametrize("nth", [1, 3, 6])
def test_a_full_disk_costs_the_view_and_is_told(tmp_path, monkeypatch, nth):
    folder = tmp_path / "run"
    writer = RunWriter(folder, info(size=504))
    writer.write_view(0, view(0))
    before = snapshot(folder)
    opened = atomic.atomic_file
    calls = []

    class Full:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            calls.append(content)
            if len(calls) >= nth:
                self.file.write(content[: len(content) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(content)

    class FullFile:
        def __init__(self, path):
            self.inner = opened(path)

        def __enter__(self):
            return Full(self.inner.__enter__())

        def __exit__(self, *failure):
            return self.inner.__exit__(*failure)

    def run_on():
        with writer:
            writer.write_view(1, replace(view(1), mixture=mixture(*SIZE)))

    monkeypatch.setattr(atomic, "atomic_file", FullFile)
    with pytest.raises(OutputError, match=r"Cannot write .*: the disk is full; free some space") as caught:
        run_on()
    assert len(str(caught.value).splitlines()) == 1
    monkeypatch.undo()
    assert snapshot(folder) == before
    assert load_run(folder).view(0).name == "0.jpg"
    with RunWriter(folder, info(size=504)) as again:
        again.write_view(1, view(1))
    assert len(load_run(folder)) == 2


def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for folder in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/run")):
        with pytest.raises(OutputError, match=r"Cannot write .*choose another output folder"):
            RunWriter(folder, info())
    assert (tmp_path / "file").read_bytes() == b"x"


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "000000.npy").write_bytes(b"mine")
    with pytest.raises(
        OutputError, match=r"not empty and not a run of mda .*choose another folder, or allow overwriting"
    ):
        RunWriter(tmp_path, info())
    assert files(tmp_path) == ["depth/000000.npy"]
    (tmp_path / "run.json").write_text('{"name": "another program"}')
    with pytest.raises(OutputError, match=r"no format_version"):
        RunWriter(tmp_path, info())
    with RunWriter(tmp_path, info(), overwrite=True) as writer:
        writer.write_view(3, view(3))
    assert load_run(tmp_path).numbers == (3,)


def test_files_of_the_operating_system_do_not_make_a_folder_somebody_elses(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"x")
    with RunWriter(tmp_path, info()) as writer:
        writer.write_view(0, view(0))
    assert len(load_run(tmp_path)) == 1


def test_views_of_another_size_are_refused(tmp_path):
    writer = RunWriter(tmp_path / "run", info())
    writer.write_view(0, view(0))
    with pytest.raises(ConfigError, match=r"\(14, 14\), the others .* \(28, 42\)"):
        writer.write_view(1, view(1, (14, 14)))
    again = RunWriter(tmp_path / "run", info())
    writer.finish()
    again = RunWriter(tmp_path / "run", info())
    with pytest.raises(ConfigError, match=r"\(14, 14\)"):
        again.write_view(1, view(1, (14, 14)))


def test_parts_of_different_size_are_refused():
    with pytest.raises(ConfigError, match="differ in size"):
        replace(view(0), mixture=mixture(3, 4))


def test_a_run_without_views_can_be_finished(tmp_path):
    with RunWriter(tmp_path / "run", info()):
        pass
    assert files(tmp_path / "run") == ["run.json"]


def test_finish_takes_timings_and_details(tmp_path):
    with RunWriter(tmp_path / "run", info()) as writer:
        writer.write_view(0, view(0))
        writer.finish(
            timings={"total": 2.0, "network": torch.tensor(1.5)}, details={"peak": np.float32(0.5)}, preview=False
        )
    described = json.loads((tmp_path / "run/run.json").read_text())
    assert described["timings"] == {"total": 2.0, "network": 1.5}
    assert described["details"] == {"peak": 0.5}
    assert not (tmp_path / "run/preview.png").exists()


def test_views_tell_their_intrinsics_and_older_runs_are_read_without(tmp_path):
    with RunWriter(tmp_path, info()) as writer:
        writer.write_view(0, view(0), source_hw=(70, 84), crop=(7, 0, 56, 84), seconds=1.5)
        writer.write_view(1, view(1))
    first, second = load_run(tmp_path).info.views.values()
    # From 28 x 42 back to the window of 56 x 84, which begins in row 7.
    assert first.intrinsics == second.intrinsics == ((40.0, 0.0, 0.0), (0.0, 40.0, 0.0), (0.0, 0.0, 1.0))
    assert first.source_intrinsics == ((80.0, 0.0, 0.0), (0.0, 80.0, 7.0), (0.0, 0.0, 1.0))
    assert second.source_intrinsics is None
    path = tmp_path / "run.json"
    content = json.loads(path.read_text())
    for told in content["views"]:
        del told["intrinsics"], told["source_intrinsics"]
    path.write_text(json.dumps(content))
    older = load_run(tmp_path)
    assert older.info.views[0].source_intrinsics is None
    assert older.prediction().details["sources"][0]["source_hw"] == (70, 84)
    content["views"][0]["intrinsics"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"run\.json"):
        load_run(tmp_path)


def test_layers_of_transparent_surfaces_round_trip(tmp_path):
    density = replace(mixture(2, *SIZE), transparent=torch.rand(2, *SIZE) > 0.5)
    made = replace(prediction(2), mixture=density, layers=density.transparent_layers())
    folder = made.save(tmp_path / "run", save_mixture=True)
    run = load_run(folder)
    read = run.prediction()
    for name in ("first_depth", "last_depth", "transparent"):
        assert torch.equal(getattr(read.layers, name), getattr(made.layers, name))
    assert torch.equal(read.mixture.transparent, density.transparent)
    assert torch.equal(run.mixture(1).decode("layers"), made.layers.first_depth[1])
    assert "layers" in run.info.views[1].parts
    assert load_run(prediction(2).save(tmp_path / "opaque")).prediction().layers is None


def test_damaged_layers_are_named(tmp_path):
    density = replace(mixture(1, *SIZE), transparent=torch.zeros(1, *SIZE, dtype=torch.bool))
    folder = replace(prediction(1), layers=density.transparent_layers()).save(tmp_path / "run")
    file = folder / "layers" / "000000.npz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"layers.000000\.npz is damaged"):
        load_run(folder).layers(0)
    np.savez(file, first_depth=np.zeros((3, 4)), last_depth=np.zeros((3, 5)), transparent=np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"holds .* expected numbers of one shape"):
        load_run(folder).layers(0)
    np.savez(file, first_depth=np.full((3, 4), "a"), last_depth=np.zeros((3, 4)), transparent=np.zeros((3, 4)))
    with pytest.raises(InputError, match=r"holds .* expected numbers of one shape"):
        load_run(folder).layers(0)
    np.savez(file, first_depth=np.zeros((3, 4)), last_depth=np.zeros((3, 4)), transparent=np.zeros((3, 4)))
    with pytest.raises(InputError, match="differ in size"):
        load_run(folder).view(0)
