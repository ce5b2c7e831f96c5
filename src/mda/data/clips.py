"""Clips of a source: views drawn, broken frames left out, cut to size, colours changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
import torch

from mda.data.contract import OpenedSource, Scene
from mda.data.degrade import adjust_colour, degrade
from mda.data.prepare import prepare_view
from mda.data.view_sampling import Walk
from mda.data.views import GlassLayers, RawView
from mda.errors import ConfigError, InputError
from mda.shapes import Bool, Float32, UInt8, ndarray

# How often a clip is drawn again without the frames that turned out broken, and from how many starts.
_REDRAWS, _STARTS = 6, 8


@dataclass(frozen=True, kw_only=True)
class LayerClip:
    """Transparent surfaces of a clip; see `GlassLayers`."""

    glass: Bool[ndarray, "v h w"]
    last_depth: Float32[ndarray, "v h w"]
    last_valid: Bool[ndarray, "v h w"]


@dataclass(frozen=True, kw_only=True)
class ViewClip:
    """Views of one scene at the size of a batch.

    Attributes:
        images: sRGB.
        depth: z-depth in the unit of the source where `valid`, else 0.
        valid: pixels with known depth.
        sky, sky_labelled: see `RawView`.
        world_from_cam: OpenCV poses; the world is the scene's own frame.
        intrinsics: in pixels, the centre of the top-left pixel at (0.5, 0.5).
        name: source/scene/frame of the first view.
        cameras_known: whether the cameras are real.
        broken: what was wrong with frames that were left out on the way.
        layers: transparent surfaces, where the source knows them.
    """

    images: UInt8[ndarray, "v h w 3"]
    depth: Float32[ndarray, "v h w"]
    valid: Bool[ndarray, "v h w"]
    sky: Bool[ndarray, "v h w"]
    sky_labelled: Bool[ndarray, "v h w"]
    world_from_cam: Float32[ndarray, "v 4 4"]
    intrinsics: Float32[ndarray, "v 3 3"]
    name: str
    cameras_known: bool = True
    broken: tuple[str, ...] = ()
    layers: LayerClip | None = None


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is changed at random; the published run had `zoom` 16, `shuffle` 0.25 and nothing else.

    Attributes:
        zoom: each view is enlarged as if it had up to so many more rows and columns, this number left out.
        shuffle: share of clips whose views after the first are put in random order.
        colour: largest change, alike in all views: each channel by this share, brightness by this share of white,
            contrast and saturation by twice this share.
        blur: share of clips that are blurred by a factor of 2, 4 or 8.
    """

    zoom: int = 0
    shuffle: float = 0.0
    colour: float = 0.0
    blur: float = 0.0


