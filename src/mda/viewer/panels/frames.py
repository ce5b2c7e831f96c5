"""Views one by one: single-frame mode, the range of the cloud, and playback."""

import threading
from typing import TYPE_CHECKING

from mda.viewer.poses import pose_of_camera

if TYPE_CHECKING:
    from mda.viewer.app import Viewer


class FramesPanel:
    """Controls of the views."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        self._playing = threading.Event()
        self._ended = threading.Event()
        with gui.add_folder("Views"):
            self.single = gui.add_checkbox("Single view", False, hint="Only the points of one view, all of them")
            self.frame = gui.add_slider("View", 0, 1, 1, 0)
            self.name = gui.add_markdown("")
            self.first = gui.add_slider("Cloud from view", 0, 1, 1, 0)
            self.last = gui.add_slider("Cloud to view", 0, 1, 1, 1)
            self.play = gui.add_button("Play / pause")
            self.fps = gui.add_slider("Views per second", 1, 60, 1, 10)
            self.follow = gui.add_checkbox("Fly along while playing", False)
            self.go = gui.add_button("Go to this camera")
        for control in (self.single, self.first, self.last):
            control.on_update(lambda _: viewer.draw())
        self.frame.on_update(lambda _: self._moved())
        self.play.on_click(lambda _: self.toggle())
        self.go.on_click(lambda event: viewer.fly_to_view(event.client, int(self.frame.value)))
        self._thread = threading.Thread(target=self._run, name="mda-playback", daemon=True)
        self._thread.start()

    @property
    def playing(self) -> bool:
        """Whether the views are played."""
        return self._playing.is_set()

    @property
    def range(self) -> tuple[int, int]:
        """First and last view of the cloud, as chosen."""
        return int(self.first.value), int(self.last.value)

    def opened(self, count: int) -> None:
        """Adapt to a scene."""
        self._playing.clear()
        # Viser wants a slider longer than nothing; positions beyond the last view are caught where they are used.
        for slider, value in ((self.frame, 0), (self.first, 0), (self.last, max(1, count - 1))):
            slider.max = max(1, count - 1)
            slider.value = value
        self._tell()

    def toggle(self) -> None:
        """Play, or stop playing."""
        if self._playing.is_set():
            self._playing.clear()
        else:
            self._playing.set()

    def end(self) -> None:
        """Stop the thread."""
        self._ended.set()
        self._playing.set()
        self._thread.join(5)

    def _moved(self) -> None:
        self._tell()
        if self.single.value:
            self._viewer.draw()

    def _tell(self) -> None:
        scene, position = self._viewer.scene, int(self.frame.value)
        if scene is not None and position < len(scene.cameras):
            name = scene.run.names[position].replace("`", "'")
            self.name.content = f"`{name}`"

    def _run(self) -> None:
        while not self._ended.is_set():
            self._playing.wait()
            scene = self._viewer.scene
            if self._ended.wait(1 / float(self.fps.value)) or scene is None or not self._playing.is_set():
                continue
            position = (int(self.frame.value) + 1) % len(scene.cameras)
            self.frame.value = position
            camera = scene.cameras[position]
            if self.follow.value and camera is not None:
                for client in self._viewer.server.get_clients().values():
                    self._viewer.look_from(client, pose_of_camera(camera))
            # The next step waits for the points of this one, so that no view is skipped on a slow machine.
            self._viewer.worker.wait(5.0)
