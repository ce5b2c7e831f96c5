"""Two runs of the same views: which views belong together, and what the runs say of them in numbers."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mda.errors import InputError
from mda.geometry import Cameras, depth_discontinuities, points_from_depth
from mda.io.run import Run
from mda.io.run_files import RunView
from mda.metrics import EDGE_RATIO, Tally, hanging_points, pose_errors
from mda.metrics.flying_points import usable
from mda.shapes import Bool, Float, Tensor

# Pixels of each view that the scale between the runs is fitted to.
_SAMPLES_PER_VIEW = 20_000
# Depths that differ by more than this share differ.
DIFFERENT = 0.1


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One view in both runs, at the size of the first; the depth of the second in the units of the first.

    Attributes:
        name: of the source.
        color: [h, w, 3] in 0..1, of the first run.
        depths: of the two runs.
        points: of the two runs, in the camera's frame.
        skies: of the two runs; None where a run does not know sky.
    """

    name: str
    color: Float[Tensor, "h w 3"]
    depths: tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]
    points: tuple[Float[Tensor, "h w 3"], Float[Tensor, "h w 3"]]
    skies: tuple[Bool[Tensor, "h w"] | None, Bool[Tensor, "h w"] | None]

    @property
    def solid(self) -> tuple[Bool[Tensor, "h w"], Bool[Tensor, "h w"]]:
        """Pixels that make a point in each run."""
        first, second = (
            usable(depth) if sky is None else usable(depth) & ~sky
            for depth, sky in zip(self.depths, self.skies, strict=True)
        )
        return first, second


