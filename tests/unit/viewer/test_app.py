"""The viewer without a browser: every control changes what is drawn."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("viser")

from viser import SceneNodePointerEvent

from mda.errors import ConfigError
from mda.io.images import read_image
from mda.io.video import VideoReader
from mda.viewer.app import Viewer, ViewerOptions
from mda.viewer.places import find_runs
from mda.viewer.poses import pose_of_camera
from mda.viewer.serving import start
from mda.viewer.view_files import decode_view
from tests.unit.viewer.walls import SIZE, border, write_run

PIXELS = SIZE[0] * SIZE[1]
SOLID = PIXELS - (SIZE[0] // 8) * SIZE[1]


@pytest.fixture
def viewer(tmp_path):
    write_run(tmp_path / "a", 3)
    write_run(tmp_path / "b ü", 2)
    viewer = start([tmp_path], ViewerOptions(port=18080))
    assert viewer.worker.wait()
    yield viewer
    viewer.stop()


def drawn(viewer: Viewer) -> int:
    assert viewer.worker.wait()
    cloud = viewer.stage.clouds.get("cloud")
    count = 0 if cloud is None else len(cloud.points)
    assert count == (0 if viewer.clouds is None else len(viewer.clouds.main))
    return count


def test_the_first_run_is_open(viewer):
    assert drawn(viewer) == 3 * SOLID
    assert sorted(viewer.stage.frustums) == [0, 1, 2]
    assert f"{3 * SOLID:,} points" in viewer.runs.status.content
    assert viewer.url.startswith("http://127.0.0.1:")


def test_another_run_is_read_when_chosen(viewer):
    viewer.runs.choice.value = "b ü"
    assert drawn(viewer) == 2 * SOLID
    assert viewer.frames.frame.max == 1


def test_clear(viewer):
    viewer.worker.ask("open", viewer.close)
    assert drawn(viewer) == 0
    assert not viewer.stage.frustums
    viewer.draw()
    assert drawn(viewer) == 0


def test_filters_and_sky(viewer):
    viewer.points.sky.value = True
    assert drawn(viewer) == 3 * PIXELS
    viewer.points.sky.value = False
    viewer.points.edges.value = True
    without_edges = drawn(viewer)
    assert without_edges < 3 * SOLID
    viewer.points.jump.value = 100.0
    assert drawn(viewer) == 3 * SOLID
    viewer.points.confidence.value = 2.0
    unsure = 3 * SOLID - drawn(viewer)
    assert unsure > 0
    viewer.points.confidence.value = 9.0
    assert drawn(viewer) == 0
    assert "The filters leave nothing" in viewer.runs.status.content


def test_number_and_size_of_points(viewer):
    viewer.points.size.value = 5.0
    assert viewer.stage.clouds["cloud"].point_size == pytest.approx(5 * viewer.points.unit)
    # The slider counts thousands; the run has fewer than its least step.
    viewer.points.points.value = 10
    assert drawn(viewer) == 3 * SOLID


def test_single_views_range_and_playback(viewer):
    viewer.frames.single.value = True
    viewer.frames.frame.value = 1
    assert drawn(viewer) == SOLID
    assert set(viewer.drawn.views) == {1}
    assert "wall ü 1.jpg" in viewer.frames.name.content
    viewer.frames.single.value = False
    viewer.frames.first.value = 1
    assert drawn(viewer) == 2 * SOLID
    viewer.frames.fps.value = 60
    viewer.frames.toggle()
    seen = set()
    for _ in range(400):
        seen.add(viewer.frames.frame.value)
        if seen == {0, 1, 2}:
            break
        viewer.frames._ended.wait(0.02)
    viewer.frames.toggle()
    assert seen == {0, 1, 2}
    assert not viewer.frames.playing


def test_cameras(viewer):
    viewer.cameras.stride.value = 2
    assert viewer.worker.wait()
    assert sorted(viewer.stage.frustums) == [0, 2]
    viewer.cameras.size.value = 3.0
    assert viewer.stage.frustums[0].scale == pytest.approx(3 * viewer.cameras.unit)
    assert viewer.stage.frustums[0].image is not None
    viewer.cameras.pictures.value = False
    assert viewer.worker.wait()
    assert viewer.stage.frustums[0].image is None
    viewer.stage.hide_frustum(2)
    assert [frustum.visible for frustum in viewer.stage.frustums.values()] == [True, False]
    viewer.cameras.show.value = False
    assert viewer.worker.wait()
    assert not viewer.stage.frustums


def test_nobody_can_open_a_tunnel_through_the_page(viewer):
    with pytest.raises(ConfigError, match="not shared"):
        viewer.server.request_share_url()


def test_options_that_make_no_sense(tmp_path):
    write_run(tmp_path / "run", 1)
    with pytest.raises(ConfigError, match="no direction 'up'"):
        start([tmp_path], ViewerOptions(up="up"))
    with pytest.raises(ConfigError, match="no port 70000"):
        start([tmp_path], ViewerOptions(port=70000))
    assert len(find_runs([tmp_path])[0]) == 1


def test_decoders_layers_and_colours(viewer):
    before = viewer.clouds.main.positions.copy() if drawn(viewer) else None
    viewer.densities.decoder.value = "mean"
    assert drawn(viewer) == 3 * SOLID
    moved = np.abs(viewer.clouds.main.positions - before).max(-1) > 0.01
    assert moved.sum() == 3 * border().sum()
    viewer.densities.layers.value = "front and back"
    drawn(viewer)
    assert len(viewer.stage.clouds["back"].points) == 3 * border().sum()
    viewer.densities.layers.value = "one"
    viewer.densities.flying.value = True
    drawn(viewer)
    assert "back" not in viewer.stage.clouds
    assert len(viewer.stage.clouds["flying"].points) == 3 * border().sum()
    assert "flying points of the mean in red" in viewer.runs.status.content
    viewer.densities.colours.value = "entropy"
    drawn(viewer)
    assert "entropy (nat)" in viewer.runs.status.content


def test_a_run_without_densities_says_so(tmp_path):
    viewer = start([write_run(tmp_path / "plain", 1, mixture=False)], ViewerOptions(port=18085))
    assert viewer.worker.wait()
    assert viewer.densities.decoder.disabled
    assert "--save-mixture" in viewer.densities.note.content
    viewer.stop()


def test_a_pixel_is_inspected_by_numbers_by_points_and_in_pictures(viewer):
    drawn(viewer)
    viewer.frames.frame.value = 1
    viewer.picking.pixel.value = (SIZE[1] // 3, SIZE[0] // 3)
    viewer.picking.inspect_chosen()
    report = viewer.picking.report
    assert (report.view, report.row, report.column) == (1, SIZE[0] // 3, SIZE[1] // 3)
    assert "hypotheses" in viewer.picking.words.content
    marks = len(viewer.picking._marks)
    assert marks == 4
    # A click on a point of view 0 from its own camera.
    viewer.picking.mode.value = "inspect"
    target = np.flatnonzero(viewer.drawn.views[viewer.clouds.samples] == 0)[500]
    eye = viewer.drawn.centers[viewer.clouds.samples[target]].astype(float)
    viewer.picking.clicked(eye, viewer.clouds.positions[target] - eye)
    report = viewer.picking.report
    assert report.view == 0
    assert report.row * SIZE[1] + report.column == viewer.drawn.pixels[viewer.clouds.samples[target]]
    # The centre of the picture of camera 2.
    frustum, pose = viewer.stage.frustums[2], pose_of_camera(viewer.scene.cameras[2])
    origin = np.array(pose.position) - pose.forward
    event = SceneNodePointerEvent(
        client=None,
        client_id=0,
        event="click",
        target=frustum,
        ray_origin=tuple(origin),
        ray_direction=tuple(pose.forward),
        screen_pos=(0.5, 0.5),
        instance_index=None,
        modifier=None,
    )
    assert viewer.picking.clicked_camera(2, event)
    assert (viewer.picking.report.view, viewer.picking.report.row) == (2, SIZE[0] // 2)
    viewer.picking.reset()
    assert viewer.picking.report is None
    assert not viewer.picking._marks


def test_distances_are_measured(viewer):
    drawn(viewer)
    viewer.picking.mode.value = "measure"
    positions = viewer.clouds.positions
    for target in (0, 400):
        eye = viewer.drawn.centers[viewer.clouds.samples[target]].astype(float)
        viewer.picking.clicked(eye, positions[target] - eye)
    assert viewer.picking.length == pytest.approx(np.linalg.norm(positions[400] - positions[0]), rel=1e-5)
    assert "distance" in viewer.picking.words.content
    viewer.picking.clicked(eye, -(positions[0] - eye))
    assert "no point under the pointer" in viewer.picking.words.content


def test_keypoints_and_videos(tmp_path):
    run, out = write_run(tmp_path / "run", 3), tmp_path / "out"
    viewer = start([run], ViewerOptions(port=18086, out=out))
    assert viewer.worker.wait()
    viewer.film.add_orbit(None)
    assert len(viewer.film.keys) == len(viewer.film._marks) == 8
    assert viewer.film.loop.value
    viewer.film.set_keys(viewer.film.keys[:-1])
    viewer.film.save_keys(None)
    saved = next(out.glob("keypoints_run_*.json")).read_bytes()
    keys = viewer.film.keys
    viewer.film.load_keys(b"evil", "evil.json")
    assert "evil.json is not a view" in viewer.film.said.content
    assert viewer.film.keys == keys
    viewer.film.set_keys([])
    viewer.film.film_way(None)
    assert "at least two keypoints" in viewer.film.said.content
    viewer.film.load_keys(saved, "saved.json")
    assert viewer.film.keys == keys
    viewer.picture.width.value, viewer.picture.height.value = 320, 240
    viewer.film.seconds.value, viewer.film.fps.value = 1.0, 5
    viewer.film.film_way(None)
    assert len(list(VideoReader(viewer.film.made, fps=None))) == 5
    viewer.film.film_single_views(None)
    assert len(list(VideoReader(viewer.film.made, fps=None))) == 3
    viewer.picture.screenshot(None)
    assert read_image(viewer.picture.made).shape == (240, 320, 3)
    viewer.picture.name.value = "../my view"
    viewer.picture.save_view(None)
    assert Path(viewer.picture.made).parent == out
    assert decode_view(Path(viewer.picture.made).read_bytes(), "x") == (viewer.first_pose(),)
    viewer.picture.load_view(None, b"{}", "bad.json")
    assert "bad.json is not a view" in viewer.picture.said.content
    viewer.stop()
    assert {path.name for path in tmp_path.iterdir()} == {"run", "out"}


def test_the_first_pose_sees_the_scene(viewer):
    pose = viewer.first_pose()
    assert pose.position[2] < 0
    viewer.picture.up.value = "+z"
    viewer.worker.ask("open", viewer.close)
    assert viewer.worker.wait()
    assert viewer.first_pose() is None
    viewer.picture.screenshot(None)
    assert "Nothing is open" in viewer.picture.said.content
