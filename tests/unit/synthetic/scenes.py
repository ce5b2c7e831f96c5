"""Small scenes with known answers."""

import numpy as np

from mda.synthetic.layout import ENVIRONMENT
from mda.synthetic.patterns import pattern_bank
from mda.synthetic.scene import SceneBuilder
from mda.synthetic.tracing import DrawnView, Tracer
from mda.synthetic.trajectories import Pose

GAP = 0.05
HW = (48, 64)


def plain(builder: SceneBuilder, colour: tuple[float, float, float], emission: float = 1.0) -> int:
    """A material of one colour that shines by itself, so that its colour in the picture is known."""
    flat = int(pattern_bank().kinds["flat"][0])
    rgb = {f"{name}{i}": value for name in ("first", "second", "third") for i, value in enumerate(colour)}
    return builder.material(pattern=flat, detail=flat, scale=1.0, detail_scale=1.0, cos=1.0, emission=emission, **rgb)


def dark() -> np.void:
    """No light at all, and a sky of pure blue."""
    record = np.zeros(1, ENVIRONMENT)[0]
    record["lz"] = 1.0
    record["zenith2"] = record["horizon2"] = 1.0
    return record


def ahead(eye: tuple[float, float, float] = (0.0, 0.0, 0.0), fov: float = 1.0, hw: tuple[int, int] = HW) -> np.void:
    """A level camera that looks along world +y: image x is world x, image y is world -z, depth is world y."""
    eye_array = np.array(eye)
    return Pose(eye=eye_array, look=eye_array + np.array([0.0, 1.0, 0.0]), roll=0.0, fov=fov).camera(hw)


def draw(builder: SceneBuilder, camera: np.void | None = None, hw: tuple[int, int] = HW) -> DrawnView:
    return Tracer(builder.build(dark())).draw(ahead(hw=hw) if camera is None else camera, hw, GAP)


def rays(camera: np.void, hw: tuple[int, int] = HW) -> np.ndarray:
    """Directions [h, w, 3] in world axes of the pixel centres, with unit depth."""
    y, x = np.mgrid[0 : hw[0], 0 : hw[1]] + 0.5
    local = np.stack([(x - camera["cx"]) / camera["fx"], (y - camera["cy"]) / camera["fy"], np.ones(hw)], -1)
    rotation = np.array([[camera[f"r{i}{j}"] for j in range(3)] for i in range(3)])
    return local @ rotation.T
