"""Settings of the training loss: weights of the terms, options, and the published behaviour."""

from dataclasses import dataclass, field
from enum import Enum


class PointDepth(Enum):
    """Which depth carries the predicted points of the point term."""

    CHOSEN_DETACHED = "chosen_detached"
    """The depth of the chosen component, without gradient: the term then trains the cameras only (published recipe)."""
    CHOSEN = "chosen"
    """The same with gradient."""
    MEAN = "mean"
    """The mean depth of the mixture, with gradient (the published alternative; it pulls components together)."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the terms in the total; a term of weight zero is not computed. Defaults are the published ones.

    Attributes:
        depth: mixture likelihood.
        ambiguity: reward for one clear component on pixels with neither depth nor sky label.
        sky: cross entropy of sky.
        translation, rotation, fov: L1 errors of the three parts of the pose encoding.
        points: L2 error of world points.
        point_scale: squared deviation of the mean point ratio from one.
        gradient: multi-scale error of depth differences (off in every published recipe).
        edges: at depth edges, the prediction's own two surfaces and nothing between (not published; see
            `mda.losses.edges`).
        scale: squared deviation of the mean depth ratio, and of its inverse, from one.
        confidence: mean squared log confidence.
        log_weight: mean squared log weight, added to each pixel's likelihood where log weights are clamped.
        layers, transparency: first and last surface at glass, and where there is glass, see
            `mda.losses.transparent`; for networks with independent weights only.
    """

    depth: float = 1.0
    ambiguity: float = 1e-3
    sky: float = 1.0
    translation: float = 1.0
    rotation: float = 1.0
    fov: float = 1.0
    points: float = 1.0
    point_scale: float = 1e-3
    gradient: float = 0.0
    edges: float = 0.0
    scale: float = 0.1
    confidence: float = 1e-6
    log_weight: float = 1e-3
    layers: float = 1.0
    transparency: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Compat:
    """Known errors of the published release, each off by default and on in `Compat.published()`.

    Attributes:
        sky_per_valid_depth: the sky term is divided by the number of pixels with depth, not by the number of pixels
            with a sky label.
        erosion_along_width: the edge weights of the gradient term are eroded along the width for both axes.
        integer_pixel_centers: predicted rays pass through integer pixel coordinates although the predicted principal
            point is the exact image centre: a bias of half a pixel against the true points.
        clamped_weights_unnormalised: log weights clamped from below are not normalised again, so that the trained
            density integrates to more than one.
        raw_quaternion: the predicted quaternion is compared as it is, neither of length one nor of the truth's sign.
        raw_invalid_depth: the gradient term reads the numbers that stand in the depth map where depth is not valid.
    """

    sky_per_valid_depth: bool = False
    erosion_along_width: bool = False
    integer_pixel_centers: bool = False
    clamped_weights_unnormalised: bool = False
    raw_quaternion: bool = False
    raw_invalid_depth: bool = False

    @classmethod
    def published(cls) -> "Compat":
        """Everything as the published release does it."""
        return cls(
            sky_per_valid_depth=True,
            erosion_along_width=True,
            integer_pixel_centers=True,
            clamped_weights_unnormalised=True,
            raw_quaternion=True,
            raw_invalid_depth=True,
        )


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Options of the training loss. Family and space are the mixture's own.

    Attributes:
        weights: of the terms.
        align_scale: bring the ground truth to the prediction's scale, one factor per clip, before the likelihood.
        clamp_log_weights: raise log weights below -4 to -4 in value (not in gradient), so that no component dies.
        divide_by_top_weight: divide each pixel's likelihood by the cube of its largest weight (published `no_conf`).
        point_depth: depth of the predicted points.
        compat: published errors to repeat.
    """

    weights: LossWeights = field(default_factory=LossWeights)
    align_scale: bool = True
    clamp_log_weights: bool = True
    divide_by_top_weight: bool = False
    point_depth: PointDepth = PointDepth.CHOSEN_DETACHED
    compat: Compat = field(default_factory=Compat)
