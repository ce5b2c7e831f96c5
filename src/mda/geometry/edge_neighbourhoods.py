"""What surrounds the edge pixels of a ground truth: the interior of the two surfaces that meet there."""

from dataclasses import dataclass

from mda.geometry.edge_truth import EdgeTruth
from mda.geometry.windows import MIN_PIXELS, Windows
from mda.shapes import Bool, Tensor

# Half the side (less the centre) of the window in which surfaces are looked up.
WINDOW_RADIUS = 5
# A window pixel belongs to the surface whose true depth is within this share of the true gap (ln depth).
MEMBERSHIP = 0.25


@dataclass(frozen=True, kw_only=True)
class EdgeNeighbourhoods:
    """Edge pixels of a ground truth with the interior pixels of the two true surfaces around each.

    It depends on the truth alone, so it is built once and serves every prediction.

    Attributes:
        edge_pixels: number of the edge pixels that were looked at.
        windows: around the n edge pixels that have enough interior pixels of both surfaces around them.
        front, back: [n, m] window pixels in the interior of the true front and back surface.
        on_front: [n] edge pixels whose centre shows the front surface.
    """

    edge_pixels: int
    windows: Windows
    front: Bool[Tensor, "n m"]
    back: Bool[Tensor, "n m"]
    on_front: Bool[Tensor, " n"]

    @classmethod
    def of(cls, truth: EdgeTruth, *, radius: int = WINDOW_RADIUS, every: int = 1) -> "EdgeNeighbourhoods":
        """Look up the surroundings of every edge pixel, or of every so many.

        A window pixel is on the front (back) surface if it is interior (see `EdgeTruth.interior`) and its true depth
        lies within a quarter of the gap, in ln depth, of the edge pixel's front (back) depth.
        """
        windows = Windows.around(truth.edge, radius)[::every]
        interior = windows.of(truth.interior) & windows.inside
        log_front, log_back = windows.at(truth.front).log()[:, None], windows.at(truth.back).log()[:, None]
        place = (windows.of(truth.depth).log() - log_front) / (log_back - log_front)
        front, back = interior & (place.abs() < MEMBERSHIP), interior & ((place - 1).abs() < MEMBERSHIP)
        enough = (front.sum(-1) >= MIN_PIXELS) & (back.sum(-1) >= MIN_PIXELS)
        kept = windows[enough]
        return cls(
            edge_pixels=len(enough),
            windows=kept,
            front=front[enough],
            back=back[enough],
            on_front=kept.at(truth.on_front),
        )
