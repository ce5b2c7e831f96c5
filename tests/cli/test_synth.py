import numpy as np
import pytest

from mda.io.archive import load_run


def files_of(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_scenes_are_made_and_predicted(command, predict, tmp_path):
    out = tmp_path / "scenes"
    made = command("synth", out, "--clips", 2, "--views", 2, "--size", "48x64", "--seed", 7, "--workers", 1)
    assert made.code == 0, made.err
    assert "2 clips of 2 views, 64 x 48 pixels" in made.out
    scenes = sorted(path for path in out.iterdir() if path.is_dir())
    assert len(scenes) == 2
    assert len(list((scenes[0] / "color").iterdir())) == 2
    # What the last line says.
    result = predict(*(scene / "color" for scene in scenes), "--out", tmp_path / "runs")
    assert result.code == 0, result.err
    runs = sorted(path for path in (tmp_path / "runs").iterdir())
    assert len(runs) == 2
    for run in runs:
        assert len(load_run(run)) == 2


def test_a_seed_makes_one_scene_only_and_a_second_time_nothing(command, tmp_path):
    options = ["--clips", 1, "--views", 1, "--size", "32x48", "--seed", 3, "--workers", 1]
    for name in ("a", "b"):
        assert command("synth", tmp_path / name, *options).code == 0
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    for file in files_of(tmp_path / "a"):
        if file.suffix == ".npy":
            np.testing.assert_array_equal(np.load(tmp_path / "a" / file), np.load(tmp_path / "b" / file))
    times = {file: (tmp_path / "a" / file).stat().st_mtime_ns for file in files_of(tmp_path / "a")}
    assert command("synth", tmp_path / "a", *options).code == 0
    assert times == {file: (tmp_path / "a" / file).stat().st_mtime_ns for file in files_of(tmp_path / "a")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "240"], "HEIGHTxWIDTH"),
        (["--size", "0x10"], "HEIGHTxWIDTH"),
        (["--clips", "0"], "not a whole number above 0"),
        (["--family", "castle"], "castle"),
        (["--workers", "-1"], "not a whole number above 0"),
    ],
)
def test_options_that_cannot_work_are_one_line(command, tmp_path, arguments, words):
    result = command("synth", tmp_path / "scenes", *arguments)
    assert result.code == 2
    assert words in result.err
    assert len(result.err.splitlines()) == 1


def test_effects_change_pictures_and_not_depth(command, tmp_path):
    options = ["--clips", 1, "--views", 1, "--workers", 1, "--size", "32x48", "--seed", 3]
    assert command("synth", tmp_path / "clean", *options).code == 0
    assert command("synth", tmp_path / "worn", *options, "--camera-effects").code == 0
    changed = {
        file.suffix
        for file in files_of(tmp_path / "clean")
        if (tmp_path / "clean" / file).read_bytes() != (tmp_path / "worn" / file).read_bytes()
    }
    assert ".png" in changed
    assert ".npy" not in changed


def test_an_unwritable_folder(command, tmp_path):
    (tmp_path / "file").touch()
    result = command("synth", tmp_path / "file" / "scenes", "--clips", 1, "--workers", 1, "--size", "32x48")
    assert result.code == 2
    assert "choose another output folder" in result.err


def test_other_settings_in_the_same_place(command, tmp_path):
    options = ["--clips", 1, "--views", 1, "--workers", 1]
    assert command("synth", tmp_path / "a", *options, "--size", "32x48").code == 0
    result = command("synth", tmp_path / "a", *options, "--size", "48x64")
    assert result.code == 2
    assert "other settings" in result.err


def test_stopping_says_how_to_go_on(command, tmp_path, monkeypatch):
    def stopping(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("mda.synthetic.write_scenes", stopping)
    result = command("synth", tmp_path / "a", "--clips", 1)
    assert result.code == 130
    assert "the same command goes on" in result.err
