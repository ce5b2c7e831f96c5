"""Cameras that the user knows: found for each view, told to networks that can be told, and kept in the result.

The poses and intrinsics of the result are the given ones, in the world of the given ones. What is left to find is the
size of the network's world in units of theirs, see `mda.inference.given_scale`.
"""

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from mda.errors import ConfigError, InputError
from mda.geometry import Cameras
from mda.inference.given_scale import TIED, GivenScale
from mda.io.camera_files import KnownCamera, KnownCameras, read_cameras
from mda.io.clips import Clip, ClipView
from mda.io.images import load_image
from mda.io.resize import cameras_of_view
from mda.models.presets import Preset

_LOGGER = logging.getLogger(__name__)

CamerasInput = str | Path | KnownCameras | Cameras | Mapping[str, Cameras]
"""A file or folder, cameras by name of their image, or cameras in the order of the views."""

# Two shapes of one picture may differ by this share: rounding to whole pixels when it was made smaller.
_ASPECT_TOLERANCE = 0.01
# Frames of a video are the same if their times, of which names hold three decimals, differ by less than this.
_SAME_FRAME_SECONDS = 0.001
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class GivenCameras:
    """Known cameras, to be found for views.

    Attributes:
        known: the cameras.
        in_order: they belong to the views in order, whatever these are called.
    """

    known: KnownCameras
    in_order: bool = False

    @classmethod
    def of(cls, cameras: "CamerasInput") -> "GivenCameras":
        """Cameras in any of the ways that they may be given.

        Raises:
            InputError: the file cannot be read.
            ConfigError: there is no camera, or the batch shape is another one than [v] (in a mapping: []).
        """
        if isinstance(cameras, str | Path):
            return cls(known=read_cameras(cameras))
        if isinstance(cameras, KnownCameras):
            return cls(known=cameras)
        if isinstance(cameras, Cameras):
            if len(cameras.batch_shape) != 1:
                message = f"Given cameras need one batch axis, the views; found shape {cameras.batch_shape}."
                raise ConfigError(message)
            named = {str(number): cameras[number] for number in range(cameras.batch_shape[0])}
            return cls(known=_known(named), in_order=True)
        return cls(known=_known(cameras))

    def check_clip(self, clip: Clip, *, stride: int) -> None:
        """Refuse, before anything is done, a folder of images of which one has no camera.

        Images that cannot be read will be left out and need none. The frames of a video are known only when they are
        read; they are checked window by window.

        Raises:
            ConfigError: images have no camera, or it is not clear which.
        """
        if clip.is_video:
            return
        names = [path.name for path in clip.images[::stride]]
        try:
            self._positions(names, [None] * len(names))
        except ConfigError:
            readable = [path.name for path in clip.images[::stride] if _is_readable(path)]
            self._positions(readable, [None] * len(readable))

    def check_count(self, count: int) -> None:
        """Refuse cameras in order whose number is not that of the views.

        Raises:
            ConfigError: the numbers differ.
        """
        if self.in_order and len(self.known) != count:
            message = f"{len(self.known)} cameras were given for {count} views; give one for each, in order."
            raise ConfigError(message)

    def for_views(self, views: Sequence[ClipView], numbers: Sequence[int] | None = None) -> Cameras:
        """Cameras of views as the network sees them: batch shape [v], in double precision, in their own world.

        Args:
            views: some views.
            numbers: of them in the clip; counted from 0 where None.

        Raises:
            ConfigError: a view has no camera, or one for a picture of another shape.
        """
        if self.in_order:
            positions = list(range(len(views)) if numbers is None else numbers)
            self.check_count(max(len(self.known), max(positions) + 1))
        else:
            positions = self._positions([view.name for view in views], [view.time for view in views])
        found = [self._fitted(self.known.cameras[at], view) for at, view in zip(positions, views, strict=True)]
        return Cameras(
            world_from_cam=torch.stack([camera.world_from_cam for camera in found]),
            intrinsics=torch.stack([camera.intrinsics for camera in found]),
            image_hw=found[0].image_hw,
        )

    @cached_property
    def _index(self) -> "_Index":
        """Made once: a clip may have as many windows as it likes."""
        return _Index(self.known)

    def _positions(self, names: Sequence[str], times: Sequence[float | None]) -> list[int]:
        """Which camera each view has.

        Raises:
            ConfigError: one has none or several, or two have the same.
        """
        found = [self._index.find(name, time) for name, time in zip(names, times, strict=True)]
        missing = [name for name, positions in zip(names, found, strict=True) if not positions]
        if missing:
            message = (
                f"{len(missing)} of {len(names)} views have no camera in {self.known.source}: {_some(missing)}. It has "
                f"{len(self.known)} cameras: {_some(self.known.names)}. Cameras are found by file name; give them for "
                "all views, or leave those views out."
            )
            raise ConfigError(message)
        for name, positions in zip(names, found, strict=True):
            if len(positions) > 1:
                several = _some([self.known.names[position] for position in positions])
                message = (
                    f"{name} may be any of {len(positions)} cameras of {self.known.source} ({several}); "
                    "give cameras of which only one has that name."
                )
                raise ConfigError(message)
        chosen = [position for (position,) in found]
        users = Counter(chosen)
        shared = [name for name, position in zip(names, chosen, strict=True) if users[position] > 1]
        if shared:
            message = (
                f"Several views have one and the same camera in {self.known.source}: {_some(shared)}; "
                "give each image a name of its own and a camera of its own."
            )
            raise ConfigError(message)
        return chosen

    def _fitted(self, known: KnownCamera, view: ClipView) -> Cameras:
        """A camera for the part of a picture that a view shows, at the size of the view.

        Raises:
            ConfigError: the camera is for a picture of another shape.
        """
        camera, source_hw, crop = known.camera, view.view.source_hw, view.view.crop
        camera = camera.to(torch.device("cpu"), torch.float64)
        height, width = view.view.pixels.shape[:2]
        if camera.image_hw != source_hw:
            if camera.image_hw == (height, width):
                return camera  # of the view itself, as a prediction has it
            stretch = (camera.image_hw[1] / source_hw[1]) / (camera.image_hw[0] / source_hw[0])
            if abs(stretch - 1) > _ASPECT_TOLERANCE:
                message = (
                    f"The camera of {known.name} in {self.known.source} is for pictures of {camera.image_hw[1]} x "
                    f"{camera.image_hw[0]} pixels, but {view.name} is {source_hw[1]} x {source_hw[0]} (upright), of "
                    "another shape; give the pictures that the cameras were made from."
                )
                raise ConfigError(message)
            camera = camera.resized(source_hw)
        return cameras_of_view(camera, crop, (height, width))


