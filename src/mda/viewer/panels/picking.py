"""What a click does: look at the density of a pixel, or measure between two points."""

import time
from typing import TYPE_CHECKING

import numpy as np
import viser

from mda.errors import MdaError
from mda.shapes import Float, ndarray
from mda.viewer.colouring import HYPOTHESIS_COLOURS
from mda.viewer.inspecting import PixelReport, describe, draw_report, inspect_pixel
from mda.viewer.picking import distance, pixel_on_ray, point_on_ray

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

NOTHING, INSPECT, MEASURE = "fly (cameras)", "inspect", "measure"
_MARK = "/marks"
_TOLD_TWICE = 0.1
_YELLOW = (255, 230, 60)


class PickingPanel:
    """The inspector and the tape measure."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        self.report: PixelReport | None = None
        self.length: float | None = None
        self._ends: list[Float[ndarray, "3"]] = []
        self._marks: list[viser.SceneNodeHandle] = []
        self._image: viser.GuiImageHandle | None = None
        self._armed = False
        self._taken: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
        with gui.add_folder("Inspect and measure"):
            self.mode = gui.add_dropdown("A click does", [NOTHING, INSPECT, MEASURE])
            self.pixel = gui.add_vector2("Column, row", (0.0, 0.0), step=1.0, hint="A pixel of the chosen view")
            self.look = gui.add_button("Inspect that pixel")
            self.clear = gui.add_button("Clear marks")
            self.words = gui.add_markdown("")
            self._folder = gui.add_folder("Density of the pixel", visible=False)
        self.mode.on_update(lambda _: self._arm())
        self.look.on_click(lambda _: self.inspect_chosen())
        self.clear.on_click(lambda _: self.reset())

    def reset(self) -> None:
        """Forget marks and measures."""
        for mark in self._marks:
            mark.remove()
        self._marks.clear()
        self._ends.clear()
        self.report = self.length = None
        self.words.content = ""
        self._folder.visible = False

    def inspect_chosen(self) -> None:
        """Inspect the pixel that the numbers name, of the chosen view."""
        column, row = self.pixel.value
        self.inspect(int(self._viewer.frames.frame.value), int(row), int(column))

    def inspect(self, view: int, row: int, column: int) -> None:
        """Show the density of a pixel, and its hypotheses in the scene."""
        scene = self._viewer.scene
        if scene is None or view >= len(scene.cameras):
            return
        try:
            report = inspect_pixel(scene.run, view, row, column)
        except MdaError as error:
            self.reset()
            self.words.content = f"`{str(error).replace('`', chr(39))}`"
            return
        self.reset()
        self.report = report
        sheet = draw_report(report)
        if self._image is None:
            with self._folder:
                self._image = self._viewer.server.gui.add_image(sheet, format="png")
        else:
            self._image.image = sheet
        self._folder.visible = True
        self.words.content = describe(report)
        self._mark_hypotheses(report)

    def clicked_camera(self, position: int, event: "viser.SceneNodePointerEvent[viser.CameraFrustumHandle]") -> bool:
        """Inspect the pixel of a camera's picture that was clicked; False if clicks do something else."""
        scene = self._viewer.scene
        camera = None if scene is None else scene.cameras[position]
        if self.mode.value == NOTHING or camera is None:
            return False
        if self.mode.value == MEASURE:
            return True
        self._taken = event.ray_origin, event.ray_direction
        scale = event.target.scale
        plane = event.target.compute_canonical_frustum_size()[2] * (scale[2] if isinstance(scale, tuple) else scale)
        found = pixel_on_ray(camera, plane, np.array(event.ray_origin), np.array(event.ray_direction))
        if found is not None:
            self.inspect(position, *found)
        return True

    def clicked(self, origin: Float[ndarray, "3"], direction: Float[ndarray, "3"]) -> None:
        """A click into the scene, along a ray."""
        clouds, samples = self._viewer.clouds, self._viewer.drawn
        if clouds is None or samples is None:
            return
        positions = clouds.positions
        found = point_on_ray(positions, origin, direction)
        if found is None:
            self.words.content = "There is no point under the pointer."
            return
        if self.mode.value == MEASURE:
            self._measure(positions[found])
            return
        sample = int(clouds.samples[found])
        view, pixel = int(samples.views[sample]), int(samples.pixels[sample])
        camera = None if self._viewer.scene is None else self._viewer.scene.cameras[view]
        if camera is not None:
            self.inspect(view, *divmod(pixel, camera.image_hw[1]))

    def _arm(self) -> None:
        """Listen to clicks only while they mean something."""
        scene, wanted = self._viewer.server.scene, self.mode.value != NOTHING
        if wanted and not self._armed:
            scene.on_click()(self._on_click)
        elif self._armed and not wanted:
            scene.remove_click_callback(self._on_click)
        self._armed = wanted

    def _on_click(self, event: "viser.SceneClickEvent") -> None:
        # A click on a camera is told twice, to the camera and to the scene; it means the camera.
        time.sleep(_TOLD_TWICE)
        if self._taken != (event.ray_origin, event.ray_direction):
            self.clicked(np.array(event.ray_origin), np.array(event.ray_direction))

    def _measure(self, point: Float[ndarray, "3"]) -> None:
        """The first click begins, the second one ends, a third begins anew."""
        if len(self._ends) != 1:
            self.reset()
        self._ends.append(point)
        self._ball(point, _YELLOW)
        if len(self._ends) == 1:
            self.words.content = "Click the other end."
            return
        first, second = self._ends
        self.length = distance(first, second)
        scene = self._viewer.server.scene
        line = scene.add_line_segments(
            f"{_MARK}/line",
            points=np.stack([first, second])[None].astype(np.float32),
            colors=_YELLOW,
            thickness=3.0,
            thickness_units="screen",
        )
        label = scene.add_label(f"{_MARK}/length", f"{self.length:.4g}", position=(first + second) / 2)
        self._marks += [line, label]
        self.words.content = f"distance **{self.length:.4g}** (units of the run; metres if its model is metric)"

    def _mark_hypotheses(self, report: PixelReport) -> None:
        """Balls along the pixel's ray: one for each hypothesis in its colour, a yellow one at the depth as saved."""
        scene = self._viewer.scene
        camera = None if scene is None else scene.cameras[report.view]
        if camera is None:
            return
        samples = self._viewer.sample_pixel(report.view, report.row, report.column)
        if samples is None:
            return
        depths = [report.depth] if report.mixture is None else [report.depth, *report.mixture.hypotheses.tolist()]
        for number, depth in enumerate(depths):
            point = samples.points_at(np.array([depth], np.float32))[0]
            if np.isfinite(point).all():
                colour = HYPOTHESIS_COLOURS[(number - 1) % len(HYPOTHESIS_COLOURS)].tolist()
                self._ball(point, _YELLOW if number == 0 else tuple(colour), size=1.5 if number == 0 else 1.0)

    def _ball(self, point: Float[ndarray, "3"], colour: tuple[int, int, int], *, size: float = 1.0) -> None:
        radius = 0.005 * self._viewer.extent.depth * size
        name = f"{_MARK}/{len(self._marks)}"
        ball = self._viewer.server.scene.add_icosphere(name, radius, colour, position=point, cast_shadow=False)
        self._marks.append(ball)