class ClipSource:
    """Clips of an opened data set. The same start and generator give the same clip in any process.

    Attributes:
        source: the data set.
        most_views: clips may have up to so many views; it decides where they may start.
        augmentation: what is changed at random.

    Raises:
        InputError: no scene is long enough for a clip.
    """

    def __init__(
        self,
        source: OpenedSource,
        *,
        most_views: int,
        augmentation: Augmentation | None = None,
        scenes: Sequence[Scene] | None = None,
    ) -> None:
        self.source, self.most_views, self.augmentation = source, most_views, augmentation or Augmentation()
        self.scenes = tuple(source.scenes if scenes is None else scenes)
        counts = [source.info.sampling.starts(len(scene.frames), most_views) for scene in self.scenes]
        self._ends = np.cumsum(counts)
        if not counts or self._ends[-1] == 0:
            longest = max((len(scene.frames) for scene in self.scenes), default=0)
            message = (
                f"{source.files.place}: no scene of {source.info.title} is long enough for clips of up to {most_views} "
                f"views; the longest has {longest} frames. Ask for fewer views, or leave the source out."
            )
            raise InputError(message)

    def __len__(self) -> int:
        """Number of starts."""
        return int(self._ends[-1])

    def clip(self, start: int, *, views: int, image_hw: tuple[int, int], rng: np.random.Generator) -> ViewClip:
        """The clip that starts there; if its scene is too broken for one, a clip from another start.

        Args:
            start: 0..len - 1.
            views: how many.
            image_hw: their size.
            rng: decides what is drawn.

        Raises:
            InputError: several starts have given nothing; the message says what was wrong.
            RemoteError: another machine does not give the files.
        """
        broken: dict[str, str] = {}
        for _ in range(_STARTS):
            number = int(np.searchsorted(self._ends, start, side="right"))
            scene = self.scenes[number]
            offset = start - int(self._ends[number - 1] if number else 0)
            chosen = self._views(scene, offset, views, image_hw, rng, broken)
            if chosen is not None:
                return self._assembled(chosen, rng, tuple(broken.values()))
            start = int(rng.integers(len(self)))
        examples = "; ".join(list(broken.values())[:3])
        message = (
            f"{self.source.info.title} gives no clip of {views} views: {len(broken)} frames are broken ({examples}). "
            f"Run `mda data check {self.source.files.place} --source {self.source.info.name}`."
        )
        raise InputError(message)

    def _views(
        self,
        scene: Scene,
        offset: int,
        views: int,
        image_hw: tuple[int, int],
        rng: np.random.Generator,
        broken: dict[str, str],
    ) -> list[RawView] | None:
        """Prepared views of a clip; None if the scene has too few frames that can be read."""
        read: dict[str, RawView] = {}
        for _ in range(_REDRAWS):
            frames = [frame for frame in scene.frames if f"{scene.name}/{frame}" not in broken]
            if self.source.info.sampling.starts(len(frames), views) == 0:
                return None
            drawn = self.source.info.sampling.draw(
                views, start=min(offset, len(frames) - 1), frames=len(frames), rng=rng
            )
            chosen = [frames[position] for position in drawn]
            self.source.fetch(scene, [frame for frame in chosen if frame not in read])
            for frame in chosen:
                if frame in read:
                    continue
                zoom = int(rng.integers(max(1, self.augmentation.zoom)))
                try:
                    read[frame] = prepare_view(self.source.view(scene, frame), image_hw, zoom=zoom)
                except InputError as error:
                    broken[f"{scene.name}/{frame}"] = str(error)
                    break
            else:
                return [read[frame] for frame in chosen]
        return None

    def _assembled(self, views: list[RawView], rng: np.random.Generator, broken: tuple[str, ...]) -> ViewClip:
        """Views as one record, with the changes at random."""
        settings = self.augmentation
        if rng.random() < settings.shuffle:
            views = [views[0], *(views[1 + i] for i in rng.permutation(len(views) - 1))]
        images = np.stack([view.image for view in views])
        if settings.colour or settings.blur:
            images = changed_pictures(images, rng, colour=settings.colour, blur=settings.blur)
        depth, valid = np.stack([view.depth for view in views]), np.stack([view.valid for view in views])
        labelled = np.stack([view.sky_labelled for view in views])
        if self.source.info.trusted_share < 1 and valid.any():
            # What lies beyond is not trusted, and it is not known whether it is sky.
            far = valid & (depth > np.quantile(depth[valid], self.source.info.trusted_share))
            depth, valid, labelled = np.where(far, np.float32(0), depth), valid & ~far, labelled & ~far
        return ViewClip(
            images=images,
            depth=depth,
            valid=valid,
            sky=np.stack([view.sky for view in views]),
            sky_labelled=labelled,
            world_from_cam=np.stack([view.camera.world_from_cam.numpy() for view in views]),
            intrinsics=np.stack([view.camera.intrinsics.numpy() for view in views]),
            name=views[0].name,
            cameras_known=self.source.info.cameras_known,
            broken=broken,
            layers=_layers([view.layers for view in views]),
        )


def changed_pictures(
    images: UInt8[ndarray, "v h w 3"], rng: np.random.Generator, *, colour: float, blur: float
) -> UInt8[ndarray, "v h w 3"]:
    """Pictures with other colours and perhaps blurred, all views alike."""
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    if rng.random() < blur:
        tensor = degrade(tensor, int(rng.choice([2, 4, 8])))
    if colour:
        tensor = adjust_colour(tensor, rng, strength=colour)
    return (tensor * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _layers(layers: Sequence[GlassLayers | None]) -> LayerClip | None:
    known = [layer for layer in layers if layer is not None]
    if len(known) != len(layers):
        return None
    return LayerClip(
        glass=np.stack([layer.glass for layer in known]),
        last_depth=np.stack([layer.last_depth for layer in known]),
        last_valid=np.stack([layer.last_valid for layer in known]),
    )


def held_out_scenes(source: OpenedSource, share: float) -> tuple[tuple[Scene, ...], tuple[Scene, ...]]:
    """Scenes to train on, and scenes to validate on: whole places, or of unrelated pictures a share of each scene's.

    At least one place or picture is held out where there are several. Which ones depends on their names alone, so it
    stays the same when scenes are added.

    Raises:
        ConfigError: the share is not within 0..1.
    """
    if not 0 <= share < 1:
        message = f"The share of held-out scenes must be at least 0 and below 1; found {share}."
        raise ConfigError(message)
    pictures = source.info.sampling.walk is Walk.UNRELATED

    def places(scene: Scene) -> list[str]:
        """Of each frame, what it is held out with."""
        if pictures:
            return [f"{scene.name}/{frame}" for frame in scene.frames]
        parts, levels = scene.name.split("/"), source.info.place_levels
        return ["/".join(parts[levels:] if levels < 0 else parts[:levels])] * len(scene.frames)

    ordered = sorted({place for scene in source.scenes for place in places(scene)}, key=_scrambled)
    if share == 0 or len(ordered) == 1:
        return source.scenes, ()
    held_out = set(ordered[: max(1, round(share * len(ordered)))])

    def part(*, held: bool) -> tuple[Scene, ...]:
        kept = (
            replace(
                scene, frames=tuple(compress(scene.frames, ((place in held_out) is held for place in places(scene))))
            )
            for scene in source.scenes
        )
        return tuple(scene for scene in kept if scene.frames)

    return part(held=False), part(held=True)


def _scrambled(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
