"""The predictor: a network with its weights, used on views of clips."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mda.data.batches import normalise_images
from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.inference.assembling import joined, picked
from mda.inference.given_cameras import (
    CamerasInput,
    GivenCameras,
    about_given,
    say_what_is_fixed,
    warn_of_own_scale,
)
from mda.inference.given_scale import GivenScale, SharedViews, tied_to_given
from mda.inference.inputs import Inputs, plan_of_inputs, views_of_inputs
from mda.inference.joints import Anchors, Progress, join
from mda.inference.memory import peak_bytes, views_within
from mda.inference.publishing import push_to_hub, save_pretrained
from mda.inference.windows import DEFAULT_MAX_VIEWS, Look, Order, Plan, Window
from mda.io.clips import ClipView
from mda.io.resize import CropBox, ResizedView, cameras_in_source
from mda.io.video import DEFAULT_FPS
from mda.mixtures import Decoder, DepthMixture
from mda.models import DepthNetwork
from mda.models.da3 import normalise_cameras
from mda.models.presets import Preset
from mda.shapes import Tensor, UInt8
from mda.structures import Prediction

_LOGGER = logging.getLogger(__name__)

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
        numbers: of the views in the clip.
        views: what was looked at.
        prediction: of these views, in the world of the clip's first view, or of the given cameras; None where they
            were done before.
        progress: how far the clip is done with them.
        scale: how its scale was tied to the given cameras; None where there are none.
    """

    numbers: tuple[int, ...]
    views: tuple[ClipView, ...]
    prediction: Prediction | None
    progress: Progress
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

    def predict(  # noqa: PLR0913 - what `mda predict` can be told
        self,
        inputs: Inputs,
        *,
        size: int | None = None,
        decoder: Decoder | str | None = None,
        fps: float | None = DEFAULT_FPS,
        stride: int = 1,
        max_views: int = DEFAULT_MAX_VIEWS,
        order: Order | str | None = None,
        keep_mixture: bool = True,
        cameras: CamerasInput | None = None,
    ) -> Prediction:
        """Depth, cameras and sky of one clip, in memory (on the CPU).

        All views are looked at together, up to `max_views`; longer clips in windows that overlap (see
        `mda.inference.windows`). An image that cannot be read is left out, logged, and listed in `details["skipped"]`.

        Args:
            inputs: a folder, a video, one image, or a list of images (paths, arrays [h, w, 3] of uint8, Pillow images).
            size: longer side of the views in pixels; the model's own by default.
            decoder: how a depth is chosen from the density; the model's own by default.
            fps: views per second taken from a video; None takes all.
            stride: every stride-th view is taken.
            max_views: views looked at together; lower it where memory is short.
            order: whether neighbours in a long clip are neighbours in space (`sequence`) or not (`unordered`), by
                default told from the file names; or that each view is to be looked at alone (`independent`).
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
        plan = plan_of_inputs(inputs, stride=stride, max_views=max_views, order=order)
        reading = {"size": size, "patch": self.network.patch, "fps": fps, "stride": stride, "spread": plan.spread}
        views = views_of_inputs(inputs, **reading, problems=problems)
        clock = Clock()
        if given is not None:
            views = list(_timed(views, clock))
            given.check_count(len(views))
            given.for_views(views, plan.numbers(enumerate(views)))  # all or nothing, before the network looks at any
        options: dict[str, Any] = {"plan": plan, "decoder": decoder, "keep_mixture": keep_mixture, "cameras": given}
        windows = list(self.stream(views, **options, clock=clock))
        seen = [view for window in windows for view in window.views]
        numbers = [number for window in windows for number in window.numbers]
        places = sorted(range(len(seen)), key=numbers.__getitem__)
        prediction = picked(joined([window.prediction for window in windows if window.prediction is not None]), places)
        sources = [
            {"name": view.name, **source_of(view), "source_intrinsics": _source_intrinsics(view, prediction.cameras[i])}
            for i, view in enumerate(seen[place] for place in places)
        ]
        details = {
            "skipped": problems,
            "sources": sources,
            "sizes": {"image_hw": list(prediction.depth.shape[1:]), "size": size},
            "timings": clock.rounded(),
            "joints": [joint.as_dict() for joint in windows[-1].progress.joints],
        }
        if given is not None:
            scales = [window.scale for window in windows if window.scale is not None]
            details["cameras"] = about_given(given, self.preset, scales)
        return replace(prediction, details=details)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write configuration, weights and model card to a folder that `mda.load` opens; returns the folder.

        Raises:
            OutputError: the folder cannot be written to.
        """
        return save_pretrained(self.network, self.preset, folder)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        commit_message: str | None = None,
        token: str | None = None,
        create_pr: bool = False,
    ) -> str:
        """Write the same files to a repository of the Hugging Face Hub; returns the address of the commit.

        Args:
            repo_id: owner/name; made if need be.
            private: whether a new repository is private; by default as your account has it.
            commit_message: one line about the change.
            token: of your account; by default `HF_TOKEN`, or that of `hf auth login`.
            create_pr: ask the owner of the repository to take the change over, instead of writing to it.

        Raises:
            OutputError: the Hub cannot be reached or refuses.
            MissingExtraError: `huggingface_hub` is not installed.
        """
        return push_to_hub(
            self.network,
            self.preset,
            repo_id,
            private=private,
            commit_message=commit_message,
            token=token,
            create_pr=create_pr,
        )

    def stream(
        self,
        views: Iterable[ClipView],
        *,
        plan: Plan = Plan(),  # noqa: B008 - a frozen record
        decoder: Decoder | str | None = None,
        keep_mixture: bool = True,
        progress: Progress | None = None,
        cameras: GivenCameras | None = None,
        clock: Clock | None = None,
    ) -> Iterator[WindowResult]:
        """Predictions of a clip window by window; memory does not grow with the length of the clip.

        Args:
            views: views of one size, in the order they are to be looked at, read as they are needed.
            plan: how they are divided into windows.
            decoder: how a depth is chosen from the density; the model's own by default.
            keep_mixture: keep the densities in the predictions.
            progress: of an interrupted run that this one goes on with; what was done is read, but not looked at again.
            cameras: known cameras, which fix poses and scale; None where the model finds them.
            clock: receives the seconds spent on reading, network and decoding.

        Raises:
            ConfigError: a view has no camera among those given.
        """
        clock, chosen = clock or Clock(), self.decoder(decoder)
        if cameras is not None:
            if plan.order is Order.INDEPENDENT:
                message = "Views that are looked at alone have no common world; leave out --mono or --cameras."
                raise ConfigError(message)
            say_what_is_fixed(cameras, self.preset)
        for window in plan.split(_timed(views, clock)):
            prediction, scale = None, None
            if progress is None or window.start >= progress.next_view:
                look, progress, scale = self._window(window, progress, plan, chosen, cameras, clock)
                prediction = look if keep_mixture else replace(look, mixture=None)
                warn_of_own_scale(scale)
            yield WindowResult(
                numbers=plan.numbers(enumerate(window.new, window.start)),
                views=window.new,
                prediction=prediction,
                progress=progress,
                scale=scale,
            )

    def views_within(self, gib: float, image_hw: tuple[int, int], decoder: Decoder | str | None = None) -> int:
        """How many views of a size can be looked at and decoded together in so much memory of the device.

        Measured on one and two views of noise.

        Raises:
            ConfigError: not even two views fit.
        """
        chosen, noise = self.decoder(decoder), np.random.default_rng(0)
        crop = CropBox(top=0, left=0, height=image_hw[0], width=image_hw[1])

        def view() -> ClipView:
            pixels = noise.integers(0, 256, (*image_hw, 3), dtype=np.uint8)
            return ClipView(name="noise", view=ResizedView(pixels=pixels, source_hw=image_hw, crop=crop))

        def peak(count: int) -> int:
            window = Window(start=0, anchors=(), new=tuple(view() for _ in range(count)))
            plan, clock = Plan(), Clock()
            return peak_bytes(lambda: self._window(window, None, plan, chosen, None, clock), self.device)

        weights = sum(tensor.nbytes for tensor in self.network.state_dict().values())
        return views_within(round(gib * 2**30), weights, peak)

    def _window(
        self,
        window: Window[ClipView],
        progress: Progress | None,
        plan: Plan,
        decoder: Decoder,
        cameras: GivenCameras | None,
        clock: Clock,
    ) -> tuple[Prediction, Progress, GivenScale | None]:
        """Prediction of the new views of a window in the world of the clip, and how far the clip is done then."""
        count, end = len(window.anchors), window.start + len(window.new)
        known, joints, scale = None, () if progress is None else progress.joints, None
        if progress is not None and window.anchors:
            known = progress.anchors
        if plan.order is Order.INDEPENDENT:
            look = self._look(window.views, clock, together=False)
        elif cameras is not None:
            given = cameras.for_views(window.views, plan.numbers(window.numbered))
            look, scale = self._look_in_given_world(window, given, known, decoder, clock)
            look = look[count:]
        else:
            look = self._look(window.views, clock)
            if known is not None:
                anchors, views = zip(*window.anchors, strict=True)
                seen = self._decoded(views, look[:count], decoder).anchors(anchors)
                similarity, joint = join(known, seen, window.start)
                look, joints = look[count:].moved(similarity), (*joints, joint)
        since = time.perf_counter()
        decoded = self._decoded(window.new, look, decoder)
        found = decoded.anchors(range(window.start, end))
        kept = (found if known is None else known.joined(found))[plan.kept]
        clock.charge("decoder", since)
        return decoded.prediction, Progress(next_view=end, anchors=kept, joints=joints), scale

    def _look_in_given_world(
        self, window: Window[ClipView], given: Cameras, known: Anchors | None, decoder: Decoder, clock: Clock
    ) -> tuple[Look, GivenScale]:
        """What the network says about a window, with given cameras and at their scale."""
        told = self._told(given) if self.preset.takes_cameras else None
        look = self._look(window.views, clock, told, known=True)
        since = time.perf_counter()
        shared = None if known is None else SharedViews(depth=known.depth, counts=known.trust > 0)
        decode = partial(DepthMixture.decode, decoder=decoder)
        look, scale = tied_to_given(look, given, told, decode, shared=shared, views=window.views)
        clock.charge("decoder", since)
        return look, replace(scale, start=window.start)

    def _told(self, cameras: Cameras) -> Cameras:
        """Known cameras as the network was trained to get them."""
        return normalise_cameras(cameras, rescale=self.preset.rescales_cameras)

    def _look(
        self,
        views: Sequence[ClipView],
        clock: Clock,
        told: Cameras | None = None,
        *,
        known: bool = False,
        together: bool = True,
    ) -> Look:
        """What the network says about some views.

        Args:
            views: the views.
            clock: receives the seconds.
            told: cameras to tell it, batch shape [v].
            known: the cameras are known, so that assumed ones are no news.
            together: look at them as one clip; otherwise at each as a clip of its own, in one batch.
        """
        since = time.perf_counter()
        images = normalise_images(images_of(views).to(self.device).permute(0, 3, 1, 2).float() / 255)
        # The axis of clips is the one before or the one after that of the views.
        clip = 0 if together else 1
        # Not inference mode: what comes out belongs to the user, who may want to write to it or differentiate it.
        with torch.no_grad(), _enough_memory(len(views), images.shape[-2:]):
            # To single precision first: not every device has double.
            known_cameras = None if told is None else told.to(torch.float32).to(self.device)[None]
            output = self.network(images.unsqueeze(clip), known_cameras)
        alone = (slice(None),) * clip + (0,)
        cameras = None if output.cameras is None else output.cameras.relative_to_first()[alone]
        look = Look(
            mixture=output.mixture[alone].to("cpu"),
            sky_log_odds=None if output.sky_log_odds is None else output.sky_log_odds[alone].cpu(),
            cameras=self._cameras(cameras, views, known=known),
        )
        clock.charge("network", since)
        return look

    def _cameras(self, cameras: Cameras | None, views: Sequence[ClipView], *, known: bool) -> Cameras:
        """Cameras in the world of the first view; assumed ones where the network predicts none."""
        if cameras is not None:
            return cameras.to("cpu")
        if not known:
            _LOGGER.warning(
                "%s predicts no cameras: a field of view of %.0f degrees is assumed, and all views stand at one point.",
                self.name, ASSUMED_FOV_DEGREES,
            )  # fmt: skip
        return assumed_cameras(len(views), views[0].view.pixels.shape[:2])

    def _decoded(self, views: Sequence[ClipView], look: Look, decoder: Decoder) -> "_Decoded":
        """The prediction for some views."""
        depth, component = look.mixture.decode_with_component(decoder)
        confidence = look.mixture.confidence.gather(-1, component[..., None])[..., 0]
        prediction = Prediction(
            images=images_of(views),
            names=tuple(view.name for view in views),
            depth=depth,
            cameras=look.cameras,
            confidence=confidence,
            mixture=look.mixture,
            sky_log_odds=look.sky_log_odds,
            decoder=decoder.value,
            model=self.name,
            licence=self.licence,
        )
        return _Decoded(
            prediction=prediction, mass=look.mixture.log_weights.gather(-1, component[..., None])[..., 0].exp()
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


@dataclass(frozen=True, kw_only=True)
class _Decoded:
    """The prediction for some views, and the weight [v, h, w] of the components that its depths belong to."""

    prediction: Prediction
    mass: Tensor

    def anchors(self, numbers: Sequence[int]) -> Anchors:
        """What it says of views that another window may share."""
        prediction, sky = self.prediction, self.prediction.sky_log_odds
        p_sky = None if sky is None else sky.sigmoid()
        return Anchors.of(numbers, prediction.depth, self.mass, p_sky, prediction.cameras)


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
