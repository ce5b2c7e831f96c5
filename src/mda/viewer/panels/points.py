"""Points: how many, how large, sky, and filters of confidence and edges."""

from typing import TYPE_CHECKING

from mda.viewer.display import Display

if TYPE_CHECKING:
    from mda.viewer.app import Viewer

_MOST_POINTS = 20_000
# Jumps of depth from 1 % to a factor of 2, where the filter is on.
_JUMPS = (1.0, 100.0)


class PointsPanel:
    """Sliders of the cloud; all of them live."""

    def __init__(self, viewer: "Viewer") -> None:
        gui = viewer.server.gui
        self._viewer = viewer
        self.unit = 1.0
        thousands = max(1, min(_MOST_POINTS, viewer.options.max_points // 1000))
        with gui.add_folder("Points"):
            self.points = gui.add_slider(
                "Points (thousands)", 10, _MOST_POINTS, 10, thousands, hint="Taken evenly from all views"
            )
            self.size = gui.add_slider("Point size", 0.1, 10.0, 0.1, 1.0, hint="1: about the spacing of the pixels")
            self.sky = gui.add_checkbox("Show sky", False, hint="Far behind the scene")
        with gui.add_folder("Filters"):
            self.drop = gui.add_slider(
                "Drop least confident (%)", 0, 95, 1, 0, hint="Percent of the pixels of each view"
            )
            self.confidence = gui.add_number("Smallest confidence", 0.0, min=0.0, step=0.1, hint="Raw value; 0: all")
            self.edges = gui.add_checkbox("Drop edges", False, hint="Leave out pixels at jumps of depth")
            self.jump = gui.add_slider("Edge: jump of depth above (%)", *_JUMPS, 1.0, 10.0)
        self.points.on_update(lambda _: viewer.load())
        self.size.on_update(lambda _: viewer.stage.set_point_size(self.point_size))
        for control in (self.sky, self.drop, self.confidence, self.edges, self.jump):
            control.on_update(lambda _: viewer.draw())

    @property
    def budget(self) -> int:
        """Number of points to load."""
        return int(self.points.value) * 1000

    @property
    def point_size(self) -> float:
        """Size of the points in units of the world."""
        return float(self.size.value) * self.unit

    def display(self, first: int, last: int) -> Display:
        """What the controls say."""
        return Display(
            show_sky=bool(self.sky.value),
            drop_percent=float(self.drop.value),
            min_confidence=float(self.confidence.value or 0.0),
            max_jump=float(self.jump.value) / 100 if self.edges.value else None,
            first=first,
            last=last,
        )
