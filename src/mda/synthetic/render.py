"""Clips of procedural scenes with exact ground truth.

Depth is that of the ray through the pixel's centre. Colours are means over 16 rays wherever a pixel's neighbourhood
holds more than one surface or a shadow's border, so that pixels at edges mix both sides, in linear light.

Discontinuities: pixel i (whose centre meets surface A at depth z_A) is an `edge` pixel if one of the 16 rays of its
footprint, or the centre of one of its 8 neighbours, meets a surface B of another primitive such that
    (1) their depths there differ by more than 5 % (log),
    (2) A and B, each continued endlessly, do not meet between the two points: creases such as floor and wall are no
        edges, however slanted the floor, and
    (3) at the pixel's centre the depths of A and B differ by more than 5 %, where B's is exact if the ray through the
        centre meets B (hidden or not), else that of the nearest of the rays that met B.
`front_depth` and `back_depth` are the smaller and larger of the two depths of (3). Among several B the one met by
most of the rays counts. The gap to the sky is no `edge` but a `skyline`: footprint or 3x3 neighbourhood hold both.
"""

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from mda.data.clips import LayerClip
from mda.data.source import SceneClip
from mda.errors import ConfigError
from mda.shapes import Float32, ndarray
from mda.synthetic.effects import Development, Effects, develop
from mda.synthetic.families import FAMILIES, build_stage
from mda.synthetic.glass import Lens, place_panes, with_panes
from mda.synthetic.kernels.drawing import GAP
from mda.synthetic.tracing import DrawnView, Tracer
from mda.synthetic.trajectories import choose_poses


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """What may be chosen about procedural clips.

    Attributes:
        family: kind of scene (`FAMILIES`), or None for any.
        max_depth: hits beyond it are not valid, metres; they are no sky either.
        gap: relative depth gap (log) from which two surfaces make an edge.
        off_centre: largest shift of the principal point, as a share of the image's height and width.
        photographs: some surfaces show the photographs that come with scikit-image, which must be installed.
        glass: number of glass panes in front of the scene; depth is then that of the panes, and clips have `layers`.
        effects: of lens and sensor.
    """

    family: str | None = None
    max_depth: float = 300.0
    gap: float = GAP
    off_centre: float = 0.0
    photographs: bool = False
    glass: int = 0
    effects: Effects = field(default_factory=Effects)

    def __post_init__(self) -> None:
        """Refuse families that do not exist, and numbers of panes that cannot be."""
        if self.glass < 0:
            message = f"A clip has no panes of glass or some; found {self.glass}."
            raise ConfigError(message)
        if self.family is not None and self.family not in FAMILIES:
            message = f"There is no family of scenes {self.family!r}; choose one of {', '.join(FAMILIES)}."
            raise ConfigError(message)

    def as_dict(self) -> dict[str, object]:
        """Plain values, for records; glass only where there is some, as scenes without it do not tell."""
        values = asdict(self)
        return values if self.glass else {name: value for name, value in values.items() if name != "glass"}


def render_clip(
    seed: int, *, views: int = 4, image_hw: tuple[int, int] = (252, 336), options: RenderOptions | None = None
) -> SceneClip:
    """Make one clip; the same arguments give the same clip.

    Args:
        seed: any non-negative number; scene, cameras and effects are drawn from it independently of each other.
        views: number of views, at least 1.
        image_hw: height and width in pixels.
        options: see `RenderOptions`.

    Raises:
        ConfigError: no such size or number of views.
    """
    if views < 1 or min(image_hw) < 8 or seed < 0:
        message = (
            "A clip needs a seed >= 0, at least 1 view and 8x8 pixels; "
            f"found seed {seed}, {views} views, size {image_hw[0]}x{image_hw[1]}."
        )
        raise ConfigError(message)
    options = options or RenderOptions()
    scene_rng, camera_rng, picture_rng = (np.random.default_rng([seed, part]) for part in range(3))
    stage = build_stage(scene_rng, options.family, photographs=options.photographs)
    tracer = Tracer(stage.scene)
    poses = choose_poses(camera_rng, stage, tracer, views, image_hw)
    offset = tuple(camera_rng.uniform(-1, 1, 2) * options.off_centre)
    cameras = [pose.camera(image_hw, offset) for pose in poses]
    drawn = [tracer.draw(camera, image_hw, options.gap) for camera in cameras]
    layers = None
    if options.glass:
        lenses = [Lens(world_from_cam=_matrix(camera), intrinsics=_intrinsics(camera)) for camera in cameras]
        panes = place_panes(np.random.default_rng([seed, 3]), options.glass, drawn[0], lenses[0])
        pairs = [with_panes(view, lens, panes, options.gap) for view, lens in zip(drawn, lenses, strict=True)]
        drawn, layers = [view for view, _ in pairs], _joined([found for _, found in pairs], options.max_depth)
    development = Development.drawn(picture_rng, [view.colour for view in drawn])
    effects = options.effects.for_clip(picture_rng)
    images = [develop(picture_rng, view.colour, development, effects) for view in drawn]
    clip = _clip(seed, stage.family, images, drawn, cameras, options, effects)
    return clip if layers is None else replace(clip, layers=layers)


def _clip(
    seed: int,
    family: str,
    images: list[ndarray],
    drawn: list[DrawnView],
    cameras: list[np.void],
    options: RenderOptions,
    effects: Effects,
) -> SceneClip:
    def stacked(name: str, dtype: type) -> ndarray:
        return np.stack([getattr(view, name) for view in drawn]).astype(dtype)

    depth, surface = stacked("depth", np.float32), stacked("surface", np.int32)
    valid = (surface >= 0) & (depth <= options.max_depth)
    edge = stacked("edge", np.bool_) & valid
    return SceneClip(
        images=np.stack(images),
        depth=depth,
        valid=valid,
        sky=surface < 0,
        edge=edge,
        skyline=stacked("skyline", np.bool_),
        front_depth=np.where(edge, stacked("front", np.float32), np.float32(0)),
        back_depth=np.where(edge, stacked("back", np.float32), np.float32(0)),
        surface=surface,
        world_from_cam=np.stack([_matrix(camera) for camera in cameras]),
        intrinsics=np.stack([_intrinsics(camera) for camera in cameras]),
        name=f"{family}-{seed:08d}",
        seed=seed,
        info={"family": family, "options": options.as_dict(), "effects": effects.as_dict()},
    )


def _joined(layers: list[LayerClip], max_depth: float) -> LayerClip:
    """Layers of all views; depth behind the glass is valid as far as other depth is."""
    depth = np.concatenate([found.last_depth for found in layers])
    return LayerClip(
        glass=np.concatenate([found.glass for found in layers]),
        last_depth=depth,
        last_valid=np.concatenate([found.last_valid for found in layers]) & (depth <= max_depth),
    )


def _matrix(camera: np.void) -> Float32[ndarray, "4 4"]:
    matrix = np.eye(4, dtype=np.float32)
    for i, name in enumerate(("ox", "oy", "oz")):
        matrix[i, 3] = camera[name]
        for j in range(3):
            matrix[i, j] = camera[f"r{i}{j}"]
    return matrix


def _intrinsics(camera: np.void) -> Float32[ndarray, "3 3"]:
    matrix = np.eye(3, dtype=np.float32)
    matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2] = (camera[name] for name in ("fx", "fy", "cx", "cy"))
    return matrix
