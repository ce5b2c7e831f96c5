"""A scene made ready for rays: culling lists, the light's cells, and the drawing of whole views."""

import math
from dataclasses import dataclass

import numpy as np

from mda.shapes import Bool, Float, Float32, Int, ndarray
from mda.synthetic.kernels import culling, drawing
from mda.synthetic.kernels.compiled import forget_stale_code
from mda.synthetic.kernels.shading import LIGHT_COLUMNS, LIGHT_ROWS
from mda.synthetic.layout import ELLIPSOID
from mda.synthetic.scene import Scene, along

_LightCells = tuple[ndarray, ndarray, ndarray]


@dataclass(frozen=True, kw_only=True)
class DrawnView:
    """One view of a scene.

    Attributes:
        colour: linear light.
        depth: z-depth of the pixel centre, 0 where nothing is hit.
        surface: number of the surface at the pixel centre, -1 for sky.
        edge, skyline, front, back: discontinuities, see `mda.synthetic.render`.
    """

    colour: Float32[ndarray, "h w 3"]
    depth: Float[ndarray, "h w"]
    surface: Int[ndarray, "h w"]
    edge: Bool[ndarray, "h w"]
    skyline: Bool[ndarray, "h w"]
    front: Float[ndarray, "h w"]
    back: Float[ndarray, "h w"]


class Tracer:
    """Answers what cameras see of a scene."""

    def __init__(self, scene: Scene) -> None:
        forget_stale_code()
        self.scene = scene
        self._bank = scene.bank.texels
        self._light_cells = _light_cells(scene)

    def centres(self, camera: np.void, image_hw: tuple[int, int]) -> tuple[Int[ndarray, "h w"], Float[ndarray, "h w"]]:
        """Surface number (-1: sky) and depth (0: sky) at the pixel centres."""
        surface, depth = np.empty(image_hw, np.int32), np.empty(image_hw)
        local, nearest, rects, cells, columns = self._prepare(camera, image_hw)
        drawing.trace_centres(
            self.scene.primitives, local, nearest, rects, cells, columns, camera, self._bank, surface, depth
        )
        return surface, depth

    def _prepare(
        self, camera: np.void, image_hw: tuple[int, int]
    ) -> tuple[ndarray, ndarray, ndarray, tuple[ndarray, ndarray], int]:
        primitives = self.scene.primitives
        count = len(primitives)
        local, rects, nearest = np.empty((count, 12)), np.empty((count, 4)), np.empty(count)
        culling.place_in_view(primitives, camera, local)
        culling.bounds_in_view(primitives, local, camera, *image_hw, rects, nearest)
        rows, columns = (-(-side // culling.TILE) for side in image_hw)
        order = np.argsort(nearest, kind="stable")
        cells = culling.fill_cells(rects, order, float(culling.TILE), rows, columns)
        return local, nearest, rects, cells, columns

    def draw(self, camera: np.void, image_hw: tuple[int, int], gap: float) -> DrawnView:
        """Draw a view; `gap` is the relative depth gap (log) of a discontinuity."""
        scene = self.scene
        local, nearest, rects, cells, columns = self._prepare(camera, image_hw)
        seen = scene.primitives, local, nearest, rects, cells, columns
        surface, depth = np.empty(image_hw, np.int32), np.empty(image_hw)
        lit, flags = np.empty(image_hw, np.uint8), np.zeros(image_hw, np.uint8)
        drawing.trace_centres(*seen, camera, self._bank, surface, depth)
        drawing.trace_shadows(
            scene.primitives, local, camera, scene.environment, self._light_cells, self._bank, surface, depth, lit
        )
        drawing.mark_borders(surface, depth, lit, gap, flags)
        culling.mark_thin(scene.primitives, local, camera, rects, flags)
        colour = np.empty((*image_hw, 3), np.float32)
        edge, skyline = np.zeros(image_hw, np.bool_), np.zeros(image_hw, np.bool_)
        front, back = np.zeros(image_hw), np.zeros(image_hw)
        drawing.draw(
            *seen, scene.materials, camera, scene.environment, self._light_cells, self._bank,
            surface, depth, lit, flags, gap, colour, edge, skyline, front, back,
        )  # fmt: skip
        return DrawnView(
            colour=colour, depth=depth, surface=surface, edge=edge, skyline=skyline, front=front, back=back
        )

    def clearance(self, point: Float[ndarray, "3"]) -> float:
        """Distance from a point to the nearest primitive (of bounding boxes, ellipsoids nearly exactly); 0 inside."""
        p = self.scene.primitives
        offset = np.stack([point[0] - p["cx"], point[1] - p["cy"], point[2] - p["cz"]], -1)
        rotation = np.stack([p[f"r{i}{j}"] for i in range(3) for j in range(3)], -1).reshape(-1, 3, 3)
        local = np.einsum("nij,nj->ni", rotation, offset)
        half = np.stack([p["hx"], p["hy"], p["hz"]], -1)
        half[:, :2] *= (1 + np.abs(p["taper"]))[:, None]
        boxes = np.linalg.norm(np.maximum(np.abs(local) - half, 0), axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.linalg.norm(local / half, axis=-1)
            balls = np.where(scaled > 1, np.linalg.norm(local, axis=-1) * (1 - 1 / scaled), 0.0)
        away = np.where(p["kind"] == ELLIPSOID, balls, boxes)
        return float(np.min(away, initial=math.inf))


def _light_cells(scene: Scene) -> _LightCells:
    """Lists of the casters in each cell of the light's view, and the frame of the cells (`shading.in_shadow`)."""
    environment, primitives = scene.environment, scene.primitives
    rects = np.zeros((len(primitives), 4))
    frame = np.zeros(10)
    if environment["point"]:
        culling.bounds_around_light(primitives, environment["lx"], environment["ly"], environment["lz"], rects)
        frame[8], frame[9] = 2 * math.pi / LIGHT_COLUMNS, math.pi / LIGHT_ROWS
    else:
        axes = along((float(environment["lx"]), float(environment["ly"]), float(environment["lz"])))
        frame[:3], frame[3:6] = axes[:, 0], axes[:, 1]
        culling.bounds_in_light(primitives, frame[:6], rects)
        casting = rects[primitives["casts"] > 0]
        if len(casting):
            low, high = casting[:, :2].min(0), casting[:, 2:].max(0)
            frame[6:8] = low
            frame[8:10] = (high - low) / [LIGHT_COLUMNS, LIGHT_ROWS] * (1 + 1e-9) + 1e-9
        else:
            frame[8:10] = 1.0
    silent = primitives["casts"] == 0
    rects = (rects - np.tile(frame[6:8], 2)) / np.tile(frame[8:10], 2)
    rects[silent] = 0
    starts, members = culling.fill_cells(rects, np.arange(len(primitives)), 1.0, LIGHT_ROWS, LIGHT_COLUMNS)
    return frame, starts, members
