"""Draw the point cloud of an edge region as seen from above or from the side, flying points in red.

One panel each for the image, the true depth and every model (its first decoder), all at one scale. A point is red when
it flies against the prediction's own surfaces (docs/metrics.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional

from mda.data.source import SceneClip
from mda.errors import ConfigError
from mda.evaluation.clip_scores import ClipTruth
from mda.evaluation.procedural import Predictor
from mda.evaluation.side_views import INK, PAPER, Frame, draw_points, seen_from_beside
from mda.geometry import points_from_depth
from mda.metrics import align_scale, own_surface_scores
from mda.shapes import Bool, Float, Tensor

# The region: rows and columns of pixels, and how far ahead it is looked for.
REGION = (40, 56)
CLIPS_LOOKED_AT = 12
# Least ln gap of the edges that count when the region is chosen, and the largest share of edge pixels in it.
CLEAR_GAP, CROWDED = 0.4, 0.25
# A share that rounding cannot tell from one.
ALL = 0.999
# A panel in pixels.
PANEL, MARGIN, TITLE = 300, 12, 26


@dataclass(frozen=True, kw_only=True)
class Region:
    """A window of one view of a clip."""

    truth: ClipTruth
    depths: Mapping[str, Float[Tensor, "v h w"]]
    view: int
    top: int
    left: int
    score: float

    def crop(self, values: Tensor) -> Tensor:
        """The window of a map [v, h, w, ...]."""
        return values[self.view, self.top : self.top + REGION[0], self.left : self.left + REGION[1]]


def best_region(predictors: Mapping[str, Predictor], clips: Iterable[SceneClip]) -> Region:
    """The window with the most clear edges which every model sees as two surfaces, and that is not crowded.

    Whether points fly there plays no part in the choice.

    Raises:
        ConfigError: there is no such window.
    """
    best: Region | None = None
    for clip in islice(clips, CLIPS_LOOKED_AT):
        truth = ClipTruth.of(clip)
        edges = truth.edges
        depths = {"true depth": edges.depth, **_first_depths(predictors, truth)}
        clear = edges.edge & ((edges.back / edges.front).log() > CLEAR_GAP)
        for depth in depths.values():
            clear &= _on_map(own_surface_scores(depth, truth.around_edges).flying.mask, truth)
        found, everything, known = (
            functional.avg_pool2d(mask.float()[:, None], REGION, stride=1)[:, 0]
            for mask in (clear, edges.edge, edges.valid)
        )
        share = torch.where((everything < CROWDED) & (known > ALL), found, 0.0)
        view, top, left = (int(i) for i in torch.unravel_index(share.argmax(), share.shape))
        score = float(share[view, top, left])
        if score > (best.score if best else 0.0):
            best = Region(truth=truth, depths=depths, view=view, top=top, left=left, score=score)
    if best is None:
        message = f"The first {CLIPS_LOOKED_AT} clips show no edge that every model resolves; take another seed."
        raise ConfigError(message)
    return best


def draw(predictors: Mapping[str, Predictor], clips: Iterable[SceneClip], path: Path) -> None:
    """Draw the figure of the best region of the clips and save it."""
    region = best_region(predictors, clips)
    truth = region.truth
    colors = region.crop(truth.images.permute(0, 2, 3, 1))
    picture = Image.fromarray((colors * 255).byte().numpy())
    panels = [_titled("image", picture.resize((PANEL, PANEL * REGION[0] // REGION[1]), Image.Resampling.NEAREST))]
    points, flying = {}, {}
    for name, depth in region.depths.items():
        aligned = depth * align_scale(depth, truth.edges.depth, truth.edges.interior)
        points[name] = _seen_from_beside(region.crop(points_from_depth(aligned, truth.cameras)), region)
        scores = own_surface_scores(depth, truth.around_edges).flying
        flying[name] = region.crop(_on_map(scores.values & scores.mask, truth))
    frame = Frame.around(torch.stack(list(points.values())).flatten(0, -2))
    for name, marked in flying.items():
        title = f"{name}: {int(marked.sum())} flying points"
        dots = points[name].flatten(0, 1), colors.flatten(0, 1), marked.flatten()
        panels.append(_titled(title, draw_points(*dots, frame, (PANEL, PANEL))))
    width = sum(panel.width + MARGIN for panel in panels) + MARGIN
    sheet = Image.new("RGB", (width, PANEL + TITLE + 2 * MARGIN), PAPER)
    left = MARGIN
    for panel in panels:
        sheet.paste(panel, (left, MARGIN))
        left += panel.width + MARGIN
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)


def _first_depths(predictors: Mapping[str, Predictor], truth: ClipTruth) -> dict[str, Float[Tensor, "v h w"]]:
    """Depth of each model by its first decoder."""
    depths = {}
    for name, predict in predictors.items():
        decoder, depth = next(iter(predict(truth.images).depths.items()))
        depths[f"{name}, {decoder}"] = depth
    return depths


def _on_map(values: Bool[Tensor, " n"], truth: ClipTruth) -> Bool[Tensor, "v h w"]:
    """Verdicts on edge pixels as a map."""
    marked = torch.zeros(truth.edges.depth.numel(), dtype=torch.bool)
    marked[truth.around_edges.windows.pixels] = values
    return marked.reshape(truth.edges.depth.shape)


def _seen_from_beside(points: Float[Tensor, "h w 3"], region: Region) -> Float[Tensor, "h w 2"]:
    """Coordinates across and along the view."""
    pose = region.truth.cameras.cam_from_world[region.view]
    return seen_from_beside(points @ pose[:3, :3].T + pose[:3, 3], region.crop(region.truth.edges.depth).log())


def _titled(title: str, picture: Image.Image) -> Image.Image:
    sheet = Image.new("RGB", (picture.width, PANEL + TITLE), PAPER)
    sheet.paste(picture, (0, TITLE))
    ImageDraw.Draw(sheet).text((0, 4), title, fill=INK, font=ImageFont.load_default(14))
    ImageDraw.Draw(sheet).rectangle((0, TITLE, picture.width - 1, TITLE + picture.height - 1), outline=INK)
    return sheet
