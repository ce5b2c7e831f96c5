"""`mda view`: find the runs, start the viewer, and stay until interrupted."""

import errno
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mda.errors import ConfigError, OutputError
from mda.viewer.app import Viewer, ViewerOptions
from mda.viewer.pair import PairPage
from mda.viewer.places import Place, find_runs
from mda.viewer.poses import UP_AXES

_PORTS = 100


def serve(
    paths: Sequence[Path],
    options: ViewerOptions = ViewerOptions(),  # noqa: B008 - frozen
    *,
    method: str | None = None,
    browser: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Show runs until interrupted.

    Args:
        paths: runs, or folders of runs.
        options: how the viewer starts.
        method: only runs whose folder has this name.
        browser: open a browser.
        tell: told where the viewer is, and which links were not followed.

    Raises:
        InputError: there is no run.
        ConfigError: the direction of up, or the port, makes no sense.
        OutputError: the server cannot listen there.
    """
    _show(start(paths, options, method=method, tell=tell), browser=browser)


def serve_pair(
    paths: Sequence[Path],
    options: ViewerOptions = ViewerOptions(),  # noqa: B008 - frozen
    *,
    method: str | None = None,
    browser: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Show two runs side by side until interrupted; see `serve`.

    Raises:
        ConfigError: there are not exactly two runs.
    """
    _show(start_pair(paths, options, method=method, tell=tell), browser=browser)


def _show(page: Viewer | PairPage, *, browser: bool) -> None:
    """Keep a page open until interrupted."""
    try:
        if browser:
            webbrowser.open(page.url)
        wait_for_ever()
    finally:
        page.stop()


def start_pair(
    paths: Sequence[Path],
    options: ViewerOptions,
    *,
    method: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> PairPage:
    """A page with two viewers; see `serve_pair`."""
    places, problems = _places(paths, options, method)
    for problem in problems:
        tell(problem)
    if len(places) != 2:
        message = f"Side by side are two runs, and there are {len(places)}; name two of them."
        raise ConfigError(message)
    port = free_port(options.host, options.port)
    viewers: list[Viewer] = []
    for place in places:
        viewer_port = free_port(options.host, port + 1 + len(viewers))
        viewers.append(Viewer([place], replace(options, port=viewer_port)))
    pair = PairPage(viewers[0], viewers[1], host=options.host, port=port)
    tell(f"{viewers[0].label} and {viewers[1].label}: {pair.url} (Ctrl-C ends)")
    return pair


def start(
    paths: Sequence[Path],
    options: ViewerOptions,
    *,
    method: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Viewer:
    """A viewer of runs; see `serve`."""
    places, problems = _places(paths, options, method)
    for problem in problems:
        tell(problem)
    viewer = Viewer(places, replace(options, port=free_port(options.host, options.port)))
    runs = f"{len(places)} runs" if len(places) > 1 else ", ".join(str(place.path) for place in places)
    tell(f"{runs}: {viewer.url} (Ctrl-C ends)")
    return viewer


def _places(
    paths: Sequence[Path], options: ViewerOptions, method: str | None
) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Check the options, and find the runs."""
    if options.up not in UP_AXES:
        message = f"There is no direction {options.up!r}; say one of {', '.join(UP_AXES)}, for example --up=-y."
        raise ConfigError(message)
    if not 0 < options.port < 65536:
        message = f"There is no port {options.port}; choose one from 1 to 65535."
        raise ConfigError(message)
    return find_runs(paths, method=method)


def free_port(host: str, port: int) -> int:
    """The first free port from `port` on; viser itself would wait for ever where it cannot listen.

    Raises:
        OutputError: the address is not one of this machine, or no port is free.
    """
    problem: OSError | None = None
    for candidate in range(port, min(port + _PORTS, 65536)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, candidate, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            problem = error
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                continue
            break
        return candidate
    reason = problem.strerror if problem else "no port"
    message = f"Cannot listen at {host}:{port} ({reason}); choose another --host or --port."
    raise OutputError(message) from problem


def wait_for_ever() -> None:
    """Wait until somebody presses Ctrl-C."""
    threading.Event().wait()
