"""Frames of a scene with their predictions at the size of the truth, and what is fitted once for the whole scene.

Frames are read twice, once for what is fitted and once to be scored, so that memory does not grow with the scene.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mda.errors import ConfigError
from mda.evaluation.benchmark import FrameTruth, Scene
from mda.evaluation.predictions import ScenePrediction
from mda.geometry import depth_discontinuities, dilate
from mda.metrics import EDGE_RATIO, mass_near, smoothness
from mda.metrics.flying_points import usable
from mda.mixtures import DepthMixture
from mda.shapes import Bool, Float, Shaped, Tensor, ndarray

# Pixels of each frame, in a regular grid, that scales and thresholds are fitted to.
SAMPLES_PER_FRAME = 20_000


@dataclass(frozen=True, kw_only=True)
class SeenFrame:
    """One frame, all maps at the size of the truth (nearest pixels, so that nothing in between is invented).

    Attributes:
        truth: as the data set gives it.
        depth: [h, w] predicted.
        sky: [h, w] that the prediction calls sky, or None.
        confidence: [h, w] of the program, or None.
        mixture: batch shape [h, w], or None.
    """

    truth: FrameTruth
    depth: Float[Tensor, "h w"]
    sky: Bool[Tensor, "h w"] | None
    confidence: Float[Tensor, "h w"] | None
    mixture: DepthMixture | None

    @property
    def true_depth(self) -> Float[Tensor, "h w"]:
        """True depth, 1 where it is not known."""
        return torch.from_numpy(np.where(self.truth.mask, self.truth.depth, 1.0).astype(np.float32))

    @property
    def valid(self) -> Bool[Tensor, "h w"]:
        """Pixels with a true depth."""
        return torch.from_numpy(np.ascontiguousarray(self.truth.mask))

    @property
    def true_sky(self) -> Bool[Tensor, "h w"] | None:
        """Pixels known to be sky, where the data set knows them."""
        sky = self.truth.extras.get("sky")
        return None if sky is None else torch.from_numpy(np.ascontiguousarray(sky))


# A confidence of a frame: larger is surer; None where the prediction does not hold what it is made of.
Confidence = Callable[[SeenFrame], Float[Tensor, "h w"] | None]


def _of_mixture(value: Callable[[DepthMixture, Tensor], Tensor]) -> Confidence:
    return lambda frame: None if frame.mixture is None else value(frame.mixture, frame.depth)


CONFIDENCES: dict[str, Confidence] = {
    "confidence": lambda frame: frame.confidence,
    "smoothness": lambda frame: smoothness(frame.depth),
    "mass": _of_mixture(mass_near),
    "std": _of_mixture(lambda mixture, depth: -mixture.std() / depth),
    "entropy": _of_mixture(lambda mixture, _: -mixture.entropy()),
}
"""The confidences of docs/metrics.md by name."""


def find_confidences(names: Sequence[str]) -> dict[str, Confidence]:
    """The confidences of these names.

    Raises:
        ConfigError: there is none of a name.
    """
    for name in names:
        if name not in CONFIDENCES:
            message = f"There is no confidence {name!r}; choose among {', '.join(CONFIDENCES)}."
            raise ConfigError(message)
    return {name: CONFIDENCES[name] for name in names}


def seen_frames(scene: Scene, prediction: ScenePrediction, *, mixture: bool = False) -> Iterator[SeenFrame]:
    """The frames of a scene one after the other.

    Raises:
        InputError: a file is missing or damaged.
    """
    for position, frame in enumerate(scene.frames):
        truth = frame.read_truth()
        size = truth.depth.shape
        sky, confidence = prediction.sky(position), prediction.confidence(position)
        density = prediction.mixture(position) if mixture else None
        yield SeenFrame(
            truth=truth,
            depth=_map(prediction.depth(position), size),
            sky=None if sky is None else _map(sky, size),
            confidence=None if confidence is None else _map(confidence, size),
            mixture=None if density is None else _resized_mixture(density, size),
        )


def clip_scale(ratios: Sequence[Float[Tensor, " n"]]) -> float:
    """The scale of a clip from samples of true over predicted depth: their median, the lower of the middle two.

    NaN without a sample.
    """
    found = torch.cat(list(ratios)) if ratios else torch.empty(0)
    return float(found.median()) if found.numel() else math.nan


def ratio_sample(frame: SeenFrame, among: Bool[Tensor, "h w"]) -> Float[Tensor, " n"]:
    """True over predicted depth at a regular sample of the pixels `among` that make a point."""
    chosen = sampled(among & usable(frame.depth))
    return frame.true_depth[chosen] / frame.depth[chosen]


def sampled(among: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """A regular grid of those pixels; all of them in small maps."""
    step = max(1, math.ceil(math.sqrt(among.numel() / SAMPLES_PER_FRAME)))
    grid = torch.zeros_like(among)
    grid[::step, ::step] = True
    return among & grid


def interior_of(frame: SeenFrame) -> Bool[Tensor, "h w"]:
    """Valid pixels away from edges and skylines."""
    interior = frame.valid & ~depth_discontinuities(frame.true_depth, frame.valid, ratio=EDGE_RATIO)
    sky = frame.true_sky
    return interior if sky is None else interior & ~dilate(sky, 1)


def threshold_of(samples: Sequence[Float[Tensor, " n"]], coverage: float) -> float:
    """The confidence that the `coverage` share of the samples reach; minus infinity at full coverage."""
    found = torch.cat(list(samples)) if samples else torch.empty(0)
    count = math.ceil(coverage * found.numel() - 1e-9)
    if coverage >= 1 or count == 0:
        return -math.inf
    return float(found.kthvalue(found.numel() - count + 1).values)


def trusted(confidence: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """A confidence without NaN (the lowest) and infinities, in single precision."""
    return confidence.float().nan_to_num(nan=torch.finfo(torch.float32).min)


def _map(values: Shaped[ndarray, "rows columns"], size: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values[_nearest(values.shape, size)]))


def _resized_mixture(mixture: DepthMixture, size: tuple[int, ...]) -> DepthMixture:
    if tuple(mixture.batch_shape) == size:
        return mixture
    rows, columns = (torch.from_numpy(places) for places in _nearest(tuple(mixture.batch_shape), size))
    return mixture[rows, columns]


def _nearest(source: tuple[int, ...], size: tuple[int, ...]) -> tuple[ndarray, ndarray]:
    """Rows and columns of the pixels that hold the centres of the pixels of another size."""
    rows, columns = (((np.arange(to) + 0.5) * of / to).astype(np.int64) for to, of in zip(size, source, strict=True))
    return rows[:, None], columns[None, :]
