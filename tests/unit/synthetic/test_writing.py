import numpy as np
import pytest

from mda.data import FolderSource
from mda.errors import ConfigError, InputError, OutputError
from mda.synthetic import RenderOptions, render_clip, write_scenes

SMALL = {"views": 2, "image_hw": (16, 24)}


def test_scenes_come_back_as_they_were_made(tmp_path):
    scenes = write_scenes(tmp_path / "out", clips=2, seed=7, **SMALL)
    assert [scene.name for scene in scenes] == ["scene_00000007", "scene_00000008"]
    source = FolderSource(tmp_path / "out")
    assert len(source) == 2
    assert np.array_equal(source.clip(1).images, render_clip(8, **SMALL).images)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    seen = []

    def interrupt(done, total):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path, clips=3, progress=interrupt, **SMALL)
    assert seen == [(0, 3), (1, 3), (2, 3)]
    (tmp_path / ".scene_00000002.beef.partial").mkdir()
    first = tmp_path / "scene_00000000" / "scene.json"
    before = first.stat().st_mtime_ns
    seen.clear()
    write_scenes(tmp_path, clips=3, progress=lambda *numbers: seen.append(numbers), **SMALL)
    assert seen == [(2, 3), (3, 3)]
    assert first.stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"scene_{i:08d}" for i in range(3)]


def test_processes_make_the_same_scenes(tmp_path):
    alone = write_scenes(tmp_path / "alone", clips=2, **SMALL)
    together = write_scenes(tmp_path / "together", clips=2, workers=2, **SMALL)
    for one, other in zip(alone, together, strict=True):
        for path in sorted(one.rglob("*.*")):
            assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()


def test_scenes_of_other_settings_are_not_mixed_in(tmp_path):
    write_scenes(tmp_path, clips=1, **SMALL)
    with pytest.raises(InputError, match=r"scene_00000000.*other settings"):
        write_scenes(tmp_path, clips=1, views=3, image_hw=(16, 24))
    with pytest.raises(InputError, match="other settings"):
        write_scenes(tmp_path, clips=1, options=RenderOptions(family="room"), **SMALL)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("here first")
    with pytest.raises(OutputError, match="out"):
        write_scenes(tmp_path / "out", clips=1, **SMALL)


@pytest.mark.parametrize("settings", [{"clips": 0}, {"clips": 1, "workers": 0}])
def test_nothing_to_do_is_refused(tmp_path, settings):
    with pytest.raises(ConfigError, match="at least 1 clip"):
        write_scenes(tmp_path, **settings)
