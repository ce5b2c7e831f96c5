"""The predictor: a network with its weights, used on views of clips."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from mda.data.batches import normalise_images
from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.inference.given_cameras import (
    CamerasInput,
    GivenCameras,
    about_given,
    in_given_world,
    say_what_is_fixed,
    warn_of_own_scale,
)
from mda.inference.given_scale import GivenScale
from mda.inference.inputs import Inputs, views_of_inputs
from mda.inference.windows import DEFAULT_MAX_VIEWS, Look, Reference, in_one_world, split
from mda.io.clips import ClipView
from mda.io.resize import cameras_in_source
from mda.io.video import DEFAULT_FPS
from mda.mixtures import Decoder, DepthMixture
from mda.models import DepthNetwork
from mda.models.da3 import normalise_cameras
from mda.models.presets import Preset
from mda.shapes import Tensor, UInt8
from mda.structures import Prediction

_LOGGER = logging.getLogger(__name__)
_Part = TypeVar("_Part")

ASSUMED_FOV_DEGREES = 60.0
"""Field of view along the longer side where a network predicts no cameras (a phone's main lens has about that)."""


@dataclass(kw_only=True)
class Clock:
    """Seconds spent, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    def charge(self, name: str, since: float) -> None:
        """Add the time since `since` (of `time.perf_counter`) to `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - since

    def rounded(self) -> dict[str, float]:
        """Seconds to a millisecond, for people."""
        return {name: round(value, 3) for name, value in self.seconds.items()}


@dataclass(frozen=True, kw_only=True)
class WindowResult:
    """Some consecutive views of a clip.

    Attributes:
        start: number of the first of them.
        views: what was looked at.
        prediction: of these views, in the world of the clip's first view, or of the given cameras; None where it was
            not needed.
        scale: how its scale was tied to the given cameras; None where there are none.
    """

    start: int
    views: tuple[ClipView, ...]
    prediction: Prediction | None
    scale: GivenScale | None = None


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A network that is ready to use; `mda.load` makes it.

    Attributes:
        network: in evaluation mode, on `device`.
        preset: what is known about it.
        device: where it computes.
        weights: the file that its weights came from, or None.
    """

    network: DepthNetwork
    preset: Preset
    device: torch.device
    weights: Path | None = None

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.preset.name

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.preset.licence_weights or "unknown"

    def decoder(self, name: Decoder | str | None = None) -> Decoder:
        """The decoder of that name; the model's own where None.

        Raises:
            ConfigError: there is none.
        """
        try:
            return Decoder(name or self.preset.decoder)
        except ValueError as error:
            message = f"There is no decoder {name!r}; choose one of {', '.join(Decoder)}."
            raise ConfigError(message) from error

    def predict(
        self,
        inputs: Inputs,
        *,
        size: int | None = None,
        decoder: Decoder | str | None = None,
        fps: float | None = DEFAULT_FPS,
        stride: int = 1,
        max_views: int = DEFAULT_MAX_VIEWS,
        keep_mixture: bool = True,
        cameras: CamerasInput | None = None,
    ) -> Prediction:
        """Depth, cameras and sky of one clip, in memory (on the CPU).

        All views are looked at together, up to `max_views`; longer clips in windows that share the first view (see
        `mda.inference.windows`). An image that cannot be read is left out, logged, and listed in `details["skipped"]`.

        Args:
            inputs: a folder, a video, one image, or a list of images (paths, arrays [h, w, 3] of uint8, Pillow images).
            size: longer side of the views in pixels; the model's own by default.
            decoder: how a depth is chosen from the density; the model's own by default.
            fps: views per second taken from a video; None takes all.
            stride: every stride-th view is taken.
            max_views: views looked at together; lower it where memory is short.
            keep_mixture: keep the densities in the prediction, 12 K bytes per pixel.
            cameras: known cameras, which are told to models that can be told and fix poses and scale of the result: a
                COLMAP model folder, `transforms.json` or run; cameras by name of their image; or `Cameras` of batch
                shape [v] in the order of the views, for the original images or for the views.

        Raises:
            InputError: nothing could be read; the message names the files.
            ConfigError: a setting cannot work, or a view has no camera among those given.
        """
        given = None if cameras is None else GivenCameras.of(cameras)
        problems: list[str] = []
        size = size or self.preset.long_side
        views = views_of_inputs(inputs, size=size, patch=self.network.patch, fps=fps, stride=stride, problems=problems)
        clock = Clock()
        if given is not None:
            views = list(_timed(views, clock))
            given.check_count(len(views))
            given.for_views(views)  # all or nothing, before the network looks at any
        options: dict[str, Any] = {"decoder": decoder, "max_views": max_views, "keep_mixture": keep_mixture}
        windows = list(self.stream(views, **options, cameras=given, clock=clock))
        prediction = _joined([window.prediction for window in windows if window.prediction is not None])
        seen = [view for window in windows for view in window.views]
        sources = [
            {"name": view.name, **source_of(view), "source_intrinsics": _source_intrinsics(view, camera)}
            for view, camera in zip(seen, map(prediction.cameras.__getitem__, range(len(seen))), strict=True)
        ]
        sizes = {"image_hw": list(prediction.depth.shape[1:]), "size": size}
        details = {"skipped": problems, "sources": sources, "sizes": sizes, "timings": clock.rounded()}
        if given is not None:
            scales = [window.scale for window in windows if window.scale is not None]
            details["cameras"] = about_given(given, self.preset, scales)
        return replace(prediction, details=details)

    def stream(
        self,
        views: Iterable[ClipView],
        *,
        decoder: Decoder | str | None = None,
        max_views: int = DEFAULT_MAX_VIEWS,
        keep_mixture: bool = True,
        reference: Reference | None = None,
        done: Callable[[range], bool] = lambda _: False,
        cameras: GivenCameras | None = None,
        clock: Clock | None = None,
    ) -> Iterator[WindowResult]:
        """Predictions of a clip window by window; memory does not grow with the length of the clip.

        Args:
            views: views of one size, read as they are needed.
            decoder: how a depth is chosen from the density; the model's own by default.
            max_views: views looked at together.
            keep_mixture: keep the densities in the predictions.
            reference: first view of an interrupted run that this one goes on with.
            done: whether the views of these numbers are there already; asked only if there is a `reference`.
            cameras: known cameras, which fix poses and scale; None where the model finds them.
            clock: receives the seconds spent on reading, network and decoding.

        Raises:
            ConfigError: a view has no camera among those given.
        """
        clock, chosen = clock or Clock(), self.decoder(decoder)
        parts = split(_timed(views, clock), max_views)
        resumed: dict[str, Any] = {"reference": reference, "done": done}
        for start, some, look, scale in self._windows(parts, chosen, cameras, clock, resumed):
            warn_of_own_scale(scale)
            since = time.perf_counter()
            prediction = None if look is None else self._decoded(some, look, chosen, keep_mixture=keep_mixture)
            clock.charge("decoder", since)
            yield WindowResult(start=start, views=tuple(some), prediction=prediction, scale=scale)

    def _windows(
        self,
        parts: Iterable[tuple[int, Sequence[ClipView]]],
        decoder: Decoder,
        cameras: GivenCameras | None,
        clock: Clock,
        resumed: dict[str, Any],
    ) -> Iterator[tuple[int, Sequence[ClipView], Look | None, GivenScale | None]]:
        """What the network says about the windows, in one world: that of the first view, or of the given cameras."""
        if cameras is None:
            looks = in_one_world(
                parts, lambda some: self._look(some, clock), lambda mixture: mixture.decode(decoder), **resumed
            )
            yield from ((start, some, look, None) for start, some, look in looks)
            return
        say_what_is_fixed(cameras, self.preset)
        yield from in_given_world(
            parts,
            lambda some, told: self._look(some, clock, told, known=True),
            lambda mixture: mixture.decode(decoder),
            cameras,
            tell=self._told if self.preset.takes_cameras else None,
            **resumed,
        )

    def _told(self, cameras: Cameras) -> Cameras:
        """Known cameras as the network was trained to get them."""
        return normalise_cameras(cameras, rescale=self.preset.rescales_cameras)

    def _look(
        self, views: Sequence[ClipView], clock: Clock, told: Cameras | None = None, *, known: bool = False
    ) -> Look:
        """What the network says about some views together.

        Args:
            views: the views.
            clock: receives the seconds.
            told: cameras to tell it, batch shape [v].
            known: the cameras are known, so that assumed ones are no news.
        """
        since = time.perf_counter()
        images = normalise_images(images_of(views).to(self.device).permute(0, 3, 1, 2).float() / 255)
        # Not inference mode: what comes out belongs to the user, who may want to write to it or differentiate it.
        with torch.no_grad(), _enough_memory(len(views), images.shape[-2:]):
            # To single precision first: not every device has double.
            known_cameras = None if told is None else told.to(torch.float32).to(self.device)[None]
            output = self.network(images[None], known_cameras)
        look = Look(
            mixture=output.mixture[0].to("cpu"),
            sky_log_odds=None if output.sky_log_odds is None else output.sky_log_odds[0].cpu(),
            cameras=self._cameras(None if output.cameras is None else output.cameras[0], views, known=known),
        )
        clock.charge("network", since)
        return look

    def _cameras(self, cameras: Cameras | None, views: Sequence[ClipView], *, known: bool) -> Cameras:
        """Cameras in the world of the first view; assumed ones where the network predicts none."""
        if cameras is not None:
            return cameras.to("cpu").relative_to_first()
        if not known:
            _LOGGER.warning(
                "%s predicts no cameras: a field of view of %.0f degrees is assumed, and all views stand at one point.",
                self.name, ASSUMED_FOV_DEGREES,
            )  # fmt: skip
        return assumed_cameras(len(views), views[0].view.pixels.shape[:2])

    def _decoded(self, views: Sequence[ClipView], look: Look, decoder: Decoder, *, keep_mixture: bool) -> Prediction:
        """The prediction for some views."""
        depth, component = look.mixture.decode_with_component(decoder)
        confidence = look.mixture.confidence.gather(-1, component[..., None])[..., 0]
        return Prediction(
            images=images_of(views),
            names=tuple(view.name for view in views),
            depth=depth,
            cameras=look.cameras,
            confidence=confidence,
            mixture=look.mixture if keep_mixture else None,
            sky_log_odds=look.sky_log_odds,
            decoder=decoder.value,
            model=self.name,
            licence=self.licence,
        )


@contextmanager
def _enough_memory(count: int, image_hw: Sequence[int]) -> Iterator[None]:
    """Turn the many ways to say "out of memory" into one that tells the remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error).lower():
            raise
        message = (
            f"{count} views of {image_hw[1]} x {image_hw[0]} pixels together do not fit in memory; "
            "look at fewer together (--max-views) or at smaller ones (--size)."
        )
        raise ConfigError(message) from error


def images_of(views: Sequence[ClipView]) -> UInt8[Tensor, "v h w 3"]:
    """Pixels of some views."""
    return torch.from_numpy(np.stack([view.view.pixels for view in views]))


def source_of(view: ClipView) -> dict[str, Any]:
    """Where the pixels of a view come from: size of its file's image, the part of it that was used, time in a video."""
    crop = view.view.crop
    return {
        "source_hw": view.view.source_hw,
        "crop": (crop.top, crop.left, crop.height, crop.width),
        "seconds": view.time,
    }


def _source_intrinsics(view: ClipView, camera: Cameras) -> list[list[float]]:
    """Intrinsics of a view in pixels of the image in its file."""
    camera = camera.to(torch.float64)
    return cameras_in_source(camera, view.view.crop, view.view.source_hw).intrinsics.tolist()


def assumed_cameras(count: int, image_hw: tuple[int, int]) -> Cameras:
    """Cameras at the origin with a field of view of `ASSUMED_FOV_DEGREES` along the longer side and square pixels."""
    half = torch.tensor(image_hw, dtype=torch.float32) / max(image_hw)
    fov = 2 * (half * torch.tensor(ASSUMED_FOV_DEGREES / 2).deg2rad().tan()).atan()
    return Cameras.from_fov(torch.eye(4).repeat(count, 1, 1), fov.repeat(count, 1), image_hw)


def _timed(views: Iterable[ClipView], clock: Clock) -> Iterator[ClipView]:
    """The views, with the time that reading them takes."""
    remaining = iter(views)
    while True:
        since = time.perf_counter()
        view = next(remaining, None)
        clock.charge("reading", since)
        if view is None:
            return
        yield view


def _joined(predictions: Sequence[Prediction]) -> Prediction:
    """Predictions of consecutive windows as one."""
    first = predictions[0]
    if len(predictions) == 1:
        return first

    def together(get: Callable[[Prediction], Tensor]) -> Tensor:
        return torch.cat([get(prediction) for prediction in predictions])

    return replace(
        first,
        images=together(lambda part: part.images),
        names=tuple(name for prediction in predictions for name in prediction.names),
        depth=together(lambda part: part.depth),
        cameras=replace(
            first.cameras,
            world_from_cam=together(lambda part: part.cameras.world_from_cam),
            intrinsics=together(lambda part: part.cameras.intrinsics),
        ),
        confidence=together(lambda part: part.confidence),
        mixture=None if first.mixture is None else _joined_mixtures([part.mixture for part in predictions]),
        sky_log_odds=None if first.sky_log_odds is None else together(lambda part: _present(part.sky_log_odds)),
    )


def _joined_mixtures(mixtures: Sequence[DepthMixture | None]) -> DepthMixture:
    """Densities of consecutive windows as one."""
    present = [_present(mixture) for mixture in mixtures]
    parts = {
        name: torch.cat([getattr(mixture, name) for mixture in present]) for name in ("locs", "scales", "log_weights")
    }
    return replace(present[0], **parts)


def _present(part: _Part | None) -> _Part:
    """A part that every window of one model has if the first has it."""
    if part is None:
        message = "The windows of one clip must all have a density and sky, or none."
        raise ConfigError(message)
    return part
