"""The predictor: a network with its weights, used on views of clips."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.inference.assembling import joined, picked
from mda.inference.clips import ReadClip, read_whole
from mda.inference.clock import Clock
from mda.inference.decoded import Decoded, decoded, details_of
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
from mda.inference.looking import Onlooker
from mda.inference.publishing import push_to_hub, save_pretrained
from mda.inference.windows import DEFAULT_MAX_VIEWS, Look, Order, Plan, Window
from mda.io.clips import ClipView
from mda.io.video import DEFAULT_FPS
from mda.mixtures import Decoder, DepthMixture
from mda.models import DepthNetwork
from mda.models.presets import Preset
from mda.structures import Prediction


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
        chunk: views that its dense heads compute at a time, without effect on the result; None: by the device.
    """

    network: DepthNetwork
    preset: Preset
    device: torch.device
    weights: Path | None = None
    chunk: int | None = None

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
            ConfigError: there is none, or the model does not know what it asks for.
        """
        known = [kind for kind in Decoder if kind is not Decoder.LAYERS or self.preset.transparent]
        if (name or self.preset.decoder) not in known:
            why = (
                f"{self.name} knows no transparent surfaces"
                if name == Decoder.LAYERS
                else f"There is no decoder {name!r}"
            )
            message = f"{why}; choose one of {', '.join(known)}."
            raise ConfigError(message)
        return Decoder(name or self.preset.decoder)

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
            views = list(clock.reading(views))
            given.check_count(len(views))
            given.for_views(views, plan.numbers(enumerate(views)))  # all or nothing, before the network looks at any
        options: dict[str, Any] = {"plan": plan, "decoder": decoder, "keep_mixture": keep_mixture, "cameras": given}
        windows = list(self.stream(views, **options, clock=clock))
        seen = [view for window in windows for view in window.views]
        numbers = [number for window in windows for number in window.numbers]
        places = sorted(range(len(seen)), key=numbers.__getitem__)
        prediction = picked(joined([window.prediction for window in windows if window.prediction is not None]), places)
        details = details_of(prediction, [seen[place] for place in places], problems, size)
        details["timings"] = clock.rounded()
        details["joints"] = [joint.as_dict() for joint in windows[-1].progress.joints]
        if given is not None:
            scales = [window.scale for window in windows if window.scale is not None]
            details["cameras"] = about_given(given, self.preset, scales)
        return replace(prediction, details=details)

    def predict_clips(
        self,
        clips: Iterable[Inputs],
        *,
        size: int | None = None,
        decoder: Decoder | str | None = None,
        fps: float | None = DEFAULT_FPS,
        stride: int = 1,
        max_views: int = DEFAULT_MAX_VIEWS,
        keep_mixture: bool = True,
    ) -> Iterator[Prediction | None]:
        """Predictions of unrelated clips, each what `predict` says of it, as they become ready.

        Neighbours with views of one size go through the network together, up to `max_views` views in one pass; short
        clips are padded with views that no other sees. Longer clips go in windows. A clip of which nothing can be read
        is logged and gives None.

        Args:
            clips: inputs of each clip, as in `predict`.
            size: longer side of the views.
            decoder: how a depth is chosen.
            fps: views per second of videos.
            stride: every stride-th view is taken.
            keep_mixture: keep the densities.
            max_views: views in one forward pass, padding counted.

        Raises:
            ConfigError: a setting cannot work.
        """
        size, chosen = size or self.preset.long_side, self.decoder(decoder)
        settings = {"size": size, "fps": fps, "stride": stride}
        waiting: list[ReadClip] = []

        def looked_at() -> Iterator[Prediction]:
            """Predictions of the clips that wait."""
            clock = Clock()
            looks = self._onlooker.clips([clip.views for clip in waiting], clock) if waiting else []
            for clip, look in zip(waiting, looks, strict=True):
                prediction = self._decoded(clip.views, look, chosen).prediction
                details = details_of(prediction, clip.views, clip.skipped, size) | {"timings": clock.rounded()}
                yield replace(prediction, details=details, mixture=look.mixture if keep_mixture else None)
            waiting.clear()

        for inputs in clips:
            clip = read_whole(inputs, patch=self.network.patch, most=max_views, **settings)
            if clip is None or not clip.fits(waiting, max_views):
                yield from looked_at()
            if clip is None:
                yield None
            elif len(clip.views) > max_views:
                options = {"decoder": decoder, "max_views": max_views, "keep_mixture": keep_mixture}
                yield self.predict(inputs, **settings, **options)
            else:
                waiting.append(clip)
        yield from looked_at()

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
        for window in plan.split(clock.reading(views)):
            prediction, scale = None, None
            if progress is None or window.start >= progress.next_view:
                prediction, progress, scale = self._window(window, progress, plan, chosen, cameras, clock)
                warn_of_own_scale(scale)
            result = WindowResult(
                numbers=plan.numbers(enumerate(window.new, window.start)),
                views=window.new,
                prediction=prediction if keep_mixture or prediction is None else replace(prediction, mixture=None),
                progress=progress,
                scale=scale,
            )
            del prediction  # the next window needs the room, and whoever asked for this one may have forgotten it
            yield result
            del result

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
            look = Look.joined(self._onlooker.clips([[view] for view in window.views], clock))
        elif cameras is not None:
            given = cameras.for_views(window.views, plan.numbers(window.numbered))
            look, scale = self._look_in_given_world(window, given, known, decoder, clock)
            look = look[count:]
        else:
            look = self._onlooker.clip(window.views, clock)
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
        told = self._onlooker.told(given)
        look = self._onlooker.clip(window.views, clock, told, known=True)
        since = time.perf_counter()
        shared = None if known is None else SharedViews(depth=known.depth, counts=known.trust > 0)
        decode = partial(DepthMixture.decode, decoder=decoder)
        look, scale = tied_to_given(look, given, told, decode, shared=shared, views=window.views)
        clock.charge("decoder", since)
        return look, replace(scale, start=window.start)

    @property
    def _onlooker(self) -> Onlooker:
        return Onlooker(network=self.network, preset=self.preset, device=self.device, chunk=self.chunk)

    def _decoded(self, views: Sequence[ClipView], look: Look, decoder: Decoder) -> Decoded:
        """The prediction for some views."""
        return decoded(views, look, decoder, model=self.name, licence=self.licence)
