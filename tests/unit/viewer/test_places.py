"""Finding runs below folders."""

import pytest

from mda.errors import InputError
from mda.viewer.places import find_runs


def make(*folders):
    for folder in folders:
        (folder / "depth").mkdir(parents=True)


def labels(*paths, method=None):
    return [place.label for place in find_runs(paths, method=method)[0]]


def test_a_run_alone(tmp_path, monkeypatch):
    make(tmp_path / "my run ü")
    assert labels(tmp_path / "my run ü") == ["my run ü"]
    monkeypatch.chdir(tmp_path / "my run ü")
    assert labels(type(tmp_path)(".")) == ["my run ü"]


def test_runs_below_a_folder_in_natural_order(tmp_path):
    make(tmp_path / "run10", tmp_path / "run2", tmp_path / "scene" / "b", tmp_path / "scene" / "a")
    (tmp_path / "notes").mkdir()
    assert labels(tmp_path) == ["run2", "run10", "scene/a", "scene/b"]


def test_a_method_of_all_scenes(tmp_path):
    make(tmp_path / "s1" / "mda", tmp_path / "s1" / "other", tmp_path / "s2" / "mda")
    assert labels(tmp_path, method="mda") == ["s1", "s2"]
    with pytest.raises(InputError, match="no run with the name nothing"):
        find_runs([tmp_path], method="nothing")


def test_equal_names_are_told_apart(tmp_path):
    make(tmp_path / "a" / "run", tmp_path / "b" / "run")
    assert labels(tmp_path / "a" / "run", tmp_path / "b" / "run") == ["run", "run (2)"]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    make(tmp_path / "elsewhere" / "run", tmp_path / "mine" / "run")
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "elsewhere")
    places, problems = find_runs([tmp_path / "mine"])
    assert [place.label for place in places] == ["run"]
    assert len(problems) == 1
    assert "is a link that leads out" in problems[0]
    # Named by itself it is what the user wants.
    assert labels(tmp_path / "mine" / "link") == ["run"]


def test_a_link_that_goes_round_in_circles_ends(tmp_path):
    make(tmp_path / "a" / "run")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    assert "run" in labels(tmp_path / "a")


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="There is no run in"):
        find_runs([tmp_path])
    with pytest.raises(InputError, match="is not a folder"):
        find_runs([tmp_path / "absent"])
