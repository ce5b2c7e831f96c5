"""The whole training loss of a batch."""

from dataclasses import replace
from typing import final

import torch

from mda.geometry import encode_cameras
from mda.losses.camera import camera_errors
from mda.losses.choice import Choice, bounded_depth, choose
from mda.losses.config import LossConfig, PointDepth
from mda.losses.edges import edge_error
from mda.losses.gradient import gradient_error
from mda.losses.likelihood import Likelihood, likelihood
from mda.losses.points import point_errors
from mda.losses.prepare import MAX_DEPTH, Scene, prepare
from mda.losses.reduce import Masked, below_quantile
from mda.losses.regularisers import point_scale_penalty, scale_penalty
from mda.losses.report import LossCounts, LossReport, LossTerms
from mda.losses.sky import largest_weight, sky_cross_entropy
from mda.losses.transparent import layer_nll, transparency_error
from mda.mixtures import ALPHA, Family, Space
from mda.shapes import Bool, Float, Tensor
from mda.structures import LayerTargets, NetworkOutput, Targets


@final
class TrainingLoss:
    """Mixture likelihood, sky, cameras, points and regularisers (published release, with its known errors corrected).

    Ground truth may be incomplete in any way: a batch without valid depth, without sky labels, or with depth or
    predictions that are not finite gives a finite loss; what is missing adds nothing.
    """

    def __init__(self, config: LossConfig = LossConfig()) -> None:  # noqa: B008 - a frozen record
        self.config = config

    def __call__(self, output: NetworkOutput, targets: Targets, layers: LayerTargets | None = None) -> LossReport:
        """Loss of a batch, in single precision whatever the network ran in.

        Args:
            output: prediction of a network; sky and cameras may be missing.
            targets: ground truth of the same shape [b, v, h, w].
            layers: transparent surfaces, which networks with independent weights learn.
        """
        with torch.autocast(targets.depth.device.type, enabled=False):
            scene = prepare(output, targets)
            choice = choose(scene, self.config)
            glass = None if output.activity is None else layers
            depth = depth_likelihood(scene, choice, self.config, glass)
            kept = below_quantile(depth.nll)
            terms = _terms(scene, choice, depth, kept, self.config)
            if glass is not None and output.activity is not None:
                terms = replace(terms, **_layer_terms(scene, choice, output.activity, glass, self.config))
            counts = _counts(scene, kept.mask, targets)
            clip_nll = kept.tally_per_clip().mean.detach()
        return LossReport(total=terms.sum(), terms=terms, counts=counts, scale=choice.scale, clip_nll=clip_nll)


def depth_likelihood(
    scene: Scene, choice: Choice, config: LossConfig, layers: LayerTargets | None = None
) -> Likelihood:
    """Likelihood of the true depth at the prediction's scale; at glass the layers have terms of their own.

    Where weights are clamped, the (weighted) spread of the log weights is added to each pixel, as published.
    """
    mask = scene.known if layers is None else scene.known & ~(layers.glass & layers.labelled)
    depth = likelihood(scene.mixture, _aligned(scene.target, choice, config), mask, choice.weights)
    if not config.clamp_log_weights:
        return depth
    nll = depth.nll.values + config.weights.log_weight * depth.log_weight_spread
    return replace(depth, nll=Masked(values=nll, mask=depth.nll.mask))


def _aligned(depth: Tensor, choice: Choice, config: LossConfig) -> Float[Tensor, "b v h w"]:
    """True depth at the prediction's scale."""
    if not config.align_scale:
        return depth
    # Times the reciprocal as published: a division rounds the pixel that defines the median the other way.
    return depth * (choice.scale + 1e-8).reciprocal()[:, None, None, None]


def _layer_terms(
    scene: Scene, choice: Choice, activity: Tensor, layers: LayerTargets, config: LossConfig
) -> dict[str, Tensor]:
    """Terms of transparent surfaces, weighted."""
    glass, weights = layers.glass & layers.labelled & scene.finite, config.weights
    last = torch.where(layers.last_valid, layers.last_depth.to(scene.target.dtype), 1.0)
    behind = glass & layers.last_valid & (last > 0) & (last < MAX_DEPTH)
    found = {}
    if weights.layers:
        first = (_aligned(scene.target, choice, config), glass & scene.known)
        nll = layer_nll(scene.mixture, first, (_aligned(last, choice, config), behind))
        found["layers"] = weights.layers * ALPHA * nll
    if weights.transparency:
        usable = torch.where(scene.finite[..., None], activity.to(scene.target.dtype), 0.0)
        error = transparency_error(usable, layers.glass, layers.labelled & scene.finite)
        found["transparency"] = weights.transparency * ALPHA * error
    return found


