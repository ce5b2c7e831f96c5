"""`mda view`: runs in the browser."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from mda.cli.arguments import whole_number

_LOGGER = logging.getLogger(__name__)

HELP = "an interactive point cloud in the browser (needs mda[viewer])"
DESCRIPTION = """Look at runs in the browser: points, cameras, filters, playback.

  mda view RUN                      one run, as `mda predict` made it
  mda view eval_results/demo        all runs below, in a list
  mda view scenes/ --method NAME    those of one method

Only this machine can reach the page unless --host says otherwise. Nothing is written
unless --out names a folder; screenshots and videos come as downloads."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN_OR_PARENT", type=Path, help="run, or folder of runs")
    add("--method", metavar="NAME", help="only runs whose folder has this name (SCENE/NAME)")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen at; default 127.0.0.1")
    add("--port", type=whole_number, default=8080, metavar="N", help="port to try first; default 8080")
    add("--max-points", type=whole_number, default=1_000_000, metavar="N", help="points to load; default 1000000")
    add("--up", default="-y", metavar="AXIS", help="what is up: --up=-y (default, the first camera's up), --up=+z ...")
    add("--out", type=Path, metavar="DIR", help="folder for screenshots, views and videos; default: downloads")
    add("--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        MdaError: viser is not installed, there is no run, or the server cannot start.
    """
    show(
        arguments.runs,
        method=arguments.method,
        host=arguments.host,
        port=arguments.port,
        max_points=arguments.max_points,
        up=arguments.up,
        out=arguments.out,
        browser=arguments.browser,
    )
    return 0


def show(
    runs: Sequence[Path],
    *,
    method: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    max_points: int = 1_000_000,
    up: str = "-y",
    out: Path | None = None,
    browser: bool = False,
) -> None:
    """Serve runs until Ctrl-C, which is how a viewer ends.

    Raises:
        MdaError: as `run`.
    """
    from mda.optional import require  # noqa: PLC0415 - nothing heavy until here

    require("viser", "viewer")
    from mda.viewer.app import ViewerOptions  # noqa: PLC0415
    from mda.viewer.serving import serve  # noqa: PLC0415

    axis = up if up[:1] in {"+", "-"} else f"+{up}"
    options = ViewerOptions(host=host, port=port, max_points=max_points, up=axis, out=out)
    try:
        serve(runs, options, method=method, browser=browser, tell=_LOGGER.info)
    except KeyboardInterrupt:
        _LOGGER.info("The viewer is closed.")
