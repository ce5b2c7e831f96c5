"""The point cloud of a run, view by view, with the filters that exports and the viewer share.

Views are read one at a time, so that a long run needs no more memory than a view (and a bit for each pixel where a
filter compares views).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from mda.errors import ConfigError, InputError
from mda.geometry import Cameras, depth_discontinuities, normals_from_depth, points_from_depth
from mda.io.run import Run
from mda.io.run_files import RunView
from mda.shapes import Bool, Float32, Int, UInt8, ndarray
from mda.structures import PointCloud

_LOGGER = logging.getLogger(__name__)
# Voxels are numbered by three integers of this many bits.
_VOXEL_BITS = 21
# Depths beyond this are damage; points at them would not be finite.
_FARTHEST = 1e12


@dataclass(frozen=True, kw_only=True)
class CloudFilter:
    """Which points of a run to take.

    Attributes:
        first, last, step: views, by their position in the run; `last` is taken, too, and None means to the end.
        min_confidence: smallest raw confidence.
        drop_percent: so many percent of the pixels of each view are left out, those of least confidence.
        edge_ratio: pixels are left out whose depth differs from that of a neighbour by more than the factor
            1 + `edge_ratio`; None keeps them.
        keep_sky: take sky pixels, too, at the depth the run has for them.
        voxel: side of the cubes of which each gives one point, in units of the run; None takes all.
        max_points: number of points of the whole run, taken evenly from all views; None takes all.

    Raises:
        ConfigError: a number makes no sense.
    """

    first: int = 0
    last: int | None = None
    step: int = 1
    min_confidence: float = 0.0
    drop_percent: float = 0.0
    edge_ratio: float | None = None
    keep_sky: bool = False
    voxel: float | None = None
    max_points: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        wrong = {
            "step": self.step < 1,
            "first": self.first < 0,
            "last": self.last is not None and self.last < self.first,
            "drop_percent": not 0 <= self.drop_percent < 100,
            "edge_ratio": self.edge_ratio is not None and not self.edge_ratio > 0,
            "voxel": self.voxel is not None and not self.voxel > 0,
            "max_points": self.max_points is not None and self.max_points < 1,
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                message = f"A filter of points cannot have {name} = {getattr(self, name)}."
                raise ConfigError(message)

    def positions(self, run: Run) -> range:
        """Positions of the views to take."""
        end = len(run) if self.last is None else min(self.last + 1, len(run))
        return range(self.first, end, self.step)


@dataclass(frozen=True, kw_only=True)
class ViewCloud:
    """Points of one view.

    Attributes:
        position: of the view in the run.
        pixels: [n] number of the pixel of each point, row by row.
        positions: [n, 3] in the world.
        colors: [n, 3] RGB.
        confidence: [n], or None where the run has none.
        normals: [n, 3] unit normals towards the camera, zero where not known; None where not asked for.
    """

    position: int
    pixels: Int[ndarray, " n"]
    positions: Float32[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"]
    confidence: Float32[ndarray, " n"] | None = None
    normals: Float32[ndarray, "n 3"] | None = None

    def __len__(self) -> int:
        return len(self.pixels)


def kept_pixels(view: RunView, filters: CloudFilter) -> Bool[ndarray, "h w"]:
    """Pixels of a view that pass the filters for single views (all but `voxel` and `max_points`)."""
    keep = (view.depth > 0) & (view.depth < _FARTHEST)
    if view.sky is not None and not filters.keep_sky:
        keep &= ~view.sky
    if view.confidence is not None:
        keep &= view.confidence >= filters.min_confidence
        if filters.drop_percent > 0 and keep.any():
            keep &= view.confidence >= np.percentile(view.confidence[keep], filters.drop_percent)
    if filters.edge_ratio is not None:
        depth = torch.from_numpy(np.array(view.depth))
        keep &= ~depth_discontinuities(depth, torch.from_numpy(keep), ratio=filters.edge_ratio).numpy()
    return keep


def points_of_view(view: RunView, position: int, pixels: Int[ndarray, " n"], *, normals: bool = False) -> ViewCloud:
    """Points of some pixels of a view."""
    depth, cameras = torch.from_numpy(np.array(view.depth)), camera_of(view)
    found = None
    if normals:
        valid = depth.isfinite() & (depth > 0)
        found = normals_from_depth(depth, valid, cameras).reshape(-1, 3).numpy()[pixels]
    return ViewCloud(
        position=position,
        pixels=pixels,
        positions=points_from_depth(depth, cameras).reshape(-1, 3).numpy()[pixels],
        colors=view.color.reshape(-1, 3)[pixels],
        confidence=None if view.confidence is None else view.confidence.reshape(-1)[pixels],
        normals=found,
    )


def camera_of(view: RunView) -> Cameras:
    """The camera of a view."""
    height, width = view.depth.shape
    return Cameras(
        world_from_cam=torch.from_numpy(view.world_from_cam),
        intrinsics=torch.from_numpy(view.intrinsics),
        image_hw=(height, width),
    )


class RunCloud:
    """The points of a run that pass the filters: how many there are is known first, then they are read view by view.

    Attributes:
        counts: number of points of each view, by its position in the run.
        found: number of points of each view before `voxel` and `max_points` thinned them out.
        problems: a message for each view that cannot be read; it has no points.
    """

    def __init__(self, run: Run, filters: CloudFilter = CloudFilter()) -> None:
        self.problems: list[str] = []
        self._run = run
        self._filters = filters
        # A bit for each pixel says whether it is taken, where this cannot be told from its view alone.
        self._masks: dict[int, UInt8[ndarray, " bytes"]] = {}
        # Number of points that pass the other filters, of views of which fewer are taken.
        self._passing: dict[int, int] = {}
        self.counts: dict[int, int] = {}
        self.found: dict[int, int] = {}
        occupied = np.zeros(0, dtype=np.int64)
        for position in filters.positions(run):
            view = self._read(position)
            if view is None:
                continue
            mask = kept_pixels(view, filters).reshape(-1)
            self.found[position] = int(mask.sum())
            if filters.voxel is not None:
                pixels = np.flatnonzero(mask)
                cubes = _cubes(points_of_view(view, position, pixels).positions, filters.voxel)
                new, first = np.unique(cubes, return_index=True)
                is_new = ~np.isin(new, occupied, assume_unique=True)
                occupied = np.concatenate([occupied, new[is_new]])
                mask = np.zeros_like(mask)
                mask[pixels[first[is_new]]] = True
                self._masks[position] = np.packbits(mask)
            self.counts[position] = int(mask.sum())
        if filters.max_points is not None and len(self) > filters.max_points:
            self._thin(filters.max_points)

    def __len__(self) -> int:
        return sum(self.counts.values())

    @property
    def summary(self) -> str:
        """How many points of how many views, for people."""
        return f"{len(self):,} points of {sum(count > 0 for count in self.counts.values())} views"

    def views(self, *, normals: bool = False) -> Iterator[ViewCloud]:
        """Points view by view, of views that have any.

        Raises:
            InputError: a view that could be read before cannot be any more, or is another one.
        """
        for position, count in self.counts.items():
            if count:
                view = self._run.view(position, mixture=False)
                yield points_of_view(view, position, self._pixels(view, position), normals=normals)

    def cloud(self) -> PointCloud:
        """All points in memory."""
        views = list(self.views())
        confidences = [view.confidence for view in views if view.confidence is not None]
        known = len(confidences) == len(views) > 0
        return PointCloud(
            positions=torch.from_numpy(np.concatenate([np.zeros((0, 3), np.float32), *(v.positions for v in views)])),
            colors=torch.from_numpy(np.concatenate([np.zeros((0, 3), np.uint8), *(v.colors for v in views)])),
            confidence=torch.from_numpy(np.concatenate(confidences)) if known else None,
        )

    def _read(self, position: int) -> RunView | None:
        try:
            return self._run.view(position, mixture=False)
        except InputError as error:
            _LOGGER.warning("%s The view is left out.", error)
            self.problems.append(str(error))
            return None

    def _pixels(self, view: RunView, position: int) -> Int[ndarray, " n"]:
        """Numbers of the pixels of a view that are taken."""
        packed = self._masks.get(position)
        if packed is None:
            pixels = np.flatnonzero(kept_pixels(view, self._filters))
        else:
            pixels = np.flatnonzero(np.unpackbits(packed, count=view.depth.size))
        taken = self.counts[position]
        passing = self._passing.get(position, taken)
        if len(pixels) != passing:
            message = f"View {view.name} of the run was changed while its points were read; try again."
            raise InputError(message)
        if taken == passing:
            return pixels
        chosen = np.random.default_rng(position).choice(passing, size=taken, replace=False, shuffle=False)
        return np.sort(pixels[chosen])

    def _thin(self, most: int) -> None:
        """Take so many of the points, the same share of each view, each pixel with the same chance; repeatably."""
        total = len(self)
        edges = np.cumsum([0, *self.counts.values()]) * most // total
        self._passing = dict(self.counts)
        self.counts = dict(zip(self.counts, map(int, np.diff(edges)), strict=True))


def _cubes(positions: Float32[ndarray, "n 3"], side: float) -> Int[ndarray, " n"]:
    """One number for each cube of space."""
    bound = 2 ** (_VOXEL_BITS - 1)
    cells = np.clip(np.floor(positions.astype(np.float64) / side), -bound, bound - 1).astype(np.int64) + bound
    return (cells[:, 0] << 2 * _VOXEL_BITS) | (cells[:, 1] << _VOXEL_BITS) | cells[:, 2]
