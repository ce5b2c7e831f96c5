"""Films and pictures without a browser."""

from dataclasses import replace

import numpy as np
import pytest

from mda.errors import ConfigError, InputError, OutputError
from mda.io.archive import load_run
from mda.io.images import read_image
from mda.io.video import VideoReader
from mda.mixtures import Decoder
from mda.viewer.display import Display
from mda.viewer.drawing import Look
from mda.viewer.filming import Cancelled, FilmSettings, clouds_of, film, film_run
from mda.viewer.scene import Scene
from mda.viewer.view_files import encode_keypoints
from tests.unit.viewer.walls import BLUE, RED, write_run

SMALL = FilmSettings(image_hw=(60, 80), fps=10.0, seconds=0.6)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "walls ü", 3)


def frames(path):
    return [frame.pixels for frame in VideoReader(path, fps=None)]


def near(pixels, color):
    return (np.abs(pixels.astype(int) - color).max(-1) < 60).mean()


@pytest.mark.parametrize("way", ["swing", "orbit", "cameras"])
def test_a_film_has_the_asked_size_length_and_content(run, tmp_path, way):
    path, told = tmp_path / "film ü.mp4", []
    said = film_run(run, path, replace(SMALL, way=way), on_progress=told.append)
    pictures = frames(path)
    assert len(pictures) == 6
    assert pictures[0].shape == (60, 80, 3)
    assert told == [1, 2, 3, 4, 5, 6]
    assert said.startswith("6 pictures of")
    assert near(pictures[0], RED) > 0.02
    assert near(pictures[0], BLUE) > 0.2
    assert VideoReader(path).source_fps == pytest.approx(10)


def test_views_one_after_the_other(run, tmp_path):
    path = tmp_path / "views.mp4"
    assert film_run(run, path, replace(SMALL, way="views")) == "3 views"
    assert len(frames(path)) == 3


def test_a_way_from_a_file(run, tmp_path):
    scene = Scene(load_run(run))
    scene.load(1000)
    pose = scene.first_pose(scene.extent())
    keys = tmp_path / "keys.json"
    keys.write_bytes(encode_keypoints([pose, pose.turned(tilt=0.1)]))
    film_run(run, tmp_path / "film.mp4", replace(SMALL, way=str(keys)))
    assert len(frames(tmp_path / "film.mp4")) == 6
    keys.write_text("{}")
    with pytest.raises(InputError, match="not a view"):
        film_run(run, tmp_path / "other.mp4", replace(SMALL, way=str(keys)))


def test_a_picture_is_the_same_every_time_and_shows_the_look(run, tmp_path):
    paths = [tmp_path / f"{name}.png" for name in ("a", "b", "c")]
    assert film_run(run, paths[0], SMALL).endswith("points")
    film_run(run, paths[1], SMALL)
    look = Look(decoder=Decoder.MEAN, flying=True, display=Display(show_sky=True))
    film_run(run, paths[2], replace(SMALL, look=look))
    first, second, third = map(read_image, paths)
    np.testing.assert_array_equal(first, second)
    assert (first != third).any()
    assert ((third[..., 0] > 150) & (third[..., 1] < 60) & (third[..., 2] < 40)).any()


def test_files_are_not_replaced_unless_told(run, tmp_path):
    path = tmp_path / "shot.png"
    path.write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        film_run(run, path, SMALL)
    assert path.read_text() == "mine"
    film_run(run, path, SMALL, overwrite=True)
    assert read_image(path).shape == (60, 80, 3)


def test_what_cannot_be_made(run, tmp_path):
    with pytest.raises(ConfigError, match=r"neither a picture nor a film"):
        film_run(run, tmp_path / "film.avi", SMALL)
    empty = write_run(tmp_path / "empty", 1)
    (empty / "color" / "000000.png").unlink()
    with pytest.raises(InputError, match=r"nothing to see.*000000\.png"):
        film_run(empty, tmp_path / "film.mp4", SMALL)
    for wrong in ({"image_hw": (10, 80)}, {"fps": 0.0}, {"seconds": 1e9}):
        with pytest.raises(ConfigError, match="cannot have"):
            replace(SMALL, **wrong)
    assert not list(tmp_path.glob("*.mp4"))


def test_a_film_that_is_not_wanted_leaves_nothing(run, tmp_path):
    scene = Scene(load_run(run))
    samples = scene.load(1000)
    extent = scene.extent()
    clouds, pose = clouds_of(scene, extent, samples, Look()), scene.first_pose(extent)

    def cancel(number):
        if number == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        film(tmp_path / "film.mp4", clouds, [pose] * 9, SMALL, size=0.1, on_progress=cancel)
    assert not list(tmp_path.iterdir())
