"""Score networks on procedural clips, whose ground truth is exact at every pixel, edges included."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from mda.data.batches import normalise_images
from mda.data.degrade import degrade
from mda.data.source import SceneClip
from mda.errors import ConfigError
from mda.evaluation.clip_scores import ClipPrediction, ClipTruth, blurred_depth, score_depth, score_views
from mda.evaluation.results import Row
from mda.metrics import abs_rel, align_scale, most_confident, smoothness
from mda.metrics.flying_points import usable
from mda.mixtures import Decoder
from mda.models import DepthNetwork
from mda.shapes import Bool, Float, Tensor

# Images [v, 3, h, w] in 0..1 of one clip to what a model says about it.
Predictor = Callable[[Float[Tensor, "v 3 h w"]], ClipPrediction]


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A way to leave out pixels that people use against flying points.

    Attributes:
        name: as it is printed.
        coverage: the share of pixels of highest confidence that is kept; None: all.
        jump: pixels at jumps of depth by more than this share are left out; None: none are.
    """

    name: str
    coverage: float | None = None
    jump: float | None = None

    def kept(
        self, depth: Float[Tensor, "v h w"], confidence: Float[Tensor, "v h w"] | None, among: Bool[Tensor, "v h w"]
    ) -> Bool[Tensor, "v h w"] | None:
        """Pixels of `among` that are kept; None where the confidence that it takes is not there."""
        kept = among
        if self.coverage is not None:
            if confidence is None:
                return None
            kept = kept & most_confident(confidence, among, self.coverage)
        if self.jump is not None:
            kept = kept & (smoothness(depth) >= -math.log1p(self.jump))
        return kept


REMEDIES = (
    *(Remedy(name=f"{share:.0%} most confident", coverage=share) for share in (0.97, 0.95, 0.9)),
    *(Remedy(name=f"no jumps over {share:.0%}", jump=share) for share in (0.2, 0.1, 0.05)),
)

# The truth itself and the truth averaged over 3x3 pixels are scored beside the models: what perfect depth gets, and
# what averaging at edges costs.
TRUTH, TRUTH_BLURRED = "truth", "truth_blurred_3x3"


def network_predictor(network: DepthNetwork, decoders: Sequence[Decoder] | None = None) -> Predictor:
    """Predictor of a network; depths by these decoders, or all, or `component` alone where there is one component."""
    network = network.eval()

    @torch.no_grad()
    def predict(images: Float[Tensor, "v 3 h w"]) -> ClipPrediction:
        output = network(normalise_images(images)[None])
        mixture = output.mixture[0]
        used = (decoders or mixture.decoders) if mixture.num_components > 1 else (Decoder.COMPONENT,)
        decoded = {Decoder(decoder).value: mixture.decode_with_component(decoder) for decoder in used}
        return ClipPrediction(
            depths={name: depth for name, (depth, _) in decoded.items()},
            confidences={
                name: mixture.confidence.gather(-1, component[..., None])[..., 0]
                for name, (_, component) in decoded.items()
            },
            sky=None if output.sky is None else output.sky[0],
            cameras=None if output.cameras is None else output.cameras[0],
        )

    return predict


def evaluate(
    predictors: Mapping[str, Predictor],
    clips: Iterable[SceneClip],
    *,
    factors: Sequence[int] = (1,),
    with_truth: bool = True,
    remedies: Sequence[Remedy] = (),
) -> Iterator[Row]:
    """Rows of tallies, clip by clip; nothing is kept, and a row depends on its clip alone.

    Args:
        predictors: by model name.
        clips: with images of a size the networks take.
        factors: blur factors of `mda.data.degrade.degrade` (1: none); the truth is not blurred.
        with_truth: also score the truth and the truth averaged over 3x3 pixels (at factor 1).
        remedies: filters to score, too, with the first decoder of each model on images that are not blurred.
    """
    for clip in clips:
        truth = ClipTruth.of(clip)
        if with_truth:
            for model, depth in ((TRUTH, truth.edges.depth), (TRUTH_BLURRED, blurred_depth(truth.edges))):
                yield from _rows(model, 1, ClipPrediction(depths={"depth": depth}, sky=truth.sky), truth)
        for factor in factors:
            images = degrade(truth.images, factor)
            for model, predict in predictors.items():
                prediction = predict(images)
                yield from _rows(model, factor, prediction, truth)
                if factor == 1:
                    yield from _remedied(model, prediction, truth, remedies)


def evaluate_glass(predictors: Mapping[str, Predictor], clips: Iterable[SceneClip]) -> Iterator[Row]:
    """Rows of the errors at panes of glass: of the pane itself (first) and of what is seen through it (last).

    One depth can be right about one of them only; `front` and `back` are asked for both. Scales are fitted where there
    is no glass.

    Args:
        predictors: by model name.
        clips: with layers, see `RenderOptions.glass`.

    Raises:
        ConfigError: a clip has no layers.
    """
    for clip in clips:
        if clip.layers is None:
            message = f"Clip {clip.name} has no layers; render it with panes of glass."
            raise ConfigError(message)
        images = torch.from_numpy(clip.images).permute(0, 3, 1, 2).float() / 255
        depth, valid = torch.from_numpy(clip.depth), torch.from_numpy(clip.valid)
        glass, last = torch.from_numpy(clip.layers.glass) & valid, torch.from_numpy(clip.layers.last_depth)
        through = glass & torch.from_numpy(clip.layers.last_valid)
        for model, predict in predictors.items():
            for decoder, predicted in predict(images).depths.items():
                aligned = predicted * align_scale(predicted, depth, valid & ~glass)
                tallies = {
                    "glass_first_abs_rel_scale_aligned": abs_rel(aligned, depth, glass).tally,
                    "glass_last_abs_rel_scale_aligned": abs_rel(aligned, last, through).tally,
                }
                yield Row(clip=clip.name, model=model, factor=1, decoder=decoder, tallies=tallies)


def _remedied(model: str, prediction: ClipPrediction, truth: ClipTruth, remedies: Sequence[Remedy]) -> Iterator[Row]:
    """Rows of the first decoder after each filter; sky pixels are not ranked, since they make no point anyway."""
    decoder, depth = next(iter(prediction.depths.items()))
    confidence = prediction.confidences.get(decoder)
    among = usable(depth) if prediction.sky is None else usable(depth) & ~prediction.sky
    for remedy in remedies:
        kept = remedy.kept(depth, confidence, among)
        if kept is not None:
            tallies = score_depth(depth, prediction.sky, truth, kept | ~among)
            yield Row(clip=truth.name, model=model, factor=1, decoder=decoder, tallies=tallies, remedy=remedy.name)


def _rows(model: str, factor: int, prediction: ClipPrediction, truth: ClipTruth) -> Iterator[Row]:
    for decoder, depth in prediction.depths.items():
        tallies = score_depth(depth, prediction.sky, truth)
        yield Row(clip=truth.name, model=model, factor=factor, decoder=decoder, tallies=tallies)
    tallies = score_views(prediction, truth)
    if tallies:
        yield Row(clip=truth.name, model=model, factor=factor, decoder=None, tallies=tallies)
