"""`mda view`: runs in the browser."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from mda.cli.arguments import height_and_width, positive_number, whole_number
from mda.cli.messages import progress_bar

# As in mda.viewer.colouring and mda.mixtures, which are not imported here because they bring torch along; tests hold
# them together.
COLOURS = ("image", "view", "depth", "confidence", "entropy", "second", "weight", "hypothesis")
DECODERS = ("mode", "component", "heaviest", "mean", "median", "front", "back", "layers")
_LOGGER = logging.getLogger(__name__)

HELP = "an interactive point cloud in the browser (needs mda[viewer])"
DESCRIPTION = """Look at runs in the browser: points, cameras, densities, filters, playback, films.

  mda view RUN                      one run, as `mda predict` made it
  mda view eval_results/demo        all runs below, in a list
  mda view scenes/ --method NAME    those of one method
  mda view A B --side-by-side       two runs, whose cameras move together

Only this machine can reach the page unless --host says otherwise. Nothing is written
unless --out names a folder; screenshots and videos come as downloads.

With --render a film or a picture is made instead, without a browser:

  mda view RUN --render film.mp4                    to and fro
  mda view RUN --render film.mp4 --way keys.json    through keypoints saved in the viewer
  mda view RUN --render shot.png --edges 0.1        one picture"""


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
    add("--side-by-side", action="store_true", help="two runs in one page; their cameras move together")
    group = parser.add_argument_group("without a browser")
    add = group.add_argument
    add("--render", metavar="FILE", type=Path, help="make this film (.mp4) or picture (.png) and end")
    way = "swing (default), orbit, cameras, views, or a file of a view or keypoints"
    add("--way", metavar="WAY", default="swing", help=way)
    add("--seconds", metavar="S", type=positive_number, default=8.0, help="length; default 8")
    add("--fps", metavar="F", type=positive_number, default=24.0, help="pictures per second; default 24")
    add("--size", metavar="HEIGHTxWIDTH", type=height_and_width, default=(720, 1280), help="default 720x1280")
    add("--point-size", metavar="X", type=positive_number, default=1.0, help="1: about the spacing of the pixels")
    add("--decoder", choices=DECODERS, help="decide anew from saved densities; default: as saved")
    add("--layers", action="store_true", help="nearest and farthest surface, the latter in orange")
    add("--flying", action="store_true", help="flying points of the mean in red")
    add("--colours", choices=COLOURS, default="image", help="what colours say; default: image")
    add("--edges", metavar="R", type=positive_number, help="leave out pixels at jumps of depth by more than 1 + R")
    add("--drop-percent", metavar="P", type=float, default=0.0, help="leave out the P percent of least confidence")
    add("--min-confidence", metavar="C", type=float, default=0.0, help="smallest raw confidence")
    add("--show-sky", action="store_true", help="draw sky far behind the scene")
    add("--overwrite", action="store_true", help="replace FILE")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted, or make a film.

    Raises:
        MdaError: viser is not installed, there is no run, the server cannot start, or a file cannot be written.
    """
    if arguments.render is not None:
        return _render(arguments)
    show(
        arguments.runs,
        method=arguments.method,
        host=arguments.host,
        port=arguments.port,
        max_points=arguments.max_points,
        up=arguments.up,
        out=arguments.out,
        browser=arguments.browser,
        side_by_side=arguments.side_by_side,
    )
    return 0


def _render(arguments: argparse.Namespace) -> int:
    """Make a film or a picture."""
    from mda.errors import ConfigError  # noqa: PLC0415 - nothing heavy until here
    from mda.mixtures import Decoder  # noqa: PLC0415
    from mda.viewer.colouring import Colouring  # noqa: PLC0415
    from mda.viewer.display import Display  # noqa: PLC0415
    from mda.viewer.drawing import Look  # noqa: PLC0415
    from mda.viewer.filming import FilmSettings, film_run  # noqa: PLC0415
    from mda.viewer.places import find_runs  # noqa: PLC0415

    places, problems = find_runs(arguments.runs, method=arguments.method)
    for problem in problems:
        _LOGGER.warning("%s", problem)
    if len(places) != 1:
        message = f"One film shows one run, and there are {len(places)}; name one of them."
        raise ConfigError(message)
    display = Display(
        show_sky=arguments.show_sky,
        drop_percent=arguments.drop_percent,
        min_confidence=arguments.min_confidence,
        max_jump=arguments.edges,
    )
    look = Look(
        display=display,
        decoder=None if arguments.decoder is None else Decoder(arguments.decoder),
        layers=arguments.layers,
        colouring=Colouring[arguments.colours.upper()],
        flying=arguments.flying,
    )
    settings = FilmSettings(
        image_hw=arguments.size,
        fps=arguments.fps,
        seconds=arguments.seconds,
        way=arguments.way,
        max_points=arguments.max_points,
        point_size=arguments.point_size,
        look=look,
    )
    with progress_bar(None, "picture", arguments.render.name) as bar:

        def tell(number: int) -> None:
            bar.update(number - bar.n)

        made = film_run(places[0].path, arguments.render, settings, overwrite=arguments.overwrite, on_progress=tell)
    print(f"{made}: {arguments.render}")
    return 0


def show(  # noqa: PLR0913 - the options of the command
    runs: Sequence[Path],
    *,
    method: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    max_points: int = 1_000_000,
    up: str = "-y",
    out: Path | None = None,
    browser: bool = False,
    side_by_side: bool = False,
) -> None:
    """Serve runs until Ctrl-C, which is how a viewer ends.

    Raises:
        MdaError: as `run`.
    """
    from mda.optional import require  # noqa: PLC0415 - nothing heavy until here

    require("viser", "viewer")
    from mda.viewer.app import ViewerOptions  # noqa: PLC0415
    from mda.viewer.serving import serve, serve_pair  # noqa: PLC0415

    axis = up if up[:1] in {"+", "-"} else f"+{up}"
    options = ViewerOptions(host=host, port=port, max_points=max_points, up=axis, out=out)
    try:
        (serve_pair if side_by_side else serve)(runs, options, method=method, browser=browser, tell=_LOGGER.info)
    except KeyboardInterrupt:
        _LOGGER.info("The viewer is closed.")
