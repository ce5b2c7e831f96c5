"""The viewer in headless Chromium, WebGL in software: pixels and state, not only the absence of errors."""

import io
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

viser = pytest.importorskip("viser")
playwright = pytest.importorskip("playwright.sync_api")

# ruff: noqa: E402 - what is not installed skips first
from mda.geometry import project
from mda.io.images import read_image
from mda.io.video import VideoReader
from mda.viewer.app import ViewerOptions
from mda.viewer.poses import pose_of_camera
from mda.viewer.serving import start
from mda.viewer.stage import pose_of_client
from mda.viewer.view_files import encode_keypoints
from tests.unit.viewer.walls import BLUE, RED, write_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
WIDTH, HEIGHT = 1300, 700
PATIENCE = 120.0

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser")
    run = write_run(root / "walls ü", 3)
    viewer = start([run], ViewerOptions(port=18200, out=root / "out"))
    assert viewer.worker.wait()
    yield viewer
    viewer.stop()


@pytest.fixture(scope="module")
def page(viewer):
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(1000 * PATIENCE)
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(viewer.url)
        assert until(lambda: len(viewer.server.get_clients()) == 1)
        yield page
        browser.close()


def until(condition, seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def client(viewer):
    return next(iter(viewer.server.get_clients().values()))


def pixels(page) -> np.ndarray:
    """What is on the screen, without the panel on the right."""
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    return shot[:, : WIDTH - 430]


def share(picture, color) -> float:
    return float((np.abs(picture.astype(int) - color).max(-1) < 40).mean())


def tab(page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def element(page, handle):
    return page.locator(f'[id="{handle._impl.uuid}"]')


def press(page, button) -> None:
    element(page, button).click()


def on_screen(viewer, point) -> tuple[float, float]:
    """Where a point of the world is on the page."""
    camera = pose_of_client(client(viewer)).cameras((HEIGHT, WIDTH))
    pixel, depth = project(torch.tensor(np.array([point]), dtype=torch.float64), camera)
    assert depth[0] > 0
    x, y = pixel[0].tolist()
    return x, y


def at_the_first_camera(viewer) -> None:
    """Look from the first camera, no camera in sight: the square fills a third of the height, in the middle."""
    viewer.cameras.show.value = False
    assert viewer.worker.wait()
    viewer.look_from(client(viewer), pose_of_camera(viewer.scene.cameras[0]))


def test_the_cloud_appears(viewer, page):
    viewer.cameras.show.value = False  # they stand before the square
    assert until(lambda: share(pixels(page), RED) > 0.01 and share(pixels(page), BLUE) > 0.05)
    assert "points** of" in viewer.runs.status.content


def test_a_click_on_a_point_inspects_it(viewer, page):
    tab(page, "Inspect")
    viewer.picking.mode.value = "inspect"
    target = np.flatnonzero((viewer.drawn.views == 0) & (viewer.drawn.depth == 2.0))[40]
    x, y = on_screen(viewer, viewer.drawn.points_at(viewer.drawn.depth)[target])

    def clicked() -> bool:
        # The page learns a moment later that clicks mean something now.
        page.mouse.click(x, y)
        return until(lambda: viewer.picking.report is not None, 2)

    assert until(clicked), viewer.picking.words.content
    assert viewer.picking.report.depth == 2.0
    assert until(lambda: page.get_by_text("hypotheses:").count() > 0)
    press(page, viewer.picking.clear)
    assert until(lambda: viewer.picking.report is None)
    viewer.picking.mode.value = "fly (cameras)"


def test_a_click_on_a_camera_flies_there(viewer, page):
    camera = viewer.scene.cameras[0]
    viewer.cameras.show.value = True
    viewer.cameras.stride.value = 3  # one camera only, so that no other one is in front of it
    assert viewer.worker.wait()
    frustum = viewer.stage.frustums[0]
    plane = frustum.compute_canonical_frustum_size()[2] * frustum.scale
    pose = pose_of_camera(camera)
    x, y = on_screen(viewer, np.array(pose.position) + plane * pose.forward)

    def there() -> bool:
        return np.allclose(pose_of_client(client(viewer)).position, pose.position, atol=1e-3)

    def clicked() -> bool:
        page.mouse.move(x - 3, y)
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        return until(there, 3)

    assert until(clicked), pose_of_client(client(viewer))
    assert until(lambda: not frustum.visible)
    # From there the square fills a third of the height and stands in the middle.
    assert until(
        lambda: share(pixels(page)[HEIGHT // 2 - 40 : HEIGHT // 2 + 40, WIDTH // 2 - 40 : WIDTH // 2], RED) > 0.8
    )


def test_sky_and_colours_change_the_pixels(viewer, page):
    tab(page, "Cloud")
    at_the_first_camera(viewer)
    assert until(lambda: share(pixels(page), RED) > 0.02)
    before = share(pixels(page), (150, 200, 255))
    press(page, viewer.points.sky)
    assert until(lambda: share(pixels(page), (150, 200, 255)) > before + 0.01)
    element(page, viewer.densities.colours).click()
    page.get_by_role("option", name="depth", exact=True).click()
    assert until(lambda: viewer.densities.colours.value == "depth")
    assert until(lambda: share(pixels(page), RED) < 0.01)
    viewer.densities.colours.value = "image"
    press(page, viewer.points.sky)
    assert until(lambda: share(pixels(page), RED) > 0.02)


def test_playing_goes_through_the_views(viewer, page):
    tab(page, "Views")
    seen = set()
    press(page, viewer.frames.play)
    assert until(lambda: seen.add(int(viewer.frames.frame.value)) or seen == {0, 1, 2})
    press(page, viewer.frames.play)
    assert until(lambda: not viewer.frames.playing)


def test_a_screenshot_is_what_is_seen(viewer, page):
    tab(page, "Picture")
    at_the_first_camera(viewer)
    viewer.picture.width.value, viewer.picture.height.value = 480, 360
    press(page, viewer.picture.shoot)
    assert until(lambda: viewer.picture.made is not None)
    shot = read_image(Path(viewer.picture.made))
    assert shot.shape == (360, 480, 3)
    assert share(shot, RED) > 0.02
    assert share(shot, BLUE) > 0.1


def test_a_way_is_made_played_and_filmed(viewer, page):
    tab(page, "Film")
    for _ in range(2):
        press(page, viewer.film.add)
    assert until(lambda: len(viewer.film.keys) == 2)
    keys = [viewer.film.keys[0], viewer.film.keys[0].turned(tilt=0.2)]
    element(page, viewer.film.clear).click()
    assert until(lambda: not viewer.film.keys)
    file = {"name": "way.json", "mimeType": "application/json", "buffer": encode_keypoints(keys)}
    page.locator(f'[id="file_upload_{viewer.film.upload._impl.uuid}"]').set_input_files(file)
    assert until(lambda: viewer.film.keys == keys)
    viewer.film.seconds.value, viewer.film.fps.value = 1.0, 5
    press(page, viewer.film.play)
    end = np.array(keys[1].wxyz)
    assert until(lambda: abs(end @ np.array(pose_of_client(client(viewer)).wxyz)) > 0.999)
    assert until(viewer.film._stop.is_set)
    press(page, viewer.film.render)
    assert until(lambda: viewer.film.made is not None)
    assert len(list(VideoReader(viewer.film.made, fps=None))) == 5


def controls(viewer):
    """Every control with its tab."""
    tabs = {
        "Cloud": (viewer.points, viewer.densities),
        "Views": (viewer.frames, viewer.cameras),
        "Inspect": (viewer.picking,),
        "Film": (viewer.film,),
        "Picture": (viewer.picture,),
    }
    for name, panels in tabs.items():
        for panel in panels:
            for attribute, handle in vars(panel).items():
                if isinstance(handle, viser.GuiInputHandle | viser.GuiButtonHandle) and not attribute.startswith("_"):
                    yield name, attribute, handle


def move(page, handle) -> None:
    """Move a control by hand."""
    found = element(page, handle)
    if isinstance(handle, viser.GuiSliderHandle):
        thumb = found.get_by_role("slider")
        thumb.focus()
        thumb.press("ArrowLeft" if handle.value >= handle.max else "ArrowRight")
    elif isinstance(handle, viser.GuiDropdownHandle):
        found.click()
        other = next(option for option in handle.options if option != handle.value)
        page.get_by_role("option", name=other, exact=True).click()
    elif isinstance(handle, viser.GuiCheckboxHandle):
        found.click()
    else:
        if isinstance(handle, viser.GuiTextHandle):  # the only kind without an identifier on the page
            found = page.get_by_text(handle.label, exact=True).locator("xpath=following::input[1]")
        found.fill("0.5" if isinstance(handle, viser.GuiNumberHandle) else "2")
        found.blur()


def test_every_control_can_be_moved(viewer, page):
    moved, now = 0, None
    for name, attribute, handle in controls(viewer):
        if name != now:
            tab(page, name)
            now = name
        if isinstance(handle, viser.GuiButtonHandle | viser.GuiUploadButtonHandle) or handle.disabled:
            continue
        before = handle.value
        move(page, handle)
        assert until(lambda handle=handle, before=before: handle.value != before, 15), (name, attribute, before)
        moved += 1
    assert moved > 30
    assert viewer.worker.wait()
    assert viewer.clouds is not None
    assert len(viewer.server.get_clients()) == 1
    assert page.problems == []


def test_every_button_can_be_pressed(viewer, page):
    pressed, expected, now = set(), set(), None
    for name, attribute, handle in controls(viewer):
        is_button = isinstance(handle, viser.GuiButtonHandle) and not isinstance(handle, viser.GuiUploadButtonHandle)
        if not is_button or handle.disabled or attribute.startswith("render"):
            continue
        if name != now:
            tab(page, name)
            now = name
        handle.on_click(lambda _, key=(name, attribute): pressed.add(key))
        press(page, handle)
        expected.add((name, attribute))
    assert until(lambda: pressed == expected), expected - pressed
    assert len(pressed) >= 12
    viewer.frames._playing.clear()
    viewer.film._stop.set()
    assert viewer.worker.wait()
    assert page.problems == []
