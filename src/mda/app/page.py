"""The page of the web app, in Gradio."""

import html
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mda.app.jobs import AppLimits, JobOptions, Jobs
from mda.errors import MdaError
from mda.io.clouds import CloudFilter
from mda.io.exporters import FORMATS
from mda.mixtures import GENERAL_DECODERS
from mda.optional import require

_Result = TypeVar("_Result")
# Browsers send 2 for 2.0, and types are checked while tests run.
_Number = int | float
_TITLE = "mda: depth without flying points"
_OWN = "the model's own"
_EDGE_RATIO = 0.1
_IMAGE_KINDS = ("image", "video", ".heic", ".heif", ".tif", ".tiff")


def serve(
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    models: Sequence[str] = (),
    device: str | None = None,
    limits: AppLimits = AppLimits(),  # noqa: B008 - a frozen record
    browser: bool = True,
) -> None:
    """Serve the page until interrupted; everything it made is removed then.

    Args:
        host: address to listen at; others on the network can reach the page only if told so, e.g. 0.0.0.0.
        port: 7860, or the next free one, where None.
        models: names offered; those on this machine where empty.
        device: where to compute.
        limits: what one visitor may ask for.
        browser: open the page in a browser.

    Raises:
        MissingExtraError: gradio is not installed.
    """
    jobs = Jobs(limits, models=models, device=device)
    with _ends_on_sigterm():
        try:
            launch(jobs, host=host, port=port, browser=browser)
        finally:
            jobs.close()


def launch(
    jobs: Jobs, *, host: str = "127.0.0.1", port: int | None = None, browser: bool = False, wait: bool = True
) -> Any:  # noqa: ANN401 - gradio.Blocks, which need not be installed
    """Serve the page of some jobs; returns it once it is no longer served, or at once.

    Args:
        jobs: what is behind it; the caller closes them.
        host: address to listen at.
        port: 7860, or the next free one, where None.
        browser: open the page in a browser.
        wait: until the user interrupts.

    Raises:
        MissingExtraError: gradio is not installed.
    """
    # Gradio keeps uploads and downloads where this says, and asks again at every upload.
    os.environ["GRADIO_TEMP_DIR"] = str(jobs.uploads)
    page = build(jobs)
    page.queue(max_size=jobs.limits.waiting, default_concurrency_limit=1)
    # No `allowed_paths`: visitors get copies of what they exported, never a path into the folder of the runs.
    page.launch(
        server_name=host,
        server_port=port,
        inbrowser=browser,
        prevent_thread_lock=not wait,
        max_file_size=f"{jobs.limits.megabytes}mb",
        footer_links=["gradio"],
        run_history=False,
        enable_monitoring=False,
        show_error=True,
        share=False,
    )
    return page


def _told(function: Callable[[], _Result], jobs: Jobs, kind: Any) -> _Result:  # noqa: ANN401 - gradio.Error
    """What a function returns; errors that have a message for people go to the page."""
    try:
        return function()
    except MdaError as error:
        raise kind(html.escape(jobs.told(str(error))), print_exception=False) from error


def _filters(*, edges: bool, unsure: _Number) -> CloudFilter:
    """Which points a visitor wants."""
    return CloudFilter(edge_ratio=_EDGE_RATIO if edges else None, drop_percent=float(unsure))


