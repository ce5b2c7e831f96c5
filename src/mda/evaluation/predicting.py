"""The first loop of an evaluation: a network looks at every scene, and what it says is written as runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from mda.data.batches import normalise_images
from mda.errors import ConfigError, InputError
from mda.evaluation.benchmark import Benchmark, Scene, ViewSize
from mda.evaluation.predictions import prediction_path
from mda.inference.decoded import decoded
from mda.inference.looking import assumed_cameras
from mda.inference.predictor import Predictor
from mda.inference.windows import Look, plan_for
from mda.io.archive import save_prediction
from mda.io.clips import ClipView
from mda.io.resize import CropBox, ResizedView
from mda.io.run_info import Status, read_run_info
from mda.mixtures import Decoder
from mda.shapes import Float, Tensor
from mda.structures import Prediction


@runtime_checkable
class SceneModel(Protocol):
    """Whatever makes a prediction from the images of a scene; `NetworkModel` is one."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def view_size(self) -> ViewSize:
        """Size of the images it takes."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides its predictions, in terms of JSON."""
        ...

    def predict(self, images: Float[Tensor, "v 3 h w"], names: Sequence[str]) -> Prediction:
        """What it says about the images of one scene."""
        ...


@dataclass(frozen=True, kw_only=True)
class NetworkModel:
    """A network that looks at scenes of benchmarks.

    Attributes:
        predictor: the network with its weights.
        decoder: how a depth is chosen; the model's own where None.
        max_views: views looked at together; longer scenes go in windows. None: all of them, as published.
        size: longer side of the views; the model's own where None.
    """

    predictor: Predictor
    decoder: Decoder | None = None
    max_views: int | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.predictor.name

    @property
    def view_size(self) -> ViewSize:
        """Size of the images it takes."""
        return ViewSize(long_side=self.size or self.predictor.preset.long_side, patch=self.predictor.network.patch)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its predictions."""
        weights = self.predictor.weights
        state = None if weights is None else weights.stat()
        return {
            "model": self.name,
            "decoder": self.predictor.decoder(self.decoder).value,
            "max_views": self.max_views,
            "weights": None if weights is None or state is None else [weights.name, state.st_size, state.st_mtime_ns],
        }

    def predict(self, images: Float[Tensor, "v 3 h w"], names: Sequence[str]) -> Prediction:
        """What the network says about the images of one scene.

        Args:
            images: RGB, usually in 0..1 (blurred ones may reach a little beyond), of a size that the network takes.
            names: of the frames.

        Raises:
            ConfigError: the size does not fit the network.
        """
        height, width = images.shape[-2:]
        patch = self.predictor.network.patch
        if height % patch or width % patch:
            message = f"{self.name} takes images whose sides are multiples of {patch}, found {width} x {height}."
            raise ConfigError(message)
        pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        box = CropBox(top=0, left=0, height=height, width=width)
        views = [
            ClipView(name=name, view=ResizedView(pixels=view, source_hw=(height, width), crop=box), number=number)
            for number, (name, view) in enumerate(zip(names, pixels, strict=True))
        ]
        if self.max_views is not None and len(views) > self.max_views:
            return self._in_windows(views)
        decoder = self.predictor.decoder(self.decoder)
        return decoded(views, self._look(images), decoder, model=self.name, licence=self.predictor.licence).prediction

    def _look(self, images: Float[Tensor, "v 3 h w"]) -> Look:
        """One forward pass over images that need not be whole numbers of 8 bits."""
        with torch.no_grad():
            output = self.predictor.network(normalise_images(images)[None].to(self.predictor.device))
        height, width = images.shape[-2:]
        found = None if output.cameras is None else output.cameras.relative_to_first()[0].to("cpu")
        return Look(
            mixture=output.mixture[0].to("cpu"),
            sky_log_odds=None if output.sky_log_odds is None else output.sky_log_odds[0].cpu(),
            cameras=assumed_cameras(len(images), (height, width)) if found is None else found,
        )

    def _in_windows(self, views: list[ClipView]) -> Prediction:
        images = [view.view.pixels for view in views]
        plan = plan_for(None, max_views=self.max_views or len(views))
        prediction = self.predictor.predict(
            images, size=max(images[0].shape[:2]), decoder=self.decoder, max_views=plan.max_views, order=plan.order
        )
        return replace(prediction, names=tuple(view.name for view in views))


def predict_scenes(
    benchmark: Benchmark,
    scenes: Iterable[Scene],
    model: SceneModel,
    folder: Path,
    *,
    command: str = "",
    on_scene: Callable[[], object] = lambda: None,
) -> None:
    """Write a run for each scene and variant; those that are there already, from the same images and model, are kept.

    Args:
        benchmark: whose variants.
        scenes: what to look at.
        model: the network.
        folder: of the predictions, see `mda.evaluation.predictions.prediction_path`.
        command: what the user typed, for `run.json`.
        on_scene: called after each scene and variant.

    Raises:
        InputError: an image is missing or damaged, or the images of a scene differ in size.
        OutputError: the folder cannot be written to.
    """
    for scene in scenes:
        images: Tensor | None = None
        for variant, change in benchmark.variants.items():
            target = prediction_path(folder, variant, scene.dataset, scene.file_name)
            settings = {**model.identity, "variant": variant, "dataset": scene.dataset, "scene": scene.name}
            settings |= {"frames": [frame.name for frame in scene.frames], "size": model.view_size.long_side}
            if not _is_there(target, settings, mixture=benchmark.mixture):
                images = _images(scene) if images is None else images
                prediction = model.predict(change(images), [frame.name for frame in scene.frames])
                prediction = replace(prediction, details={**prediction.details, "settings": settings})
                prediction.details.pop("sources", None)
                save_prediction(prediction, target, save_mixture=benchmark.mixture, overwrite=True, command=command)
            on_scene()


def _images(scene: Scene) -> Float[Tensor, "v 3 h w"]:
    """All images of a scene, RGB in 0..1.

    Raises:
        InputError: they differ in size.
    """
    pixels = [frame.read_image() for frame in scene.frames]
    if len({image.shape for image in pixels}) > 1:
        message = f"The images of {scene.dataset} {scene.name} differ in size; they are looked at together."
        raise InputError(message)
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255


def _is_there(folder: Path, settings: Mapping[str, Any], *, mixture: bool) -> bool:
    """Whether the run is complete and was made the same way."""
    info = read_run_info(folder) if folder.is_dir() else None
    if info is None or info.status is not Status.COMPLETE or dict(info.settings) != settings:
        return False
    return not mixture or all("mixture" in view.parts for view in info.views.values())
