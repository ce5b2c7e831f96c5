"""Whether a download is whole and means what its reader thinks: files, frames, sky labels, cameras against depth."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from mda.data.contract import OpenedSource, Scene
from mda.data.views import RawView
from mda.errors import InputError
from mda.geometry import points_from_depth, project

# Depths of one point in two views that differ by no more than this agree.
_AGREEMENT = 0.05
# A smaller share of agreeing points means that cameras and depth are not of one world.
_POOR = 0.7
# Pixels of a view that are carried over to another one.
_CARRIED = 20_000
# Fewer points in both views say nothing.
_MIN_CARRIED = 100


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What was found.

    Attributes:
        frames: complete frames, in `scenes` scenes.
        missing: files that frames lack, whose frames are left out, and scenes without frames.
        read: how many frames were read.
        broken: what is wrong with those that could not be used.
        sizes: how often each (height, width) was met.
        depth_range: 2nd, 50th and 98th percentile of valid depth, in the unit of the source; None without depth.
        valid, sky, unknown_sky: shares of pixels with depth, of sky, and of those whose sky label is not known.
        agreement: share of points of a view that another view of the scene, a step away, sees at the same depth (within
            5 %), among those it does not see behind something nearer; the median over pairs. None without pairs.
        pairs: number of pairs.
        examples: views for the contact sheet.
        example_scene: scene of the contact sheet, whose cameras are `path`: that of which most frames could be read.
        path: [n, 2, 3] centre and viewing direction of each camera; none where cameras are made up.
        moving: whether so much moves that `agreement` says little of the cameras.
    """

    frames: int
    scenes: int
    missing: tuple[str, ...]
    read: int
    broken: tuple[str, ...]
    sizes: dict[tuple[int, int], int]
    depth_range: tuple[float, float, float] | None
    valid: float
    sky: float
    unknown_sky: float
    agreement: float | None
    pairs: int
    examples: tuple[RawView, ...]
    example_scene: str
    path: np.ndarray
    moving: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is missing or broken, as far as it was read."""
        return not self.missing and not self.broken

    @property
    def cameras_fit(self) -> bool:
        """Whether the cameras fit the depth, or it is not known because things move."""
        return self.moving or self.agreement is None or self.agreement >= _POOR


def check_source(
    source: OpenedSource,
    *,
    frames: int | None = 200,
    rows: int = 6,
    progress: Callable[[], object] = lambda: None,
) -> CheckReport:
    """Read frames evenly from all scenes and report what they hold.

    Every frame has been looked for already when the source was opened.

    Args:
        source: the opened data set.
        frames: how many to read; None reads all.
        rows: views to keep for the contact sheet.
        progress: called after each frame.
    """
    broken: list[str] = []
    sizes: dict[tuple[int, int], int] = {}
    depths: list[np.ndarray] = []
    shares, agreements = np.zeros(3), []
    examples: list[RawView] = []
    read_of = Counter[Scene]()
    chosen = _chosen(source, frames)
    kept = {round(i * (len(chosen) - 1) / max(1, rows - 1)) for i in range(rows)}
    for number, (scene, frame) in enumerate(chosen):
        try:
            view = source.view(scene, frame)
        except InputError as error:
            broken.append(str(error))
            progress()
            continue
        read_of[scene] += 1
        sizes[view.depth.shape] = sizes.get(view.depth.shape, 0) + 1
        shares += [view.valid.mean(), view.sky.mean(), 1 - view.sky_labelled.mean()]
        if view.valid.any():
            depths.append(np.percentile(view.depth[view.valid], [2, 50, 98]))
        # A view is kept if it is due, or if one that was due could not be read.
        if len(examples) < len([k for k in kept if k <= number]):
            examples.append(view)
        if source.info.cameras_known and (other := _neighbour(source, scene, frame)) is not None:
            agreement = depth_agreement(view, other)
            agreements += [] if agreement is None else [agreement]
        progress()
    read = read_of.total()
    # Of several scenes with equally many readable frames the first.
    scene = max(source.scenes, key=lambda scene: read_of[scene])
    low, middle, high = np.median(depths, axis=0) if depths else (0.0, 0.0, 0.0)
    return CheckReport(
        frames=source.num_frames,
        scenes=len(source.scenes),
        missing=source.lacking,
        read=read,
        broken=tuple(broken),
        sizes=sizes,
        depth_range=(float(low), float(middle), float(high)) if depths else None,
        valid=float(shares[0] / max(1, read)),
        sky=float(shares[1] / max(1, read)),
        unknown_sky=float(shares[2] / max(1, read)),
        agreement=float(np.median(agreements)) if agreements else None,
        pairs=len(agreements),
        examples=tuple(examples),
        example_scene=scene.name,
        path=_path(source, scene) if source.info.cameras_known else np.zeros((0, 2, 3), np.float32),
        moving=source.info.moving,
    )


def depth_agreement(view: RawView, other: RawView) -> float | None:
    """Share of the points of a view that the other one sees at the same depth (within 5 %).

    Points that the other view sees something nearer at are left out as hidden, unless they are nearly all of them: with
    wrong cameras points land anywhere, in front of what is seen as often as behind.

    Returns:
        The share, or None if the views have too little in common.
    """
    flat = np.flatnonzero(view.valid)
    if len(flat) == 0:
        return None
    flat = flat[:: max(1, len(flat) // _CARRIED)]
    points = points_from_depth(torch.from_numpy(view.depth), view.camera).reshape(-1, 3)[torch.from_numpy(flat)]
    pixels, depth = project(points, other.camera)
    height, width = other.depth.shape
    x, y = pixels.floor().long().unbind(-1)
    inside = (depth > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y, depth = x[inside].numpy(), y[inside].numpy(), depth[inside].numpy()
    seen, known = other.depth[y, x], other.valid[y, x]
    ratio = depth[known] / seen[known]
    if len(ratio) < _MIN_CARRIED:
        return None
    agree = np.abs(ratio - 1) < _AGREEMENT
    before = ratio <= 1 - _AGREEMENT
    return float(agree.sum() / max(1, (agree | before).sum()))


def _chosen(source: OpenedSource, frames: int | None) -> list[tuple[Scene, str]]:
    """Frames evenly from all frames of all scenes."""
    total = source.num_frames
    count = total if frames is None else min(frames, total)
    starts = np.cumsum([0, *(len(scene.frames) for scene in source.scenes)])
    chosen = []
    for i in range(count):
        position = i * total // count
        scene = int(np.searchsorted(starts, position, side="right")) - 1
        chosen.append((source.scenes[scene], source.scenes[scene].frames[position - int(starts[scene])]))
    return chosen


def _neighbour(source: OpenedSource, scene: Scene, frame: str) -> RawView | None:
    """The next frame of the scene, or the one before the last, if it can be read."""
    if len(scene.frames) < 2:
        return None
    position = scene.frames.index(frame)
    try:
        return source.view(scene, scene.frames[position + 1 if position + 1 < len(scene.frames) else position - 1])
    except InputError:
        return None  # counted when its own turn comes


def _path(source: OpenedSource, scene: Scene, most: int = 60) -> np.ndarray:
    """Centres and directions of the cameras of a scene, about so many at most, for the contact sheet."""
    step = max(1, len(scene.frames) // most)
    cameras = []
    for frame in scene.frames[::step]:
        try:
            cameras.append(source.view(scene, frame).camera.world_from_cam[:3, [3, 2]].T.numpy())
        except InputError:
            continue  # counted when its own turn comes
    return np.array(cameras, np.float32).reshape(-1, 2, 3)
