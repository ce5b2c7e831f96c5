"""Keypoints and films: a way through the scene, played in the browser or made a video."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import viser

from mda.errors import MdaError
from mda.viewer.filming import Cancelled, FilmSettings, film, film_views
from mda.viewer.outputs import deliver, deliver_written, stamped
from mda.viewer.poses import Pose
from mda.viewer.stage import pose_of_client
from mda.viewer.trajectory import frame_count, orbit, through
from mda.viewer.view_files import decode_view, encode_keypoints

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

_ORANGE = (255, 140, 0)
_FULL_TURN = 360.0


class FilmPanel:
    """Controls of the way and of the films made of it."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        self.keys: list[Pose] = []
        self.made: str | None = None
        self._marks: list[viser.CameraFrustumHandle] = []
        self._stop = threading.Event()
        self._stop.set()
        with gui.add_folder("Way through the scene"):
            self.add = gui.add_button("Add keypoint here")
            self.around = gui.add_button("Keypoints around the scene")
            self.undo = gui.add_button("Take back the last")
            self.clear = gui.add_button("Clear keypoints")
            self.count = gui.add_markdown("no keypoints")
            self.seconds = gui.add_slider("Seconds", 1.0, 60.0, 0.5, 8.0)
            self.fps = gui.add_slider("Pictures per second", 1, 60, 1, 24)
            self.loop = gui.add_checkbox("Loop back to the first", False)
            self.smooth = gui.add_checkbox("Smooth", True, hint="Spline instead of straight lines")
            self.play = gui.add_button("Play / stop")
            self.save = gui.add_button("Save keypoints")
            self.upload = gui.add_upload_button("Load keypoints", mime_type="application/json")
        with gui.add_folder("Video"):
            self.render = gui.add_button("Video of the way")
            self.render_views = gui.add_button("Video of single views from here")
            self.cancel = gui.add_button("Cancel", disabled=True)
            self.progress = gui.add_progress_bar(0.0, visible=False)
            self.said = gui.add_markdown("")
        self.add.on_click(lambda event: self.add_key(event.client))
        self.around.on_click(lambda event: self.add_orbit(event.client))
        self.undo.on_click(lambda _: self.set_keys(self.keys[:-1]))
        self.clear.on_click(lambda _: self.set_keys([]))
        self.play.on_click(lambda event: self.toggle(event.client))
        self.save.on_click(lambda event: self.save_keys(event.client))
        self.upload.on_upload(lambda _: self.load_keys(self.upload.value.content, self.upload.value.name))
        self.render.on_click(lambda event: self.film_way(event.client))
        self.render_views.on_click(lambda event: self.film_single_views(event.client))
        self.cancel.on_click(lambda _: self._stop.set())

    def poses(self) -> list[Pose]:
        """The way, picture by picture.

        Raises:
            ConfigError: there are fewer than two keypoints.
        """
        count = frame_count(float(self.seconds.value), float(self.fps.value))
        return through(self.keys, count, loop=bool(self.loop.value), smooth=bool(self.smooth.value))

    def add_key(self, client: viser.ClientHandle | None) -> None:
        """Add the present view of a browser."""
        if client is not None:
            self.set_keys([*self.keys, pose_of_client(client)])

    def add_orbit(self, client: viser.ClientHandle | None) -> None:
        """Eight keypoints once around the scene, from the present view on."""
        start = self._viewer.first_pose() if client is None else pose_of_client(client)
        if start is not None:
            self.set_keys(orbit(start, self._viewer.extent.center.astype(float), 8, degrees=_FULL_TURN))
            self.loop.value = True

    def set_keys(self, keys: list[Pose]) -> None:
        """Replace the keypoints."""
        self.keys = keys
        self.count.content = f"{len(keys)} keypoints" if keys else "no keypoints"
        for mark in self._marks:
            mark.remove()
        self._marks = [
            self._viewer.server.scene.add_camera_frustum(
                f"/keypoints/{number}",
                fov=key.fov,
                aspect=16 / 9,
                scale=1.5 * self._viewer.cameras.scale,
                color=_ORANGE,
                thickness=2.0,
                thickness_units="screen",
                wxyz=key.wxyz,
                position=key.position,
            )
            for number, key in enumerate(keys)
        ]

    def toggle(self, client: viser.ClientHandle | None) -> None:
        """Play the way in a browser; stop if it is being played."""
        if not self._stop.is_set():
            self._stop.set()
        elif client is not None:
            self._guarded(lambda: self._play(client))

    def save_keys(self, client: viser.ClientHandle | None) -> None:
        """Hand out the keypoints as a file."""
        name = stamped("keypoints", self._viewer.label, ".json")
        self._guarded(lambda: self._say(deliver(self._out, name, encode_keypoints(self.keys), _to(client))))

    def load_keys(self, content: bytes, name: str) -> None:
        """Take keypoints from a file."""
        self._guarded(lambda: self.set_keys(list(decode_view(content, name))))

    def film_way(self, client: viser.ClientHandle | None) -> None:
        """Make a video of the way, as the cloud is shown now."""
        clouds, size = self._viewer.clouds, self._viewer.points.point_size

        def write(path: Path) -> int:
            poses = self.poses()
            if clouds is None:
                raise Cancelled
            return film(path, clouds, poses, self._settings(), size=size, on_progress=self._counter(len(poses)))

        self._film("way", write, client)

    def film_single_views(self, client: viser.ClientHandle | None) -> None:
        """Make a video of one view after the other, seen from where the browser looks."""
        viewer, scene = self._viewer, self._viewer.scene
        pose = viewer.first_pose() if client is None else pose_of_client(client)

        def write(path: Path) -> int:
            if scene is None or pose is None:
                raise Cancelled
            first, last = sorted(viewer.frames.range)
            views = range(first, min(last + 1, len(scene.cameras)))
            count, settings = self._counter(len(views)), self._settings(float(viewer.frames.fps.value))
            size = viewer.points.point_size
            return film_views(path, scene, viewer.extent, pose, settings, size=size, positions=views, on_progress=count)

        self._film("views", write, client)

    @property
    def _out(self) -> Path | None:
        return self._viewer.options.out

    def _settings(self, fps: float | None = None) -> FilmSettings:
        viewer = self._viewer
        return FilmSettings(
            image_hw=viewer.picture.image_hw,
            fps=float(self.fps.value) if fps is None else fps,
            max_points=viewer.points.budget,
            look=viewer.densities.look(viewer.points.display(0, 0)),
        )

    def _film(self, kind: str, write: Callable[[Path], int], client: viser.ClientHandle | None) -> None:
        """Make a film in the present thread, with progress, unless another one is being made."""
        if not self._stop.is_set():
            return
        self._stop.clear()
        self.progress.visible, self.cancel.disabled, self.made = True, False, None
        try:
            name = stamped(kind, self._viewer.label, ".mp4")
            self._guarded(lambda: self._say(deliver_written(self._out, name, write, _to(client))))
        finally:
            self._stop.set()
            self.progress.visible, self.cancel.disabled = False, True

    def _counter(self, total: int) -> Callable[[int], None]:
        def count(done: int) -> None:
            if self._stop.is_set():
                raise Cancelled
            self.progress.value = 100 * done / total

        return count

    def _play(self, client: viser.ClientHandle) -> None:
        poses = self.poses()
        self._stop.clear()
        try:
            begin, fps = time.monotonic(), float(self.fps.value)
            # By the clock, not by counting: a slow browser sees fewer pictures, not a slower flight.
            while not self._stop.wait(1 / fps):
                number = int((time.monotonic() - begin) * fps)
                if number >= len(poses) and not self.loop.value:
                    break
                self._viewer.look_from(client, poses[number % len(poses)])
        finally:
            self._stop.set()

    def _say(self, text: str) -> None:
        self.made = text
        self.said.content = f"`{text}`"

    def _guarded(self, action: Callable[[], None]) -> None:
        """Do something; what goes wrong is said in the panel."""
        try:
            action()
        except Cancelled:
            self.said.content = "cancelled"
        except MdaError as error:
            self.said.content = f"`{str(error).replace('`', chr(39))}`"


def _to(client: viser.ClientHandle | None) -> Callable[[str, bytes], None]:
    """Hands a file to a browser, if there is one."""

    def download(name: str, content: bytes) -> None:
        if client is not None:
            client.send_file_download(name, content, save_immediately=True)

    return download
