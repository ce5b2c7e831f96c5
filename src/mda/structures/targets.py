"""Ground truth and images of a batch."""

from dataclasses import dataclass, replace
from typing import Any

from mda.geometry import Cameras
from mda.shapes import Bool, Float, Tensor


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Ground truth of a batch of clips.

    Attributes:
        depth: [b, v, h, w] z-depth; means something only where `valid`.
        valid: [b, v, h, w] pixels with known depth.
        sky: [b, v, h, w] pixels known to be sky.
        sky_labelled: [b, v, h, w] pixels whose sky label is known.
        cameras: batch shape [b, v]; the world frame is that of the first view.
    """

    depth: Float[Tensor, "b v h w"]
    valid: Bool[Tensor, "b v h w"]
    sky: Bool[Tensor, "b v h w"]
    sky_labelled: Bool[Tensor, "b v h w"]
    cameras: Cameras

    def to(self, *args: Any, **kwargs: Any) -> "Targets":  # noqa: ANN401 - the arguments of torch.Tensor.to
        """Move to a device; takes the arguments of `torch.Tensor.to` (a dtype would turn masks into numbers)."""
        moved = {name: getattr(self, name).to(*args, **kwargs) for name in ("depth", "valid", "sky", "sky_labelled")}
        return replace(self, cameras=self.cameras.to(*args, **kwargs), **moved)


@dataclass(frozen=True, kw_only=True)
class Views:
    """Images of one clip, as a network is asked to look at them.

    Attributes:
        images: [v, 3, h, w] RGB in 0..1, not normalised.
        names: source name of each view.
        cameras: known cameras, batch shape [v], or None.
    """

    images: Float[Tensor, "v 3 h w"]
    names: tuple[str, ...]
    cameras: Cameras | None = None
