"""A network looks at views: one clip, or several unrelated ones in one forward pass."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from mda.data.batches import normalise_images
from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.inference.clock import Clock
from mda.inference.windows import Look
from mda.io.clips import ClipView
from mda.models import DepthNetwork
from mda.models.da3 import normalise_cameras
from mda.models.heads import heads_in_chunks
from mda.models.presets import Preset
from mda.shapes import Float, Int, Tensor, UInt8

_LOGGER = logging.getLogger(__name__)

ASSUMED_FOV_DEGREES = 60.0
"""Field of view along the longer side where a network predicts no cameras (a phone's main lens has about that)."""


@dataclass(frozen=True, kw_only=True)
class Onlooker:
    """A network that is ready to look at views.

    Attributes:
        network: in evaluation mode, on `device`.
        preset: what is known about it.
        device: where it computes.
        chunk: views that its dense heads compute at a time; None: by the device.
    """

    network: DepthNetwork
    preset: Preset
    device: torch.device
    chunk: int | None = None

    def told(self, cameras: Cameras) -> Cameras | None:
        """Known cameras as the network was trained to get them; None where it cannot be told any."""
        if not self.preset.takes_cameras:
            return None
        return normalise_cameras(cameras, rescale=self.preset.rescales_cameras)

    def clip(
        self, views: Sequence[ClipView], clock: Clock, told: Cameras | None = None, *, known: bool = False
    ) -> Look:
        """What the network says about views of one clip, in the world of the first.

        Args:
            views: of one size.
            clock: receives the seconds.
            told: cameras to tell it, batch shape [v].
            known: the cameras are known, so that assumed ones are no news.
        """
        return self._look([views], clock, told, known=known)[0]

    def clips(self, clips: Sequence[Sequence[ClipView]], clock: Clock) -> list[Look]:
        """What the network says about each of several clips, whose views are all of one size."""
        return self._look(clips, clock, None, known=False)

    def _look(
        self, clips: Sequence[Sequence[ClipView]], clock: Clock, told: Cameras | None, *, known: bool
    ) -> list[Look]:
        """One forward pass; `told` are cameras of the only clip."""
        since = time.perf_counter()
        images, counts = self._batch(clips)
        # Not inference mode: what comes out belongs to the user, who may want to write to it or differentiate it.
        with torch.no_grad(), heads_in_chunks(self.chunk), _enough_memory(sum(map(len, clips)), images.shape[-2:]):
            # To single precision first: not every device has double.
            cameras = None if told is None else told.to(torch.float32).to(self.device)[None]
            options = {} if counts is None else {"counts": counts}
            output = self.network(images, cameras, **options)
        if output.cameras is None and not known:
            _LOGGER.warning(
                "%s predicts no cameras: a field of view of %.0f degrees is assumed, and all views stand at one point.",
                self.preset.name, ASSUMED_FOV_DEGREES,
            )  # fmt: skip
        found = None if output.cameras is None else output.cameras.relative_to_first()
        image_hw, looks = (images.shape[-2], images.shape[-1]), []
        for clip, views in enumerate(clips):
            real = (clip, slice(len(views)))
            looks.append(
                Look(
                    mixture=output.mixture[real].to("cpu").recalibrated(self.preset.recalibration),
                    sky_log_odds=None if output.sky_log_odds is None else output.sky_log_odds[real].cpu(),
                    cameras=assumed_cameras(len(views), image_hw) if found is None else found[real].to("cpu"),
                )
            )
        clock.charge("network", since)
        return looks

    def _batch(
        self, clips: Sequence[Sequence[ClipView]]
    ) -> tuple[Float[Tensor, "b v 3 h w"], Int[Tensor, " b"] | None]:
        """Images of the clips, short ones padded, and how many views each has; None where all have as many."""
        counts = torch.tensor([len(views) for views in clips])
        longest = int(counts.max())
        pixels = [images_of(views).to(self.device) for views in clips]
        padded = torch.stack([torch.cat([clip, clip[:1].expand(longest - len(clip), -1, -1, -1)]) for clip in pixels])
        images = normalise_images(padded.permute(0, 1, 4, 2, 3).float() / 255)
        return images, None if bool((counts == longest).all()) else counts.to(self.device)


def images_of(views: Sequence[ClipView]) -> UInt8[Tensor, "v h w 3"]:
    """Pixels of some views."""
    return torch.from_numpy(np.stack([view.view.pixels for view in views]))


def assumed_cameras(count: int, image_hw: tuple[int, int]) -> Cameras:
    """Cameras at the origin with a field of view of `ASSUMED_FOV_DEGREES` along the longer side and square pixels."""
    half = torch.tensor(image_hw, dtype=torch.float32) / max(image_hw)
    fov = 2 * (half * torch.tensor(ASSUMED_FOV_DEGREES / 2).deg2rad().tan()).atan()
    return Cameras.from_fov(torch.eye(4).repeat(count, 1, 1), fov.repeat(count, 1), image_hw)


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
