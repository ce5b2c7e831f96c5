"""Two runs side by side: two viewers in one page, whose eyes move together."""

import html
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import viser

from mda.shapes import Float, ndarray
from mda.viewer.app import Viewer
from mda.viewer.poses import Pose, pose_from, pose_of_camera
from mda.viewer.stage import pose_of_client

# An eye that was moved by somebody leads for so long; what the other browsers report meanwhile is its echo.
_LEADS_FOR = 0.4


class Leader:
    """Decides whose movement counts: that of the eye which moved last of its own accord."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._who: object = None
        self._until = 0.0

    def leads(self, who: object) -> bool:
        """Whether a movement of `who` is one to follow; if so, it leads from now on."""
        with self._lock:
            now = self._clock()
            if who != self._who and now < self._until:
                return False
            self._who, self._until = who, now + _LEADS_FOR
            return True


def carried_over(pose: Pose, first: Pose, second: Pose, scale: float) -> Pose:
    """The pose in another run that corresponds to a pose in one.

    Runs of the same pictures differ in origin and scale. What they share is the first camera; lengths are compared by
    the depths of the scenes.

    Args:
        pose: in the one run.
        first: first camera of the one run.
        second: first camera of the other run.
        scale: depth of the other scene by that of the one.
    """
    turn: Float[ndarray, "3 3"] = second.rotation @ first.rotation.T
    offset = turn @ (np.array(pose.position) - np.array(first.position)) * scale
    return pose_from(np.array(second.position) + offset, turn @ pose.rotation, pose.fov)


class CameraLink:
    """Moves the eyes of two viewers together."""

    def __init__(self, first: Viewer, second: Viewer) -> None:
        self._viewers = first, second
        self._leader = Leader()
        for side, viewer in enumerate(self._viewers):
            viewer.server.on_client_connect(lambda client, side=side: self._joined(side, client))

    def _joined(self, side: int, client: viser.ClientHandle) -> None:
        client.camera.on_update(lambda _: self.moved(side, client))

    def moved(self, side: int, client: viser.ClientHandle) -> None:
        """Let all browsers of the other side follow one that moved."""
        here, there = self._viewers[side], self._viewers[1 - side]
        pose = self._carried(pose_of_client(client), here, there)
        if pose is None or not self._leader.leads((side, client.client_id)):
            return
        for other in there.server.get_clients().values():
            there.look_from(other, pose)

    def _carried(self, pose: Pose, here: Viewer, there: Viewer) -> Pose | None:
        firsts = [
            next((camera for camera in viewer.scene.cameras if camera is not None), None) if viewer.scene else None
            for viewer in (here, there)
        ]
        if firsts[0] is None or firsts[1] is None:
            return None
        scale = there.extent.depth / here.extent.depth
        return carried_over(pose, pose_of_camera(firsts[0]), pose_of_camera(firsts[1]), scale)


class PairPage:
    """The page with both viewers; `stop` ends it and them."""

    def __init__(self, first: Viewer, second: Viewer, *, host: str, port: int) -> None:
        self.viewers = first, second
        self.link = CameraLink(first, second)
        content = page((first.label, second.label), (first.server.get_port(), second.server.get_port())).encode()
        self._server = ThreadingHTTPServer((host, port), _handler(content))
        self._server.daemon_threads = True
        self.url = f"http://{first.shown_host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="mda-pair", daemon=True).start()

    def stop(self) -> None:
        """End the page and both viewers."""
        self._server.shutdown()
        self._server.server_close()
        for viewer in self.viewers:
            viewer.stop()


def page(labels: tuple[str, str], ports: tuple[int, int]) -> str:
    """The page: two frames, each with its name above it. The viewers are at the host that the page came from."""
    frames = "".join(
        f'<section><h1>{name}</h1><iframe data-port="{port}" title="{name}"></iframe></section>'
        for name, port in zip(map(html.escape, labels), ports, strict=True)
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>mda: side by side</title><style>
body {{ margin: 0; display: flex; height: 100vh; background: #18181c; color: #e8e8e8; font: 14px sans-serif }}
section {{ flex: 1; display: flex; flex-direction: column; border-left: 1px solid #444 }}
h1 {{ font-size: 14px; margin: 6px 10px }}
iframe {{ flex: 1; border: 0 }}
</style></head><body>{frames}<script>
for (const frame of document.querySelectorAll("iframe"))
  frame.src = `http://${{location.hostname}}:${{frame.dataset.port}}`;
</script></body></html>
"""


def _handler(content: bytes) -> type[BaseHTTPRequestHandler]:
    """A handler that gives the page and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    return Handler
