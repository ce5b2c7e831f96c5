"""Layers of depth seen through transparent things, by the rules of LayeredDepth (Wen et al. 2025).

Real pictures are annotated with tuples of two, three or four points, each a pixel and a layer (1 is what is met first),
in the order of their depth. A tuple is right if the predicted depths strictly increase along it; one that is said not
to exist is right if none of its surfaces was predicted. Synthetic pictures have depths, and are scored like any depth.
"""

from collections.abc import Sequence

import torch

from mda.metrics.tally import Tally
from mda.shapes import Float, Tensor

# A point of a tuple: column, row, and layer from 1 on.
Point = tuple[int, int, int]
# Tuples within one of these layers are counted apart; those across them are "mixed". The layers between are where rays
# leave things; tuples with a point on those are left out.
LAYERS = (1, 3, 5, 7)
MIXED, ALL = "mixed", "all"


def ordering_tallies(
    layers: Float[Tensor, "n h w"],
    tuples: Sequence[Sequence[Point]],
    *,
    real: Sequence[bool] | None = None,
    annotated_hw: tuple[int, int] | None = None,
) -> dict[str, Tally]:
    """Rightly ordered tuples by layer ("1", "3", "5", "7", "mixed") and over all of them ("all").

    Args:
        layers: predicted depth of each layer, nearest first. A layer beyond the last one, or without a finite depth at
            a pixel, makes a tuple wrong: the surface was not found.
        tuples: points in the order of their true depth.
        real: which tuples are of surfaces that exist; all by default.
        annotated_hw: size of the image that the points were set in; the pixel that holds a point's centre is read. By
            default that of the layers.

    Points outside of the image, or of another layer than those, leave their tuple out, as in the published evaluation.
    """
    right: dict[str, list[bool]] = {name: [] for name in (*map(str, LAYERS), MIXED, ALL)}
    height, width = annotated_hw or layers.shape[-2:]
    for points, exists in zip(tuples, [True] * len(tuples) if real is None else real, strict=True):
        kinds = {layer for _, _, layer in points}
        if not kinds <= {*LAYERS} or not all(0 <= x < width and 0 <= y < height for x, y, _ in points):
            continue
        depths = torch.stack([_depth_at(layers, point, (height, width)) for point in points])
        # A comparison with NaN is false, so what was not found is not in order.
        verdict = bool((depths[1:] > depths[:-1]).all()) if exists else bool(depths.isnan().all())
        right[str(kinds.pop()) if len(kinds) == 1 else MIXED].append(verdict)
        right[ALL].append(verdict)
    return {name: Tally(sum=float(sum(verdicts)), count=len(verdicts)) for name, verdicts in right.items()}


def _depth_at(layers: Float[Tensor, "n h w"], point: Point, annotated_hw: tuple[int, int]) -> Float[Tensor, ""]:
    """Depth of a layer at the pixel that holds a point's centre; NaN where there is no such layer."""
    x, y, layer = point
    if not 1 <= layer <= len(layers):
        return layers.new_tensor(torch.nan)
    row, column = (
        int((place + 0.5) * size / of) for place, size, of in zip((y, x), layers.shape[-2:], annotated_hw, strict=True)
    )
    depth = layers[layer - 1, row, column]
    return depth if depth.isfinite() else layers.new_tensor(torch.nan)
