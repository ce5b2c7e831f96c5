"""The eye and its pictures: up, field of view, tilt and roll, screenshots, saved views."""

import math
from typing import TYPE_CHECKING

import numpy as np
import viser

from mda.errors import MdaError
from mda.io.images import encode_image
from mda.shapes import UInt8, ndarray
from mda.viewer.outputs import deliver, safe_name, stamped
from mda.viewer.poses import UP_AXES, Pose
from mda.viewer.splatting import BACKGROUND, render
from mda.viewer.stage import pose_of_client
from mda.viewer.view_files import decode_view, encode_view

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

_PATIENCE = 60.0  # seconds until a browser that does not answer is given up


class PicturePanel:
    """Controls of the eye."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        self.made: str | None = None
        with gui.add_folder("Eye"):
            self.up = gui.add_dropdown("Up", UP_AXES, initial_value=viewer.options.up)
            self.fov = gui.add_slider("Field of view (degrees)", 10.0, 120.0, 1.0, 57.0)
            self.tilt = gui.add_slider("Tilt (degrees)", -89.0, 89.0, 1.0, 0.0)
            self.roll = gui.add_slider("Roll (degrees)", -180.0, 180.0, 1.0, 0.0)
            self.apply = gui.add_button("Apply")
            self.home = gui.add_button("Back to the first view")
        with gui.add_folder("Pictures and views"):
            self.width = gui.add_slider("Width", 320, 3840, 2, 1280)
            self.height = gui.add_slider("Height", 240, 2160, 2, 720)
            self.shoot = gui.add_button("Take screenshot")
            self.name = gui.add_text("Name of the view", "view")
            self.save = gui.add_button("Save view")
            self.upload = gui.add_upload_button("Load view", mime_type="application/json")
            self.said = gui.add_markdown("")
        self.up.on_update(lambda _: self.turn_up())
        self.apply.on_click(lambda event: self.apply_turns(event.client))
        self.home.on_click(lambda event: viewer.fly(event.client, viewer.first_pose()))
        self.shoot.on_click(lambda event: self.screenshot(event.client))
        self.save.on_click(lambda event: self.save_view(event.client))
        self.upload.on_upload(
            lambda event: self.load_view(event.client, self.upload.value.content, self.upload.value.name)
        )

    @property
    def image_hw(self) -> tuple[int, int]:
        """Size of screenshots and videos."""
        return int(self.height.value), int(self.width.value)

    def turn_up(self) -> None:
        """Turn the world so that the chosen axis is up in all browsers."""
        sign, axis = self.up.value
        direction = np.zeros(3)
        direction["xyz".index(axis)] = 1.0 if sign == "+" else -1.0
        self._viewer.server.scene.set_up_direction(direction)
        for client in self._viewer.server.get_clients().values():
            client.camera.up_direction = direction

    def apply_turns(self, client: viser.ClientHandle | None) -> None:
        """Turn the eye by tilt and roll, set its field of view, and put tilt and roll back to zero."""
        if client is None:
            return
        tilt, roll = math.radians(self.tilt.value), math.radians(self.roll.value)
        pose = pose_of_client(client).turned(tilt=tilt, roll=roll, fov=math.radians(self.fov.value))
        self._viewer.look_from(client, pose)
        self.tilt.value = self.roll.value = 0.0

    def screenshot(self, client: viser.ClientHandle | None) -> None:
        """Take a picture of what the browser shows; without a browser that answers, by our own means."""
        pose = self._viewer.first_pose() if client is None else pose_of_client(client)
        if pose is None:
            self._say("Nothing is open.")
            return
        pixels = None if client is None else self._from_browser(client)
        clouds = self._viewer.clouds
        if pixels is None and clouds is not None:
            size = self._viewer.points.point_size
            pixels = render(clouds.positions, clouds.colors, pose, self.image_hw, size=size)
        if pixels is not None:
            self._hand_out(client, stamped("viewer", self._viewer.label, ".png"), encode_image(pixels, "PNG"))

    def save_view(self, client: viser.ClientHandle | None) -> None:
        """Hand out the present view as a file."""
        pose = self._viewer.first_pose() if client is None else pose_of_client(client)
        if pose is not None:
            name, viewer = str(self.name.value), self._viewer
            content = encode_view(pose, image_hw=self.image_hw, source=viewer.source, name=name)
            self._hand_out(client, stamped("view", safe_name(name), ".json"), content)

    def load_view(self, client: viser.ClientHandle | None, content: bytes, name: str) -> None:
        """Go to the view in a file; of keypoints, to the first."""
        try:
            pose: Pose = decode_view(content, name)[0]
        except MdaError as error:
            self._say(str(error))
            return
        self._viewer.fly(client, pose)
        self.fov.value = min(max(round(math.degrees(pose.fov)), 10), 120)
        self._say(f"{name} is shown")

    def _from_browser(self, client: viser.ClientHandle) -> UInt8[ndarray, "h w 3"] | None:
        height, width = self.image_hw
        try:
            pixels = client.get_render(height, width, transport_format="png", timeout=_PATIENCE)
        except (RuntimeError, TimeoutError):
            return None
        if pixels.shape[-1] == 3:
            return pixels
        opaque = pixels[..., 3:].astype(np.float32) / 255
        return np.round(opaque * pixels[..., :3] + (1 - opaque) * np.array(BACKGROUND)).astype(np.uint8)

    def _hand_out(self, client: viser.ClientHandle | None, name: str, content: bytes) -> None:
        def download(name: str, content: bytes) -> None:
            if client is not None:
                client.send_file_download(name, content, save_immediately=True)

        try:
            self._say(deliver(self._viewer.options.out, name, content, download))
        except MdaError as error:
            self._say(str(error))

    def _say(self, text: str) -> None:
        self.made = text
        self.said.content = f"`{text.replace('`', chr(39))}`"
