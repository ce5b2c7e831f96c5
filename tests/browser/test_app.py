"""The web app in headless Chromium, as a visitor sees it."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from mda.app import AppLimits, Jobs
from mda.app.page import launch
from tests.cli.conftest import photo
from tests.event_loops import closed_loops

pytest.importorskip("gradio", reason="the extra `app` is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.filterwarnings("default"),  # server and browser have warnings of their own
]
SLOW = 240_000  # milliseconds; WebGL is computed on the processor


@pytest.fixture
def served(monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # so that it is restored
    jobs = Jobs(AppLimits(size=96), models=["mda_mini"], device="cpu")
    with closed_loops():
        page = launch(jobs, wait=False)
        yield page.local_url
        page.close()
        jobs.close()


@pytest.fixture
def browser():
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


def shown(locator) -> np.ndarray:
    """Pixels of an element as the visitor sees it."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def test_a_visitor_drops_photos_looks_and_takes_the_cloud_away(served, browser, tmp_path):
    page = browser.new_page(viewport={"width": 1300, "height": 1200})
    page.set_default_timeout(SLOW)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served)
    files = [photo(tmp_path / name, hw=(96, 128), seed=seed) for seed, name in enumerate(("a b.png", "ünïcode.png"))]
    page.set_input_files("input[type=file]", [str(file) for file in files])
    page.get_by_text("ünïcode").first.wait_for()
    page.get_by_role("button", name="Predict").click()
    page.get_by_text("licence of the weights").wait_for()
    page.locator("strong", has_text="2 views").wait_for()

    # Image on one side, depth on the other; the other view looks different.
    pictures = page.locator("img[src*='gradio_api/file']")
    pictures.nth(1).wait_for()
    first = [pictures.nth(number).get_attribute("src") for number in range(2)]
    assert first[0] != first[1]
    slider = page.get_by_label("number input for View")
    slider.fill("1")
    slider.press("Enter")
    page.wait_for_function(
        "before => !Array.from(document.images).some(image => image.getAttribute('src') === before)", arg=first[0]
    )

    # The cloud shows points in the colours of the photos, not an empty canvas.
    canvas = page.locator("canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1000)
    for _ in range(60):
        pixels = shown(canvas)
        if (np.abs(pixels - pixels[5, 5]).max(-1) > 60).mean() > 0.002:
            break
        page.wait_for_timeout(1000)
    else:
        pytest.fail("the canvas of the point cloud stays empty")

    page.get_by_role("button", name="Export").click()
    link = page.locator("a[download='points.ply']").first
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_bytes().startswith(b"ply\n")
    assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == []

    # Somebody else sees none of it.
    other = browser.new_context().new_page()
    other.goto(served)
    other.get_by_role("button", name="Predict").wait_for(timeout=SLOW)
    assert other.get_by_text("licence of the weights").count() == 0
    assert other.locator("a[download='points.ply']").count() == 0