class _Index:
    """Finds cameras by name: first the name itself, then the name without folders, then without its extension."""

    def __init__(self, known: KnownCameras) -> None:
        timed = [(camera.time, at) for at, camera in enumerate(known.cameras) if camera.time is not None]
        self._times = sorted(timed)
        self._levels: list[dict[str, list[int]]] = [{}, {}, {}]
        for position, name in enumerate(known.names):
            path = PurePosixPath(name)
            for level, key in zip(self._levels, (name, path.name, path.stem), strict=True):
                level.setdefault(key, []).append(position)

    def find(self, name: str, time: float | None) -> list[int]:
        """Positions of the cameras that a view may have; none where there is no camera for it.

        Args:
            name: of the view.
            time: of a frame of a video; its camera is found by time where the video has another name now.
        """
        whole, base, stem = self._levels
        if time is None:
            return whole.get(name) or base.get(name) or stem.get(PurePosixPath(name).stem) or []
        first = bisect_left(self._times, (time - _SAME_FRAME_SECONDS,))
        end = bisect_left(self._times, (time + _SAME_FRAME_SECONDS,))
        near = [at for other, at in self._times[first:end] if abs(other - time) < _SAME_FRAME_SECONDS]
        return whole.get(name) or near


def say_what_is_fixed(given: GivenCameras, preset: Preset) -> None:
    """Say in the log what the given cameras do for this model."""
    _LOGGER.info(
        "%d given cameras (%s) fix poses and scale of the result%s.",
        len(given.known), given.known.source,
        f" and are told to {preset.name}"
        if preset.takes_cameras
        else f"; {preset.name} cannot be told cameras and looks at the pictures alone",
    )  # fmt: skip


def about_given(given: GivenCameras, preset: Preset, scales: Sequence[GivenScale]) -> dict[str, Any]:
    """What a run says about its given cameras and its scale."""
    own = [scale.source.value for scale in scales if scale.source.is_own]
    tied = any(scale.source in TIED for scale in scales)
    if own:
        words = own[0] + (", in the first window; later that of the given cameras" if tied else "")
    else:
        words = "that of the given cameras" if tied else "that of the views kept from an interrupted run"
    return {
        "source": given.known.source,
        "count": len(given.known),
        "told_to_model": preset.takes_cameras,
        "scale": words,
        "windows": [
            {"first_view": scale.start, "factor": scale.factor, "from": scale.source.value} for scale in scales
        ],
    }


def warn_of_own_scale(scale: GivenScale | None) -> None:
    """Say in the log that the given cameras do not fix the scale of a window."""
    if scale is not None and scale.source.is_own:
        _LOGGER.warning("Depth does not have the scale of the given cameras: it is %s.", scale.source.value)


def _known(cameras: Mapping[str, Cameras]) -> KnownCameras:
    """Cameras by name as a record.

    Raises:
        ConfigError: there is none, or one is a batch.
    """
    for name, camera in cameras.items():
        if camera.batch_shape:
            message = f"The camera given for {name} is a batch of shape {camera.batch_shape}; give one camera."
            raise ConfigError(message)
    known = tuple(KnownCamera(name=name, camera=camera) for name, camera in cameras.items())
    return KnownCameras(source="the given cameras", cameras=known)


def _is_readable(path: Path) -> bool:
    try:
        load_image(path, max_long_side=64)
    except InputError:
        return False
    return True


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
