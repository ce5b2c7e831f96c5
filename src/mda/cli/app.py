"""`mda app`: the web app."""

import argparse

from mda.cli.arguments import positive_number, whole_number

HELP = "a web page: drop photos or a video, see depth and cloud, take exports (needs mda[app])"
DESCRIPTION = """Serve a web page on this machine: drop photos or a video, see depth and point cloud, download exports.

  mda app
  mda app --host 0.0.0.0 --port 8000 --max-views 32 --no-browser

Only this machine can reach the page unless --host says otherwise. What visitors drop and
what is made of it lies in a temporary folder and is removed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen at; default 127.0.0.1")
    add("--port", type=whole_number, metavar="N", help="default 7860, or the next free one")
    add("--model", nargs="+", default=[], metavar="NAME", help="models to offer; default: those on this machine")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps; default: the best there is")
    add("--max-views", type=whole_number, default=64, metavar="N", help="views that one visitor may ask for")
    add("--max-size", type=whole_number, default=756, metavar="PX", help="longer side of the views; default 756")
    add("--max-seconds", type=positive_number, default=120.0, metavar="S", help="longest video")
    add("--max-megabytes", type=whole_number, default=500, metavar="N", help="largest file")
    add("--max-waiting", type=whole_number, default=8, metavar="N", help="requests in the queue; default 8")
    add("--keep-minutes", type=whole_number, default=60, metavar="N", help="results stay so long; default 60")
    add("--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        MissingExtraError: gradio is not installed.
    """
    from mda.app import AppLimits, serve  # noqa: PLC0415 - imports torch

    limits = AppLimits(
        images=arguments.max_views,
        seconds=arguments.max_seconds,
        megabytes=arguments.max_megabytes,
        size=arguments.max_size,
        waiting=arguments.max_waiting,
        keep_minutes=arguments.keep_minutes,
    )
    serve(
        host=arguments.host,
        port=arguments.port,
        models=arguments.model,
        device=arguments.device,
        limits=limits,
        browser=arguments.browser,
    )
    return 0
