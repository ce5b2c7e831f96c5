"""A run that is being looked at: its cameras, and its points view by view, with what could not be read."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from mda.errors import InputError, MdaError
from mda.geometry import Cameras
from mda.io.run import Run
from mda.shapes import Float32, ndarray
from mda.viewer.poses import Pose, pose_from, pose_of_camera
from mda.viewer.samples import Samples, empty_samples, sample_view, shares

# Views of single-frame mode kept in memory.
_KEPT_FRAMES = 24
_READERS = 2
# Where the eye is at first, in depths of the scene from the first camera, and its field of view.
_BEHIND, _ABOVE, _FIRST_FOV = 0.4, 0.1, 1.0


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Where a scene is and how large, robustly.

    Attributes:
        center: [3] median of the points.
        depth: median depth; 1 where nothing is known.
        far: 98th percentile of depth.
    """

    center: Float32[ndarray, "3"]
    depth: float
    far: float


class Scene:
    """Points and cameras of a run, read when asked for; a view that cannot be read costs that view only.

    Attributes:
        run: the run.
        cameras: camera of each view, None where it cannot be read.
        samples: what was loaded last.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.samples = empty_samples()
        self._problems: dict[int, str] = {}
        self._frames: OrderedDict[tuple[int, int], Samples] = OrderedDict()
        self.cameras = tuple(self._camera(position) for position in range(len(run)))

    @property
    def problems(self) -> tuple[str, ...]:
        """A message for each view that could not be read."""
        return tuple(self._problems[position] for position in sorted(self._problems))

    @property
    def available(self) -> int:
        """Pixels of all views that can be read."""
        return sum(camera.image_hw[0] * camera.image_hw[1] for camera in self.cameras if camera is not None)

    def load(
        self,
        budget: int,
        *,
        on_progress: Callable[[int, Sequence[Samples]], None] = lambda _done, _parts: None,
        stop: threading.Event | None = None,
    ) -> Samples:
        """Take at most `budget` pixels, the same share of each view.

        Args:
            budget: how many.
            on_progress: called after each view with the number of views done and the samples so far.
            stop: when set, what has been read so far is returned.
        """
        parts: list[Samples] = []
        for done, part in enumerate(self._read_all(budget, stop or threading.Event()), 1):
            if part is not None:
                parts.append(part)
            on_progress(done, parts)
        self.samples = Samples.joined(parts)
        return self.samples

    def frame(self, position: int, budget: int) -> Samples:
        """At most `budget` pixels of one view; none where it cannot be read."""
        key = position, budget
        if key not in self._frames:
            part = self._sample(position, budget)
            self._frames[key] = empty_samples() if part is None else part
            while len(self._frames) > _KEPT_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(key)
        return self._frames[key]

    def extent(self, samples: Samples | None = None) -> Extent:
        """Where the points are, without sky."""
        samples = self.samples if samples is None else samples
        known = samples[np.isfinite(samples.depth) & ~samples.sky]
        if len(known) == 0:
            centers = [camera.centers.numpy() for camera in self.cameras if camera is not None]
            center = np.median(centers, axis=0) if centers else np.zeros(3)
            return Extent(center=center.astype(np.float32), depth=1.0, far=1.0)
        known = known[:: max(1, len(known) // 100_000)]
        center = np.median(known.points_at(known.depth), axis=0).astype(np.float32)
        middle, far = np.percentile(known.depth, (50, 98))
        return Extent(center=center, depth=float(middle), far=float(far))

    def first_pose(self, extent: Extent) -> Pose | None:
        """A bit behind the first camera, so that it and what it saw are in the picture; None without any camera."""
        camera = next((camera for camera in self.cameras if camera is not None), None)
        if camera is None:
            return None
        pose = pose_of_camera(camera)
        position = np.array(pose.position) + extent.depth * (_ABOVE * pose.up - _BEHIND * pose.forward)
        return pose_from(position, pose.rotation, _FIRST_FOV)

    def point_unit(self, extent: Extent) -> float:
        """Spacing of the pixels at the middle depth, in units of the world."""
        angles = [float(camera.fov[0]) / camera.image_hw[0] for camera in self.cameras if camera is not None]
        unit = extent.depth * float(np.median(angles)) if angles else 0.0
        return unit if math.isfinite(unit) and unit > 0 else 1e-3

    def _read_all(self, budget: int, stop: threading.Event) -> Iterator[Samples | None]:
        """Samples of all views in order; pictures are decoded on several cores."""
        positions = [position for position, camera in enumerate(self.cameras) if camera is not None]
        sizes = [self._pixels(position) for position in positions]

        def read(position: int, share: int) -> Samples | None:
            return None if stop.is_set() or share == 0 else self._sample(position, share)

        with ThreadPoolExecutor(_READERS) as readers:
            yield from readers.map(read, positions, shares(sizes, budget) if positions else [])

    def _pixels(self, position: int) -> int:
        camera = self.cameras[position]
        return 0 if camera is None else camera.image_hw[0] * camera.image_hw[1]

    def _sample(self, position: int, share: int) -> Samples | None:
        if self.cameras[position] is None:
            return None
        try:
            return sample_view(self.run, position, share)
        except MdaError as error:
            self._problems[position] = str(error)
            return None

    def _camera(self, position: int) -> Cameras | None:
        """The camera of a view, if it is there and makes sense."""
        try:
            pose, intrinsics = self.run.camera(position)
            height, width = self.run.depth(position).shape
            if not (
                np.isfinite(pose).all() and np.isfinite(intrinsics).all() and (intrinsics[[0, 1], [0, 1]] > 0).all()
            ):
                message = f"The camera of view {self.run.names[position]} of {self.run.path} is not finite."
                raise InputError(message)
        except MdaError as error:
            self._problems[position] = str(error)
            return None
        return Cameras(
            world_from_cam=torch.from_numpy(pose), intrinsics=torch.from_numpy(intrinsics), image_hw=(height, width)
        )