@contextmanager
def _ends_on_sigterm() -> Iterator[None]:
    """Let a polite request to end (a service manager, `kill`) clean up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def build(jobs: Jobs) -> Any:  # noqa: ANN401 - gradio.Blocks, which need not be installed
    """The page, not served yet.

    Raises:
        MissingExtraError: gradio is not installed.
    """
    gr = require("gradio", "app")

    def told(function: Callable[[], _Result]) -> _Result:
        return _told(function, jobs, gr.Error)

    def predict(
        files: list[str] | None,
        model: str,
        size: _Number,
        decoder: str,
        fps: _Number,
        alone: bool,  # noqa: FBT001 - Gradio passes values by position
        old: str | None,
        progress: Any = gr.Progress(),  # noqa: ANN401, B008 - Gradio looks for it here
    ) -> tuple[Any, ...]:
        chosen = None if decoder == _OWN else decoder
        options = told(
            lambda: JobOptions(model=model, size=int(size) or None, decoder=chosen, fps=float(fps), alone=alone)
        )
        progress(0, desc="reading")
        run = told(lambda: jobs.predict(files or [], options, lambda done, all_: progress((done, all_), unit="views")))
        jobs.remove(old)
        views = len(list((run / "depth").iterdir()))
        slider = gr.Slider(value=0, maximum=max(views - 1, 1), visible=views > 1)
        return str(run), slider, jobs.pictures(run, 0), jobs.summary(run)

    def show(run: str | None, position: _Number) -> Any:  # noqa: ANN401 - two pictures, or nothing
        return None if run is None else told(lambda: jobs.pictures(Path(run), int(position)))

    def thin(run: str | None, edges: bool, unsure: _Number) -> str | None:  # noqa: FBT001
        found = run and told(lambda: jobs.cloud(Path(run), _filters(edges=edges, unsure=unsure)))
        return str(found) if found else None

    def export(run: str | None, name: str, edges: bool, unsure: _Number) -> str:  # noqa: FBT001
        if run is None:
            message = "Predict something first."
            raise gr.Error(message, print_exception=False)
        return told(lambda: str(jobs.export(Path(run), name, _filters(edges=edges, unsure=unsure))))

    minutes = 60 * jobs.limits.keep_minutes
    with gr.Blocks(title=_TITLE, analytics_enabled=False, delete_cache=(minutes, minutes)) as page:
        gr.Markdown(f"# {_TITLE}\nDrop photos of one place, or one video, and press the button.")
        run = gr.State(None, time_to_live=minutes, delete_callback=jobs.remove)
        with gr.Row():
            with gr.Column(scale=1):
                files = gr.File(label="Photos or a video", file_count="multiple", file_types=list(_IMAGE_KINDS))
                model = gr.Dropdown(list(jobs.models), value=jobs.models[0], label="Model")
                alone = gr.Checkbox(label="The photos show different things: look at each alone")
                with gr.Accordion("More", open=False):
                    size = gr.Slider(0, jobs.limits.size, 0, step=14, label="Longer side, pixels (0: the model's own)")
                    decoder = gr.Dropdown(
                        [_OWN, *(kind.value for kind in GENERAL_DECODERS)], value=_OWN, label="Decoder"
                    )
                    fps = gr.Slider(0.5, 10, 2, step=0.5, label="Views per second of a video")
                start = gr.Button("Predict", variant="primary")
                said = gr.Markdown()
                edges = gr.Checkbox(label="Leave out points at jumps of depth by more than 10 %")
                unsure = gr.Slider(0, 90, 0, step=5, label="Leave out the least sure points, percent of each view")
                kinds = [(f"{found.name}: {found.what}", found.name) for found in FORMATS.values()]
                kind = gr.Dropdown(kinds, value="ply", label="Export")
                take = gr.Button("Export")
                taken = gr.File(label="Download", interactive=False)
            with gr.Column(scale=2):
                pictures = gr.ImageSlider(label="Image and depth (near pale, far dark)", interactive=False)
                position = gr.Slider(0, 1, 0, step=1, label="View", visible=False)
                cloud = gr.Model3D(label="Point cloud", display_mode="point_cloud")
        inputs = [files, model, size, decoder, fps, alone, run]
        found = start.click(predict, inputs, [run, position, pictures, said], concurrency_limit=1)
        found.success(thin, [run, edges, unsure], cloud)
        position.change(show, [run, position], pictures, show_progress="hidden")
        gr.on([edges.change, unsure.release], thin, [run, edges, unsure], cloud)
        take.click(export, [run, kind, edges, unsure], taken)
    return page
