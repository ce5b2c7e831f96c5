"""The viewer: a server, the run that is open, and the panels that steer what is drawn of it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import viser

from mda.errors import MdaError
from mda.io.run import load_run
from mda.viewer.densities import Densities, has_densities
from mda.viewer.display import SKY_FACTOR
from mda.viewer.drawing import Clouds, Look, draw
from mda.viewer.panels.cameras import CamerasPanel
from mda.viewer.panels.densities import DensitiesPanel
from mda.viewer.panels.film import FilmPanel
from mda.viewer.panels.frames import FramesPanel
from mda.viewer.panels.picking import PickingPanel
from mda.viewer.panels.picture import PicturePanel
from mda.viewer.panels.points import PointsPanel
from mda.viewer.panels.runs import RunsPanel
from mda.viewer.places import Place
from mda.viewer.poses import Pose, between, pose_of_camera
from mda.viewer.samples import Samples, samples_of
from mda.viewer.scene import Extent, Scene
from mda.viewer.stage import Stage, look_from, pose_of_client, start_server
from mda.viewer.worker import Worker

_FIRST_DRAW_AFTER = 0.5
_FLIGHT_SECONDS, _FLIGHT_STEPS = 0.4, 12


@dataclass(frozen=True, kw_only=True)
class ViewerOptions:
    """How the viewer starts.

    Attributes:
        host: address to listen at; others on the network can reach it only if told so.
        port: port to try first.
        max_points: points to load at first.
        up: world direction that is up.
        out: folder for screenshots, views and videos; None gives them to the browser as downloads.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    max_points: int = 1_000_000
    up: str = "-y"
    out: Path | None = None