def _terms(scene: Scene, choice: Choice, depth: Likelihood, kept: Masked, config: LossConfig) -> LossTerms:
    """All contributions to the total."""
    weights, zero = config.weights, scene.target.new_zeros(())
    translation, rotation, fov = _camera_terms(scene, choice, config)
    points, point_scale = _point_terms(scene, choice, config)
    regularised = config.align_scale and weights.scale != 0
    return LossTerms(
        depth=weights.depth * ALPHA * _sharpened(kept, scene, config).tally().mean,
        ambiguity=-weights.ambiguity * _clarity(scene) if weights.ambiguity else zero,
        sky=weights.sky * _sky_term(scene, config) if weights.sky else zero,
        translation=translation,
        rotation=rotation,
        fov=fov,
        points=points,
        point_scale=point_scale,
        gradient=weights.gradient * _gradient_term(scene, choice, config) if weights.gradient else zero,
        edges=weights.edges * ALPHA * edge_error(scene, choice).mean if weights.edges else zero,
        scale=weights.scale * scale_penalty(choice.ratio.within(kept.mask)) if regularised else zero,
        confidence=weights.confidence * depth.log_confidence_spread,
        layers=zero,
        transparency=zero,
    )


def _sharpened(nll: Masked, scene: Scene, config: LossConfig) -> Masked:
    """Likelihood divided by the cube of the largest weight, where so configured."""
    if not config.divide_by_top_weight:
        return nll
    cube = (3 * scene.mixture.log_weights.detach().amax(-1)).exp()
    return Masked(values=nll.values / cube, mask=nll.mask)


def _clarity(scene: Scene) -> Float[Tensor, ""]:
    """Mean largest weight of the unlabelled pixels; zero where all are labelled."""
    if not bool(scene.unlabelled.any()):
        return scene.target.new_zeros(())
    return largest_weight(scene.mixture.log_weights, scene.sky_log_odds, scene.unlabelled).mean()


def _sky_term(scene: Scene, config: LossConfig) -> Float[Tensor, ""]:
    """Cross entropy of sky per labelled pixel."""
    if scene.sky_log_odds is None:
        return scene.target.new_zeros(())
    tally = sky_cross_entropy(scene.sky_log_odds, scene.sky, scene.not_sky).tally()
    if config.compat.sky_per_valid_depth:
        return ALPHA * tally.sum / (scene.known.sum() + 1e-3)
    return ALPHA * tally.mean


def _camera_terms(scene: Scene, choice: Choice, config: LossConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Translation, rotation and field of view, weighted."""
    if scene.encoding is None:
        zero = scene.target.new_zeros(())
        return zero, zero, zero
    target = encode_cameras(scene.target_cameras)
    errors = camera_errors(scene.encoding, target, choice.scale, raw_quaternion=config.compat.raw_quaternion)
    return (
        config.weights.translation * errors.translation.tally().mean,
        config.weights.rotation * errors.rotation.tally().mean,
        config.weights.fov * errors.fov.tally().mean,
    )


def _point_terms(scene: Scene, choice: Choice, config: LossConfig) -> tuple[Tensor, Tensor]:
    """Point error without the worst two percent, and the penalty on its scale, weighted."""
    weights = config.weights
    if scene.cameras is None or not (weights.points or weights.point_scale):
        zero = scene.target.new_zeros(())
        return zero, zero
    match config.point_depth:
        case PointDepth.CHOSEN_DETACHED:
            depth = choice.depth.detach()
        case PointDepth.CHOSEN:
            depth = choice.depth
        case PointDepth.MEAN:
            depth = (
                scene.mixture.log_weights.exp() * bounded_depth(scene.mixture.locs, Space(scene.mixture.space))
            ).sum(-1)
    errors = point_errors(
        depth,
        scene.cameras,
        scene.target,
        scene.target_cameras,
        scene.known,
        integer_pixel_centers=config.compat.integer_pixel_centers,
    )
    return (
        weights.points * below_quantile(errors.distance).tally().mean,
        weights.point_scale * point_scale_penalty(errors.ratio),
    )


def _gradient_term(scene: Scene, choice: Choice, config: LossConfig) -> Float[Tensor, ""]:
    """Multi-scale gradient error; a tenth of it for the normal family, as published."""
    error = gradient_error(
        choice.depth * choice.scale[:, None, None, None],
        scene.target,
        scene.known,
        scene.target_cameras,
        erosion_along_width=config.compat.erosion_along_width,
        mask_weights=not config.compat.raw_invalid_depth,
    )
    return error * (0.1 if scene.mixture.family is Family.NORMAL else 1.0)


def _counts(scene: Scene, kept: Bool[Tensor, "b v h w"], targets: Targets) -> LossCounts:
    """Over what the terms were averaged."""
    views = torch.zeros((), dtype=torch.long, device=kept.device)
    if scene.encoding is not None:
        views = scene.encoding.isfinite().all(-1).sum()
    usable = (targets.depth > 0) & (targets.depth < MAX_DEPTH)
    return LossCounts(
        depth=scene.known.sum(),
        kept=kept.sum(),
        sky=(scene.sky | scene.not_sky).sum(),
        unlabelled=scene.unlabelled.sum(),
        views=views,
        dropped_truth=(targets.valid & ~usable).sum(),
        dropped_predictions=(~scene.finite).sum(),
    )
