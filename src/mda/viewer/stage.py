"""The 3D scene in the browser: clouds, frustums and the eyes of those who look, in terms of viser."""

import contextlib
import io
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import viser
from PIL import Image

from mda.errors import ConfigError, MdaError
from mda.shapes import Float32, UInt8, ndarray
from mda.viewer.colouring import view_colour
from mda.viewer.display import Shown
from mda.viewer.poses import Pose, pose_of_camera
from mda.viewer.scene import Scene

# Longer side of the pictures in frustums: sharp enough when flown to, and a few kB each.
_PICTURE = 256
_BACKGROUND = (24, 24, 28)


class LocalServer(viser.ViserServer):
    """A server that no page can ask to open a tunnel to the internet."""

    def request_share_url(self, verbose: bool = True) -> NoReturn:  # noqa: ARG002, FBT001, FBT002 - viser's signature
        """Refuse."""
        message = "This viewer is not shared over the internet; use --host to reach it from another machine."
        raise ConfigError(message)


def start_server(host: str, port: int, title: str) -> LocalServer:
    """A server at that address, or at the next free port."""
    # viser prints a box of its own; ours is one line.
    with contextlib.redirect_stdout(io.StringIO()):
        server = LocalServer(host=host, port=port, label=title, verbose=False)
    server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False, control_width="large")
    server.scene.set_background_image(np.full((2, 2, 3), _BACKGROUND, np.uint8), format="png")
    return server


class Stage:
    """What is drawn."""

    def __init__(self, server: viser.ViserServer) -> None:
        self.server = server
        self.clouds: dict[str, viser.PointCloudHandle] = {}
        self.frustums: dict[int, viser.CameraFrustumHandle] = {}

    def show_cloud(self, name: str, shown: Shown, *, size: float) -> None:
        """Draw a cloud in place of the one of that name; without points it disappears."""
        self.show_points(name, shown.positions, shown.colors, size=size)

    def show_points(
        self, name: str, positions: Float32[ndarray, "n 3"], colors: UInt8[ndarray, "n 3"], *, size: float
    ) -> None:
        """Draw points in place of those of that name."""
        if len(positions) == 0:
            cloud = self.clouds.pop(name, None)
            if cloud is not None:
                cloud.remove()
            return
        cloud = self.clouds.get(name)
        if cloud is None:
            self.clouds[name] = self.server.scene.add_point_cloud(
                f"/{name}",
                points=positions,
                colors=colors,
                point_size=size,
                precision="float32",
                point_shading="flat",
                point_shape="circle",
            )
            return
        with self.server.atomic():
            cloud.points = positions
            cloud.colors = colors
            cloud.point_size = size

    def set_point_size(self, size: float) -> None:
        """Change the size of the points of all clouds, in units of the world."""
        for cloud in self.clouds.values():
            cloud.point_size = size

    def show_frustums(
        self,
        scene: Scene,
        *,
        stride: int,
        size: float,
        pictures: bool,
        on_click: Callable[[int, viser.SceneNodePointerEvent[viser.CameraFrustumHandle]], None],
    ) -> None:
        """Draw every n-th camera, in the colours of the rainbow; clicks tell the position of the view."""
        self.remove_frustums()
        for position in range(0, len(scene.cameras), stride):
            camera = scene.cameras[position]
            if camera is None:
                continue
            pose, (height, width) = pose_of_camera(camera), camera.image_hw
            frustum = self.server.scene.add_camera_frustum(
                f"/cameras/{position:06d}",
                fov=pose.fov,
                aspect=float((camera.fov[1] / 2).tan() / (camera.fov[0] / 2).tan()),
                scale=size,
                color=view_colour(position, len(scene.cameras)),
                image=_picture(scene, position, (height, width)) if pictures else None,
                format="jpeg",
                thickness=2.0,
                thickness_units="screen",
                wxyz=pose.wxyz,
                position=pose.position,
            )
            frustum.on_click(lambda event, position=position: on_click(position, event))
            self.frustums[position] = frustum

    def hide_frustum(self, position: int) -> None:
        """Hide the camera of a view, in which the eye is, and show all others."""
        for other, frustum in self.frustums.items():
            if frustum.visible != (other != position):
                frustum.visible = other != position

    def remove_frustums(self) -> None:
        """Take all cameras away."""
        for frustum in self.frustums.values():
            frustum.remove()
        self.frustums.clear()

    def set_frustum_size(self, size: float) -> None:
        """Change the size of all cameras."""
        for frustum in self.frustums.values():
            frustum.scale = size

    def clear(self) -> None:
        """Take everything away."""
        self.remove_frustums()
        for cloud in self.clouds.values():
            cloud.remove()
        self.clouds.clear()


def look_from(client: viser.ClientHandle, pose: Pose, distance: float) -> None:
    """Put the eye of a browser there; it turns about a point at that distance in front of it."""
    eye = np.array(pose.position)
    camera = client.camera
    with client.atomic():
        camera.max_orbit_distance = float("inf")
        camera.near, camera.far = distance / 1000, distance * 10_000
        camera.position = eye
        camera.up_direction = pose.up
        camera.look_at = eye + distance * pose.forward
        camera.fov = pose.fov


def pose_of_client(client: viser.ClientHandle) -> Pose:
    """From where a browser looks."""
    camera = client.camera
    w, x, y, z = map(float, camera.wxyz)
    px, py, pz = map(float, camera.position)
    return Pose(position=(px, py, pz), wxyz=(w, x, y, z), fov=float(camera.fov))


def _picture(scene: Scene, position: int, image_hw: tuple[int, int]) -> UInt8[ndarray, "h w 3"] | None:
    """A small picture of a view; none where it cannot be read."""
    try:
        image = Image.fromarray(scene.run.color(position))
    except MdaError:
        return None  # the loader has reported it with the points of the view
    factor = min(1.0, _PICTURE / max(image_hw))
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
