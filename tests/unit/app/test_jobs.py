"""What the web app does, without a browser."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from mda.app import jobs as app_jobs
from mda.app.jobs import AppLimits, JobOptions, Jobs, models_here
from mda.errors import ConfigError, InputError
from mda.io.clouds import CloudFilter
from mda.io.exporters import FORMATS
from mda.io.ply import read_ply
from tests.cli.conftest import photo
from tests.unit.io.videos import write_video

SMALL = JobOptions(model="mda_mini", size=64, fps=10.0)


@pytest.fixture
def jobs():
    jobs = Jobs(AppLimits(images=4, seconds=3.0, size=96), models=["mda_mini"], device="cpu")
    yield jobs
    jobs.close()
    assert not jobs.folder.exists()


@pytest.fixture
def photos(tmp_path):
    return [photo(tmp_path / f"{number} ü.jpg", seed=number) for number in range(3)]


def nothing(*_) -> None:
    """Nobody watches."""


def test_photos_become_pictures_a_summary_and_exports(jobs, photos) -> None:
    seen = []
    run = jobs.predict(photos, SMALL, lambda done, total: seen.append((done, total)))
    assert run.is_relative_to(jobs.folder)
    assert seen[-1] == (3, 3)
    image, depth = jobs.pictures(run, 2)
    assert image.shape == depth.shape == (48, 64, 3)
    assert len(np.unique(depth.reshape(-1, 3), axis=0)) > 10
    assert "3 views" in jobs.summary(run)
    assert "Apache-2.0" in jobs.summary(run)
    assert len(read_ply(jobs.export(run, "ply")).positions) > 0
    jobs.remove(str(run))
    assert not run.exists()


def test_folders_are_packed(jobs, photos, monkeypatch) -> None:
    run = jobs.predict(photos[:1], SMALL, nothing)
    folder = run / "exports" / "several"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    monkeypatch.setattr(jobs, "_export", lambda *_: folder)
    with zipfile.ZipFile(jobs.export(run, "ply")) as packed:
        assert packed.namelist()[-1] == "a.txt"


def test_what_is_too_much_is_refused_before_any_work(jobs, tmp_path) -> None:
    many = [photo(tmp_path / f"{number}.png") for number in range(5)]
    with pytest.raises(InputError, match="5 views; at most 4"):
        jobs.predict(many, SMALL, nothing)
    long = write_video(tmp_path / "long.mp4", [500 * number for number in range(12)])
    with pytest.raises(InputError, match="at most 3 s"):
        jobs.predict([long], SMALL, nothing)
    short = write_video(tmp_path / "short.mp4", [100 * number for number in range(12)])
    with pytest.raises(InputError, match="at most 4"):
        jobs.predict([short], SMALL, nothing)
    assert list(jobs.folder.glob("run-*")) == []


def test_no_files_other_files_and_several_clips_are_refused(jobs, tmp_path, photos) -> None:
    (tmp_path / "a.jpg").write_text("hello")
    with pytest.raises(InputError, match="Drop some"):
        jobs.predict([], SMALL, nothing)
    with pytest.raises(InputError, match=r"a\.jpg"):
        jobs.predict([tmp_path / "a.jpg"], SMALL, nothing)
    video = write_video(tmp_path / "a.mp4", [0, 100])
    with pytest.raises(InputError, match="one place or one video"):
        jobs.predict([*photos, video], SMALL, nothing)
    assert list(jobs.folder.glob("run-*")) == []


def test_a_model_that_is_not_offered_is_refused(jobs, photos) -> None:
    with pytest.raises(ConfigError, match="choose one of mda_mini"):
        jobs.predict(photos, JobOptions(model="/etc/passwd"), nothing)


def test_views_are_never_larger_than_the_limit(jobs, tmp_path) -> None:
    large = photo(tmp_path / "large.png", hw=(480, 640))
    run = jobs.predict([large], JobOptions(model="mda_mini", size=640), nothing)
    assert jobs.pictures(run, 0)[0].shape[1] == 96


def test_only_results_of_the_app_are_removed(jobs, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    jobs.remove(str(tmp_path / "mine"))
    jobs.remove(str(jobs.folder / ".." / tmp_path.name))
    jobs.remove(None)
    assert (tmp_path / "mine").exists()


def test_damaged_photos_are_told_without_our_paths(jobs, photos, tmp_path) -> None:
    broken = tmp_path / "broken.png"
    Image.new("RGB", (64, 48)).save(broken)
    broken.write_bytes(broken.read_bytes()[:60])
    run = jobs.predict([*photos, broken], SMALL, nothing)
    assert "broken.png" in jobs.summary(run)
    assert str(jobs.folder) not in jobs.summary(run)


def test_models_on_this_machine_are_offered() -> None:
    assert "mda_mini" in models_here()
    jobs = Jobs(AppLimits())
    jobs.close()
    assert jobs.models == models_here()


def test_a_video_with_more_views_than_it_says_is_stopped(jobs, tmp_path, monkeypatch) -> None:
    video = write_video(tmp_path / "lies.mp4", [100 * number for number in range(12)])
    monkeypatch.setattr(app_jobs, "count_views", lambda *_, **__: 1)
    with pytest.raises(InputError, match="more views than the 4"):
        jobs.predict([video], SMALL, nothing)
    assert list(jobs.folder.glob("run-*")) == []


def test_the_model_s_own_size_is_within_the_limit_too(jobs, photos) -> None:
    run = jobs.predict(photos[:1], JobOptions(model="mda_mini"), nothing)
    assert jobs.pictures(run, 0)[0].shape[1] == 96


@pytest.mark.parametrize("wrong", [{"fps": 0.0}, {"fps": float("nan")}, {"fps": 1e9}, {"size": -1}, {"decoder": "rm"}])
def test_values_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        JobOptions(model="mda_mini", **wrong)


def test_messages_keep_file_names_and_lose_folders(jobs) -> None:
    file = jobs.uploads / "0123abcd" / "my photo (1).jpg"
    assert jobs.told(f"{file} is damaged; copy it again.") == "my photo (1).jpg is damaged; copy it again."
    assert jobs.told("Nothing to hide: a/b.jpg") == "Nothing to hide: a/b.jpg"


def test_photos_of_one_name_are_both_taken(jobs, tmp_path) -> None:
    for number in range(2):
        (tmp_path / str(number)).mkdir()
    files = [photo(tmp_path / str(number) / "same.jpg", seed=number) for number in range(2)]
    run = jobs.predict(files, SMALL, nothing)
    assert "2 views" in jobs.summary(run)


def test_every_format_can_be_taken_away_as_one_file(jobs, photos) -> None:
    run = jobs.predict(photos[:2], SMALL, nothing)
    for name, found in FORMATS.items():
        if name != "rrd":  # its library says on standard error that it sends nothing home
            taken = jobs.export(run, name)
            assert taken.stat().st_size > 100
            assert (taken.suffix == ".zip") == found.is_folder


def test_filters_reach_cloud_and_exports(jobs, photos) -> None:
    run = jobs.predict(photos, SMALL, nothing)
    halved = CloudFilter(drop_percent=50.0)
    every, half = (len(read_ply(jobs.export(run, "ply", filters)).positions) for filters in (CloudFilter(), halved))
    assert half == pytest.approx(every / 2, rel=0.02)
    assert jobs.cloud(run, halved).stat().st_size < jobs.cloud(run).stat().st_size


def test_pictures_of_different_things_have_no_common_cloud(jobs, photos) -> None:
    run = jobs.predict(photos, JobOptions(model="mda_mini", size=64, alone=True), nothing)
    assert jobs.cloud(run) is None
    assert jobs.export(run, "depth-png").exists()
