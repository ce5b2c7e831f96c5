"""Depth of whole views, as formats of images want it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mda.io.clouds import kept_pixels
from mda.io.exporters.contract import ExportSettings
from mda.io.exporters.views import ChosenViews, NumberedView, solid_pixels
from mda.io.run import Run
from mda.shapes import Bool, Float32, ndarray

_BEYOND = 1.1


@dataclass(frozen=True, kw_only=True)
class DepthMap:
    """Depth of a view.

    Attributes:
        seen: the view.
        name: of its files, without ending: its number in the run.
        depth: [h, w] z-depth; sky is infinite unless it was to be filled, and NaN is what the filters leave out.
        sky: [h, w], or None where the run does not know sky.
    """

    seen: NumberedView
    name: str
    depth: Float32[ndarray, "h w"]
    sky: Bool[ndarray, "h w"] | None

    @property
    def known(self) -> Bool[ndarray, "h w"]:
        """Pixels with a depth."""
        return np.isfinite(self.depth)


class DepthMaps:
    """Depth of the chosen views, one at a time and as often as wanted."""

    def __init__(self, run: Run, settings: ExportSettings) -> None:
        self._run = run
        self._filters = settings.filters
        self._views = ChosenViews(run, settings.filters)
        self.sky_depth: float = np.inf
        """Depth of the sky of all views."""
        if settings.fill_sky and run.knows_sky:
            self.sky_depth = _BEYOND * self.limits[1]

    @property
    def problems(self) -> tuple[str, ...]:
        """A message for each view that cannot be read, once they have been gone through."""
        return self._views.problems

    @property
    def limits(self) -> tuple[float, float]:
        """Nearest and farthest depth of all views, without sky; (1, 1) where none is known. Reads all views."""
        nearest, farthest = np.inf, 0.0
        for seen in self._views:
            view = seen.view
            depth = view.depth[kept_pixels(view, self._filters) & solid_pixels(view.depth, view.sky)]
            if depth.size:
                nearest, farthest = min(nearest, float(depth.min())), max(farthest, float(depth.max()))
        return (nearest, farthest) if farthest else (1.0, 1.0)

    def __iter__(self) -> Iterator[DepthMap]:
        """Read the views.

        Raises:
            InputError: none can be read.
        """
        for seen in self._views:
            view = seen.view
            depth = np.where(kept_pixels(view, self._filters), view.depth, np.float32(np.nan))
            if view.sky is not None and not self._filters.keep_sky:
                depth[view.sky] = self.sky_depth
            name = f"{self._run.numbers[seen.position]:06d}"
            yield DepthMap(seen=seen, name=name, depth=depth, sky=view.sky)


def camera_entry(found: DepthMap) -> dict[str, object]:
    """What files of cameras beside depth say of a view."""
    camera = found.seen.camera
    return {
        "name": found.seen.view.name,
        "intrinsics": camera.intrinsics.tolist(),
        "world_from_cam": camera.world_from_cam.tolist(),
    }
