"""Cameras: frustums of the views, which fly the eye there when clicked."""

from typing import TYPE_CHECKING

import viser

from mda.viewer.scene import Extent

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

_MOST_AT_FIRST = 40
_PART_OF_DEPTH = 0.08


class CamerasPanel:
    """Controls of the frustums."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        self.unit = 1.0
        with gui.add_folder("Cameras"):
            self.show = gui.add_checkbox("Show cameras", True)
            self.pictures = gui.add_checkbox("Pictures in them", True)
            self.size = gui.add_slider("Size of cameras", 0.1, 10.0, 0.1, 1.0)
            self.stride = gui.add_slider("Every n-th camera", 1, 50, 1, 1)
        for control in (self.show, self.pictures, self.stride):
            control.on_update(lambda _: viewer.worker.ask("frustums", self.draw))
        self.size.on_update(lambda _: viewer.stage.set_frustum_size(self.scale))

    @property
    def scale(self) -> float:
        """Size of the cameras in units of the world."""
        return self.unit * float(self.size.value)

    def opened(self, extent: Extent, count: int) -> None:
        """Adapt to a scene, and draw its cameras."""
        self.unit = _PART_OF_DEPTH * extent.depth
        stride = min(50, -(-count // _MOST_AT_FIRST))
        if stride != self.stride.value:
            self.stride.value = stride
        self._viewer.worker.ask("frustums", self.draw)

    def draw(self) -> None:
        """Draw what the controls say."""
        scene = self._viewer.scene
        if scene is None or not self.show.value:
            self._viewer.stage.remove_frustums()
            return
        self._viewer.stage.show_frustums(
            scene,
            stride=int(self.stride.value),
            size=self.scale,
            pictures=bool(self.pictures.value),
            on_click=self._clicked,
        )

    def _clicked(self, position: int, event: viser.SceneNodePointerEvent[viser.CameraFrustumHandle]) -> None:
        if self._viewer.picking.clicked_camera(position, event):
            return
        self._viewer.frames.frame.value = position
        self._viewer.fly_to_view(event.client, position)
