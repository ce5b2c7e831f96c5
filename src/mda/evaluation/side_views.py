"""Side views of point clouds: the few points around an edge, seen from above or from beside, drawn as dots."""

from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw

from mda.shapes import Bool, Float, Tensor

PAPER, INK, RED = (255, 255, 255), (40, 40, 40), (220, 20, 30)
# Drawn larger by this factor and then reduced.
_OVERSAMPLING = 3
# Points beyond these shares of the range are cut off; room is left around the others.
_OUTLIERS, _ROOM = 0.005, 0.08


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What part of the plane a panel shows.

    Attributes:
        low, high: smallest and largest coordinates (across, along the view).
    """

    low: Float[Tensor, " 2"]
    high: Float[Tensor, " 2"]

    @classmethod
    def around(cls, points: Float[Tensor, "n 2"]) -> "Frame":
        """All points but for a few outliers."""
        low, high = points.quantile(_OUTLIERS, dim=0), points.quantile(1 - _OUTLIERS, dim=0)
        room = _ROOM * (high - low).clamp_min(1e-6)
        return cls(low=low - room, high=high + room)


def seen_from_beside(points: Float[Tensor, "h w 3"], log_depth: Float[Tensor, "h w"]) -> Float[Tensor, "h w 2"]:
    """Camera points as seen from above (x, z) if most edges of `log_depth` are upright, else from the side (y, z)."""
    upright = log_depth.diff(dim=1).abs().nansum() >= log_depth.diff(dim=0).abs().nansum()
    return points[..., [0, 2]] if upright else points[..., [1, 2]]


def draw_points(
    points: Float[Tensor, "n 2"],
    colors: Float[Tensor, "n 3"],
    marked: Bool[Tensor, " n"],
    frame: Frame,
    size: tuple[int, int],
) -> Image.Image:
    """Dots of the image's colours, marked ones last, red and larger; depth goes up. NaN is not drawn.

    Args:
        points: across and along the view.
        colors: in 0..1; drawn a little darker, to show on white.
        marked: red ones.
        frame: what is shown.
        size: width and height in pixels.
    """
    width, height = (side * _OVERSAMPLING for side in size)
    canvas = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(canvas)
    place = (points - frame.low) / (frame.high - frame.low)
    shown = place.isfinite().all(-1)
    order = torch.cat([(shown & ~marked).nonzero(), (shown & marked).nonzero()]).squeeze(-1)
    tones = (colors * 200).byte()
    for index in order.tolist():
        across, along = place[index].tolist()
        red = bool(marked[index])
        radius = (3 if red else 2) * _OVERSAMPLING / 1.5
        x, y = across * width, height - along * height
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(box, fill=RED if red else tuple(tones[index].tolist()))
    return canvas.resize(size, Image.Resampling.LANCZOS)