class Viewer:
    """An open viewer; `stop` ends it.

    Args:
        places: runs that can be opened; the first one is opened at once.
        options: how it starts.
    """

    def __init__(self, places: Sequence[Place], options: ViewerOptions = ViewerOptions()) -> None:
        self.places = tuple(places)
        self.options = options
        self.scene: Scene | None = None
        self.extent = Extent(center=np.zeros(3, np.float32), depth=1.0, far=1.0)
        self.clouds: Clouds | None = None
        self.drawn: Samples | None = None
        self._densities: Densities | None = None
        self._stop_loading = threading.Event()
        self.server = start_server(options.host, options.port, "mda")
        self.server.scene.set_up_direction(options.up)  # pyright: ignore[reportArgumentType] - checked by the caller
        self.stage = Stage(self.server)
        self.worker = Worker(lambda message: self.runs.tell("That did not work:", (message,)))
        self.runs = RunsPanel(self)
        tabs = self.server.gui.add_tab_group()
        with tabs.add_tab("Cloud"):
            self.points = PointsPanel(self)
            self.densities = DensitiesPanel(self)
        with tabs.add_tab("Views"):
            self.frames = FramesPanel(self)
            self.cameras = CamerasPanel(self)
        with tabs.add_tab("Inspect"):
            self.picking = PickingPanel(self)
        with tabs.add_tab("Film"):
            self.film = FilmPanel(self)
        with tabs.add_tab("Picture"):
            self.picture = PicturePanel(self)
        self.server.on_client_connect(self._connected)
        self.open(0)

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{self.shown_host}:{self.server.get_port()}"

    @property
    def shown_host(self) -> str:
        """The host as a browser on this machine names it."""
        host = self.options.host
        return "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - not listened at, but recognised

    @property
    def label(self) -> str:
        """What the open run is called."""
        return self.places[self.runs.chosen].label

    @property
    def source(self) -> str:
        """Folder of the open run."""
        return "" if self.scene is None else str(self.scene.run.path)

    def open(self, number: int) -> None:
        """Open one of the places; what is being loaded is given up."""
        self._stop_loading.set()
        self.worker.ask("open", lambda: self._open(self.places[number]))

    def close(self) -> None:
        """Take the present run away."""
        self._stop_loading.set()
        self.scene = self.clouds = self.drawn = self._densities = None
        self.stage.clear()
        self.picking.reset()
        self.film.set_keys([])
        self.runs.tell("Nothing is open.")

    def load(self) -> None:
        """Load as many points as the slider says."""
        self._stop_loading.set()
        self.worker.ask("load", self._load)

    def draw(self) -> None:
        """Draw anew what the controls say."""
        self.worker.ask("draw", self._draw)

    def stop(self) -> None:
        """End threads and server."""
        self._stop_loading.set()
        self.frames.end()
        self.worker.end()
        self.server.stop()

    def look_from(self, client: viser.ClientHandle, pose: Pose) -> None:
        """Put the eye of a browser somewhere."""
        look_from(client, pose, self.extent.depth)

    def fly(self, client: viser.ClientHandle | None, pose: Pose | None) -> None:
        """Move the eye of a browser there, by a short flight."""
        if client is None or pose is None:
            return
        start = pose_of_client(client)
        for step in range(1, _FLIGHT_STEPS):
            self.look_from(client, between(start, pose, step / _FLIGHT_STEPS))
            time.sleep(_FLIGHT_SECONDS / _FLIGHT_STEPS)
        self.look_from(client, pose)

    def fly_to_view(self, client: viser.ClientHandle | None, position: int) -> None:
        """Fly to the camera of a view."""
        camera = self.scene.cameras[position] if self.scene and position < len(self.scene.cameras) else None
        if camera is not None:
            self.fly(client, pose_of_camera(camera))
            # Its picture would hide the points that it saw.
            self.stage.hide_frustum(position)

    def _connected(self, client: viser.ClientHandle) -> None:
        """Put a new browser where the first camera was."""
        first = self.first_pose()
        if first is not None:
            self.look_from(client, first)

    def first_pose(self) -> Pose | None:
        """Where a browser looks from at first."""
        return None if self.scene is None else self.scene.first_pose(self.extent)

    def _open(self, place: Place) -> None:
        self.close()
        self.runs.tell("Opening ...")
        try:
            scene = Scene(load_run(place.path))
        except MdaError as error:
            self.runs.tell("This run cannot be opened.", (str(error),))
            return
        self.scene = scene
        self.frames.opened(len(scene.cameras))
        self.densities.opened(has_densities=has_densities(scene.run))
        self._load(first=True)

    def _load(self, *, first: bool = False) -> None:
        scene = self.scene
        if scene is None:
            return
        self._stop_loading = stop = threading.Event()
        due, seconds = time.monotonic() + _FIRST_DRAW_AFTER, _FIRST_DRAW_AFTER
        measured = False

        def progress(done: int, parts: Sequence[Samples]) -> None:
            nonlocal due, seconds, measured
            if time.monotonic() < due:
                return
            if first and not measured:
                measured = self._measure(scene, Samples.joined(parts))
            self._draw(Samples.joined(parts))
            self.runs.tell(f"Loading: {done} of {len(scene.cameras)} views")
            # Less and less often, so that drawing what is there never takes most of the time.
            seconds *= 2
            due = time.monotonic() + seconds

        scene.load(self.points.budget, on_progress=progress, stop=stop)
        if stop.is_set():
            return
        if first:
            self._measure(scene, scene.samples)
            self.cameras.opened(self.extent, len(scene.cameras))
        self._draw()

    def _measure(self, scene: Scene, samples: Samples) -> bool:
        """Adapt sizes to the scene and show it from its first camera; whether there was anything to go by."""
        self.extent = scene.extent(samples)
        self.points.unit = scene.point_unit(self.extent)
        pose = self.first_pose()
        if pose is not None:
            for client in self.server.get_clients().values():
                self.look_from(client, pose)
        return len(samples) > 0

    def sample_pixel(self, view: int, row: int, column: int) -> Samples | None:
        """One pixel of a view, None where it cannot be read."""
        camera = None if self.scene is None else self.scene.cameras[view]
        if self.scene is None or camera is None:
            return None
        return samples_of(self.scene.run.view(view, mixture=False), view, np.array([row * camera.image_hw[1] + column]))

    def _draw(self, partial: Samples | None = None) -> None:
        """Draw what the controls say; while a run is loaded, what is there of it, as saved."""
        scene = self.scene
        if scene is None:
            return
        single = partial is None and bool(self.frames.single.value)
        position = min(int(self.frames.frame.value), len(scene.cameras) - 1)
        first, last = (position, position) if single else self.frames.range
        samples = scene.frame(position, self.points.budget) if single else scene.samples
        samples = samples if partial is None else partial
        look = self.densities.look(self.points.display(first, last))
        sky_depth = SKY_FACTOR * self.extent.far
        densities = None if partial is not None else self._densities_of(scene, samples, look)
        self.clouds = draw(samples, look, densities=densities, sky_depth=sky_depth, views=len(scene.cameras))
        self.drawn = samples
        size = self.points.point_size
        for name, part in (("cloud", self.clouds.main), ("back", self.clouds.back), ("flying", self.clouds.flying)):
            self.stage.show_cloud(name, part, size=size)
        self._report(scene)

    def _densities_of(self, scene: Scene, samples: Samples, look: Look) -> Densities | None:
        """Densities of the samples, if they are needed and there; they remember what was computed of them."""
        if not look.needs_densities or not has_densities(scene.run):
            return None
        if self._densities is None or self._densities.samples is not samples:
            self._densities = Densities(scene.run, samples)
        self.runs.tell("Reading densities ...")
        return self._densities

    def _report(self, scene: Scene) -> None:
        """Say how many points there are, what the colours mean, and what could not be read."""
        clouds, info, look = self.clouds, scene.run.info, self.densities.look(self.points.display(0, 0))
        if clouds is None:
            return
        problems = scene.problems
        if self._densities is not None and look.needs_densities:
            problems += tuple(self._densities.problems.values())
        made = f"`{info.model}`" + (f", decoder `{look.decoder or info.decoder}`" if info.decoder else "")
        text = f"**{len(clouds):,} points** of {scene.available:,} in {len(scene.cameras)} views, by {made}."
        if look.flying:
            text += f" {len(clouds.flying):,} flying points of the mean in red."
        if clouds.legend:
            text += f"\n\nColours: {clouds.legend}"
        if not len(clouds) and not problems:
            text += " The filters leave nothing, or no depth is known."
        self.runs.tell(text, problems)
