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
class LayerTargets:
    """Ground truth of transparent surfaces; `Targets.depth` is then that of the nearest layer.

    Attributes:
        glass: [b, v, h, w] pixels with a transparent surface and something behind it; means something where `labelled`.
        labelled: [b, v, h, w] pixels of which it is known whether they show glass.
        last_depth: [b, v, h, w] z-depth of the farthest layer; means something only where `last_valid`.
        last_valid: [b, v, h, w] pixels whose last depth is known.
    """

    glass: Bool[Tensor, "b v h w"]
    labelled: Bool[Tensor, "b v h w"]
    last_depth: Float[Tensor, "b v h w"]
    last_valid: Bool[Tensor, "b v h w"]

    def to(self, *args: Any, **kwargs: Any) -> "LayerTargets":  # noqa: ANN401 - the arguments of torch.Tensor.to
        """Move to a device; takes the arguments of `torch.Tensor.to` (a dtype would turn masks into numbers)."""
        names = ("glass", "labelled", "last_depth", "last_valid")
        return replace(self, **{name: getattr(self, name).to(*args, **kwargs) for name in names})


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