class Comparison:
    """Two runs side by side; views are read when they are asked for.

    Attributes:
        runs: the two.
        positions: of the views that both have, in each of them.
        scale: what the depth of the second is multiplied by: the median ratio over pixels that are no sky in either.
    """

    def __init__(self, first: Run, second: Run) -> None:
        self.runs = (first, second)
        self.positions = matched_views(first, second)
        self.scale = self._fitted_scale()

    def __len__(self) -> int:
        return len(self.positions)

    def pair(self, index: int) -> Pair:
        """The view of that number among those that both have.

        Raises:
            InputError: a file is damaged.
        """
        return self._pair(index, self.scale)

    def pairs(self) -> Iterator[Pair]:
        """All of them, one after the other."""
        return map(self.pair, range(len(self)))

    def _pair(self, index: int, scale: float) -> Pair:
        views = [run.view(at, mixture=False) for run, at in zip(self.runs, self.positions[index], strict=True)]
        first, second = views
        size = first.depth.shape
        depths = torch.from_numpy(first.depth.copy()), torch.from_numpy(_resized(second.depth, size)) * scale
        points = [_points(view, depth) for view, depth in zip(views, depths, strict=True)]
        skies = tuple(None if view.sky is None else torch.from_numpy(_resized(view.sky, size)) for view in views)
        return Pair(
            name=first.name,
            color=torch.from_numpy(first.color.copy()).float() / 255,
            depths=depths,
            points=(points[0], points[1]),
            skies=(skies[0], skies[1]),
        )

    def _fitted_scale(self) -> float:
        ratios = []
        for index in range(len(self)):
            pair = self._pair(index, 1.0)
            both = pair.solid[0] & pair.solid[1]
            step = max(1, math.isqrt(both.numel() // _SAMPLES_PER_VIEW))
            ratios.append((pair.depths[0] / pair.depths[1])[::step, ::step][both[::step, ::step]])
        found = torch.cat(ratios)
        return float(found.median()) if found.numel() else 1.0


def matched_views(first: Run, second: Run) -> tuple[tuple[int, int], ...]:
    """Positions of the views that both runs have: those of one source name or, without such names, of one number.

    Raises:
        InputError: they have no view in common.
    """
    for of_first, of_second in ((first.names, second.names), (first.numbers, second.numbers)):
        keys: Sequence[Sequence[object]] = (of_first, of_second)
        if any(len(set(names)) < len(names) for names in keys):
            continue
        places = {name: position for position, name in enumerate(of_second)}
        pairs = tuple((position, places[name]) for position, name in enumerate(of_first) if name in places)
        if pairs:
            return pairs
    message = (
        f"{first.path} and {second.path} have no view in common, by name or by number; "
        "compare two runs of the same pictures."
    )
    raise InputError(message)


def statistics(comparison: Comparison) -> tuple[dict[str, tuple[object, object]], dict[str, float]]:
    """Facts about each run, by name, and about both together, over the views that both have.

    Shares are in 0..1 and of pixels; what is not known is NaN.
    """
    singles: dict[str, list[list[Tally]]] = {}
    differences, far, sky_both = [], [], []
    for pair in comparison.pairs():
        for run, (depth, solid, sky) in enumerate(zip(pair.depths, pair.solid, pair.skies, strict=True)):
            facts = {
                "edge pixels": _share(depth_discontinuities(depth, solid, ratio=EDGE_RATIO), solid),
                "hanging points": _share(hanging_points(depth, solid), solid),
                "sky pixels": Tally() if sky is None else _share(sky, torch.ones_like(sky)),
            }
            for name, tally in facts.items():
                singles.setdefault(name, [[], []])[run].append(tally)
        both = pair.solid[0] & pair.solid[1]
        apart = (pair.depths[0] / pair.depths[1]).log().abs()
        differences.append(Tally(sum=float(apart[both].double().sum()), count=int(both.sum())))
        far.append(_share(apart > math.log1p(DIFFERENT), both))
        if pair.skies[0] is not None and pair.skies[1] is not None:
            sky_both.append(_share(pair.skies[0] & pair.skies[1], pair.skies[0] | pair.skies[1]))
    each = _about(comparison) | {
        name: (Tally.pooled(runs[0]).mean, Tally.pooled(runs[1]).mean) for name, runs in singles.items()
    }
    together = {
        "scale of B": comparison.scale,
        "mean difference of ln depth": Tally.pooled(differences).mean,
        "pixels that differ by more than 10 %": Tally.pooled(far).mean,
        "sky IoU": Tally.pooled(sky_both).mean,
        **_camera_differences(comparison),
    }
    return each, together


def _about(comparison: Comparison) -> dict[str, tuple[object, object]]:
    first, second = comparison.runs
    facts = {
        "model": (first.info.model, second.info.model),
        "decoder": (first.info.decoder, second.info.decoder),
        "views": (len(first), len(second)),
        "size": tuple("{1} x {0}".format(*run.image_hw) for run in comparison.runs),
        "seconds in the network": tuple(run.info.timings.get("network", math.nan) for run in comparison.runs),
    }
    return {name: (values[0], values[1]) for name, values in facts.items()}


def _camera_differences(comparison: Comparison) -> dict[str, float]:
    """How the poses of the views relative to each other differ; NaN for one view."""
    cameras = []
    for run, positions in zip(comparison.runs, zip(*comparison.positions, strict=True), strict=True):
        poses, intrinsics = zip(*(run.camera(position) for position in positions), strict=True)
        cameras.append(
            Cameras(
                world_from_cam=torch.from_numpy(np.stack(poses)),
                intrinsics=torch.from_numpy(np.stack(intrinsics)),
                image_hw=run.image_hw,
            )
        )
    errors = pose_errors(cameras[1], cameras[0], min_baseline=1e-6)
    return {
        "rotation between views differs by (degrees)": errors.rotation.mean,
        "direction of motion differs by (degrees)": errors.translation.mean,
    }


def _points(view: RunView, depth: Float[Tensor, "h w"]) -> Float[Tensor, "h w 3"]:
    """Points of a depth map, perhaps resized, in the frame of the view's camera."""
    camera = Cameras(
        world_from_cam=torch.eye(4), intrinsics=torch.from_numpy(view.intrinsics.copy()), image_hw=view.depth.shape
    )
    return points_from_depth(depth, camera.resized((depth.shape[0], depth.shape[1])))


def _share(values: Bool[Tensor, "h w"], among: Bool[Tensor, "h w"]) -> Tally:
    return Tally(sum=float((values & among).sum()), count=int(among.sum()))


def _resized(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The map at another size, by the nearest pixel: nothing in between is invented."""
    rows, columns = (((np.arange(to) + 0.5) * of / to).astype(int) for to, of in zip(size, values.shape, strict=True))
    return np.ascontiguousarray(values[rows[:, None], columns])
