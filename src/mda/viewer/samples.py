"""Pixels of a run, taken evenly from its views, with all that filters and colours ask of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from mda.errors import InputError
from mda.geometry import camera_rays
from mda.io.clouds import camera_of
from mda.io.run import Run
from mda.io.run_files import RunView
from mda.shapes import Bool, Float32, Int, UInt8, ndarray

# Positions beyond this are damage, and their squares would overflow in the browser's single precision.
_FARTHEST = 1e15


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Pixels of one or several views.

    Attributes:
        views: [n] position in the run of the view of each pixel.
        pixels: [n] number of the pixel in its view, row by row.
        centers: [n, 3] centre of the camera, in the world.
        rays: [n, 3] direction of the pixel in the world, of depth 1: center + depth * ray is the point.
        depth: [n] z-depth as saved; not finite or not above 0 where it is not known.
        colors: [n, 3] RGB.
        sky: [n] whether the run says sky.
        confidence: [n] raw confidence; NaN where the run has none.
        rank: [n] share of the pixels of the same view with less confidence, 0..1; 1 where the run has none.
        jump: [n] largest factor between the depth and that of a neighbour, minus 1.
    """

    views: Int[ndarray, " n"]
    pixels: Int[ndarray, " n"]
    centers: Float32[ndarray, "n 3"]
    rays: Float32[ndarray, "n 3"]
    depth: Float32[ndarray, " n"]
    colors: UInt8[ndarray, "n 3"]
    sky: Bool[ndarray, " n"]
    confidence: Float32[ndarray, " n"]
    rank: Float32[ndarray, " n"]
    jump: Float32[ndarray, " n"]

    def __len__(self) -> int:
        return len(self.pixels)

    @classmethod
    def joined(cls, parts: Sequence["Samples"]) -> "Samples":
        """Samples one after the other."""
        parts = [empty_samples(), *parts]
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)}
        )

    def points_at(self, depth: Float32[ndarray, " n"]) -> Float32[ndarray, "n 3"]:
        """World points of the pixels at the given depths."""
        return self.centers + depth[:, None] * self.rays

    def __getitem__(self, index: ndarray | slice) -> "Samples":
        """Some of the samples, by a mask or by numbers."""
        return Samples(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def empty_samples() -> Samples:
    """No samples."""
    none, three = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    return Samples(
        views=np.zeros(0, np.int32),
        pixels=np.zeros(0, np.int64),
        centers=three,
        rays=three,
        depth=none,
        colors=np.zeros((0, 3), np.uint8),
        sky=np.zeros(0, bool),
        confidence=none,
        rank=none,
        jump=none,
    )


def even_pixels(total: int, count: int, seed: int) -> Int[ndarray, " n"]:
    """`count` of `total` pixels in rising order: one, by chance, of each of equally long stretches; all if too few."""
    if count >= total:
        return np.arange(total)
    ends = np.arange(count + 1) * total // max(1, count)
    within = np.random.default_rng(seed).random(count) * np.diff(ends)
    return ends[:-1] + within.astype(np.int64)


def shares(sizes: Sequence[int], budget: int) -> list[int]:
    """How many pixels each view gives so that all views give the same share and the sum is at most `budget`."""
    total = sum(sizes)
    if budget >= total:
        return list(sizes)
    ends = np.cumsum([0, *sizes]) * budget // total
    return np.diff(ends).tolist()


def sample_view(run: Run, position: int, count: int) -> Samples:
    """Take so many pixels of a view.

    Raises:
        InputError: a file is missing or damaged, or the camera is not finite.
        ConfigError: the parts of the view differ in size.
    """
    view = run.view(position, mixture=False)
    return samples_of(view, position, even_pixels(view.depth.size, count, seed=position))


def samples_of(view: RunView, position: int, pixels: Int[ndarray, " n"]) -> Samples:
    """The given pixels of a view.

    Raises:
        InputError: the camera is not finite.
    """
    camera = camera_of(view)
    rays = camera_rays(camera).reshape(-1, 3)[torch.from_numpy(pixels)] @ camera.world_from_cam[:3, :3].T
    center = camera.centers.numpy()
    if not (np.isfinite(center).all() and rays.isfinite().all()):
        message = f"The camera of view {view.name} is not finite; the view is left out."
        raise InputError(message)
    depth = np.asarray(view.depth)
    chosen = depth.reshape(-1)[pixels].astype(np.float32)
    known = np.isfinite(chosen) & (chosen > 0) & (np.abs(chosen) < _FARTHEST)
    chosen = np.where(known, chosen, np.float32(np.nan))
    sky = np.zeros(len(pixels), bool) if view.sky is None else view.sky.reshape(-1)[pixels]
    confidence = np.full(len(pixels), np.nan, np.float32)
    rank = np.ones(len(pixels), np.float32)
    if view.confidence is not None:
        confidence = view.confidence.reshape(-1)[pixels].astype(np.float32)
        rank = _ranks(confidence, known & ~sky)
    return Samples(
        views=np.full(len(pixels), position, np.int32),
        pixels=pixels,
        centers=np.broadcast_to(center, (len(pixels), 3)).astype(np.float32),
        rays=rays.numpy().astype(np.float32),
        depth=chosen,
        colors=view.color.reshape(-1, 3)[pixels],
        sky=sky,
        confidence=confidence,
        rank=rank,
        jump=_jumps(depth, pixels),
    )


def _ranks(confidence: Float32[ndarray, " n"], among: Bool[ndarray, " n"]) -> Float32[ndarray, " n"]:
    """Share of the pixels `among` that are less confident than each; what is no number is the least."""
    confidence = np.where(np.isnan(confidence), -np.inf, confidence)
    order = np.sort(confidence[among])
    return (np.searchsorted(order, confidence, side="left") / max(1, len(order))).astype(np.float32)


def _jumps(depth: Float32[ndarray, "h w"], pixels: Int[ndarray, " n"]) -> Float32[ndarray, " n"]:
    """Largest factor, minus 1, between the depth of each pixel and that of its four neighbours, if both are known."""
    height, width = depth.shape
    row, column = pixels // width, pixels % width
    here = depth[row, column]
    largest = np.ones(len(pixels), np.float64)
    for step_row, step_column in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        # Beyond the border a pixel is its own neighbour, from which it does not differ.
        there = depth[np.clip(row + step_row, 0, height - 1), np.clip(column + step_column, 0, width - 1)]
        both = np.isfinite(here) & np.isfinite(there) & (here > 0) & (there > 0)
        ratio = np.divide(here, there, where=both, out=np.ones(len(pixels)), dtype=np.float64)
        np.maximum(largest, np.maximum(ratio, 1 / ratio), out=largest)
    return np.minimum(largest - 1, np.finfo(np.float32).max).astype(np.float32)
