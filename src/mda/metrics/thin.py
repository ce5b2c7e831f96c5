"""Thin structures (poles, wires, leaves, slats) of a few pixels, found in the truth and looked for in a prediction.

A pixel belongs to a structure of width up to n if a square of n + 1 pixels does not fit into what is at least as near:
the grey closing of ln depth with that square lifts the pixel by more than the edge ratio.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mda.geometry import EDGE_RATIO
from mda.metrics.flying_points import usable
from mda.metrics.tally import Scores
from mda.optional import require
from mda.shapes import Bool, Float, Int, Tensor, ndarray

# Greatest width in pixels of each bin.
WIDTHS = (2, 4, 8)
# Structures of fewer pixels than this are not counted as structures.
LEAST_PIXELS = 4
# A structure is recalled when this share of its pixels is found, complete at the second.
RECALLED, COMPLETE = 0.5, 0.8


@dataclass(frozen=True, kw_only=True)
class ThinTruth:
    """Thin structures of true depth maps.

    Attributes:
        depth: true depth.
        behind: depth of what surrounds a structure, where `width_bin` >= 0.
        width_bin: index into `WIDTHS`, -1 where nothing is thin.
        label: number of the structure (connected pixels, diagonals included) from 0 on, -1 elsewhere.
        structures: number of structures.
    """

    depth: Float[Tensor, "*b h w"]
    behind: Float[Tensor, "*b h w"]
    width_bin: Int[Tensor, "*b h w"]
    label: Int[Tensor, "*b h w"]
    structures: int

    @classmethod
    def of(cls, depth: Float[Tensor, "*b h w"], valid: Bool[Tensor, "*b h w"]) -> "ThinTruth":
        """Find thin structures; invalid pixels (sky among them) count as infinitely far and are never thin.

        Raises:
            MissingExtraError: scipy is not installed.
        """
        ndimage = require("scipy.ndimage", "eval")
        height, width = depth.shape[-2:]
        maps = torch.where(valid, depth, torch.inf).reshape(-1, height, width).double().cpu().numpy()
        behind, bins = np.zeros_like(maps), np.full(maps.shape, -1)
        label, structures = np.full(maps.shape, -1), 0
        for index, image in enumerate(maps):
            # From wide to narrow, so that the narrowest bin that fits stays.
            for bin_, size in reversed(list(enumerate(WIDTHS))):
                closed = _closed(ndimage, image, size + 1)
                # Before the sky there is nothing at a known depth to be confused with.
                thin = np.isfinite(image) & np.isfinite(closed) & (closed > (1 + EDGE_RATIO) * image)
                bins[index][thin], behind[index][thin] = bin_, closed[thin]
            found, count = _structures(ndimage, bins[index] >= 0)
            label[index] = np.where(found > 0, found - 1 + structures, -1)
            structures += count
        shaped = [torch.from_numpy(part).reshape(depth.shape) for part in (behind, bins, label)]
        return cls(
            depth=depth,
            behind=shaped[0].to(depth),
            width_bin=shaped[1].to(depth.device),
            label=shaped[2].to(depth.device),
            structures=structures,
        )


@dataclass(frozen=True, kw_only=True)
class ThinScores:
    """What is left of thin structures in a scale-aligned prediction.

    Attributes:
        found: the point is nearer in ln depth to the structure than to what is behind it, over all thin pixels; a pixel
            without a point is not found.
        abs_rel: |depth - true depth| / true depth by width, over thin pixels with a point.
        recalled: half of the pixels are found, over structures.
        complete: 80 % of the pixels are found, over structures.
    """

    found: Scores
    abs_rel: Mapping[int, Scores]
    recalled: Scores
    complete: Scores


def thin_scores(depth: Float[Tensor, "*b h w"], truth: ThinTruth) -> ThinScores:
    """Judge the pixels of thin structures."""
    thin = truth.width_bin >= 0
    made = usable(depth)
    found = made & (depth.square() < truth.depth * truth.behind)
    error = (depth - truth.depth).abs() / truth.depth
    in_structure = truth.label >= 0
    label = truth.label[in_structure]
    pixels = torch.bincount(label, minlength=truth.structures)
    hits = torch.bincount(label, weights=found[in_structure].double(), minlength=truth.structures)
    # A share of whole pixels: the small number keeps 4 of 5 at 0.8.
    share = hits / pixels.clamp_min(1) + math.ulp(1.0)
    every = torch.ones(truth.structures, dtype=torch.bool, device=depth.device)
    return ThinScores(
        found=Scores(values=found, mask=thin),
        abs_rel={
            width: Scores(values=error, mask=(truth.width_bin == bin_) & made) for bin_, width in enumerate(WIDTHS)
        },
        recalled=Scores(values=share >= RECALLED, mask=every),
        complete=Scores(values=share >= COMPLETE, mask=every),
    )


def _closed(ndimage: Any, image: Float[ndarray, "h w"], size: int) -> Float[ndarray, "h w"]:  # noqa: ANN401 - a module
    """Grey closing with a square, the image continued beyond its borders (scipy would continue the dilated one)."""
    padded = np.pad(image, size, mode="edge")
    return ndimage.grey_closing(padded, size=(size, size))[size:-size, size:-size]


def _structures(ndimage: Any, thin: Bool[ndarray, "h w"]) -> tuple[Int[ndarray, "h w"], int]:  # noqa: ANN401
    """Connected thin pixels, numbered from 1 on without gaps, small ones left out."""
    found, _ = ndimage.label(thin, structure=np.ones((3, 3)))
    sizes = np.bincount(found.ravel())
    kept = np.flatnonzero(sizes >= LEAST_PIXELS)
    kept = kept[kept > 0]
    numbers = np.zeros(len(sizes), dtype=np.int64)
    numbers[kept] = np.arange(1, len(kept) + 1)
    return numbers[found], len(kept)
