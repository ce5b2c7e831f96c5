"""What all formats have in common."""

import pytest

from mda.errors import ConfigError, OutputError
from mda.io.clouds import CloudFilter
from mda.io.exporters import FORMATS, ExportSettings, export_run


def test_no_two_formats_go_to_one_place() -> None:
    places = [found.place for found in FORMATS.values()]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_run_stays_as_it_was_and_the_export_is_whole(run, tmp_path, name) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    report = export_run(run, name)
    assert report.path == run.path / "exports" / FORMATS[name].place
    assert report.path.is_dir() == FORMATS[name].is_folder
    assert report.problems == ()
    assert [path.name for path in (run.path / "exports").iterdir()] == [FORMATS[name].place]
    assert before == {path: path.read_bytes() for path in before}
    # Again, over what is there.
    export_run(run, name, overwrite=True)
    assert [path.name for path in (run.path / "exports").iterdir()] == [FORMATS[name].place]
    assert list(tmp_path.iterdir()) == [run.path]


def test_a_folder_of_somebody_is_never_replaced(run, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    for name in ("colmap", "exr"):
        with pytest.raises(OutputError, match=r"thesis\.txt"):
            export_run(run, name, tmp_path / "mine", overwrite=True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    # Not even if it was an export once.
    export_run(run, "colmap", tmp_path / "model")
    (tmp_path / "model" / "trained.ckpt").write_text("days")
    with pytest.raises(OutputError, match=r"trained\.ckpt"):
        export_run(run, "colmap", tmp_path / "model", overwrite=True)
    assert (tmp_path / "model" / "trained.ckpt").read_text() == "days"
    # An empty one is taken, and an export of ours is replaced, without what is old.
    (tmp_path / "empty").mkdir()
    export_run(run, "exr", tmp_path / "empty", overwrite=True)
    export_run(run, "exr", tmp_path / "empty", ExportSettings(filters=CloudFilter(last=0)), overwrite=True)
    assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == [".mda-export.json", "000000.exr"]


def test_views_that_are_not_there_are_told(run, tmp_path) -> None:
    with pytest.raises(ConfigError, match="3 views"):
        export_run(run, "ply", tmp_path / "a.ply", ExportSettings(filters=CloudFilter(first=3)))


def test_options_that_a_format_does_not_know_are_told(run, tmp_path, caplog) -> None:
    export_run(run, "ply", tmp_path / "a.ply", ExportSettings(mesh=True, normals=True, original_size=True))
    assert "does not know --mesh, --original-size" in caplog.text
