"""Score networks on procedural clips, whose ground truth is exact at every pixel, edges included."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch

from mda.data.batches import normalise_images
from mda.data.degrade import degrade
from mda.data.source import SceneClip
from mda.evaluation.clip_scores import ClipPrediction, ClipTruth, blurred_depth, score_depth, score_views
from mda.evaluation.results import Row
from mda.mixtures import Decoder
from mda.models import DepthNetwork
from mda.shapes import Float, Tensor

# Images [v, 3, h, w] in 0..1 of one clip to what a model says about it.
Predictor = Callable[[Float[Tensor, "v 3 h w"]], ClipPrediction]

# The truth itself and the truth averaged over 3x3 pixels are scored beside the models: what perfect depth gets, and
# what averaging at edges costs.
TRUTH, TRUTH_BLURRED = "truth", "truth_blurred_3x3"


def network_predictor(network: DepthNetwork, decoders: Sequence[Decoder] = tuple(Decoder)) -> Predictor:
    """Predictor of a network; depths by each decoder, or by `component` alone where there is only one component."""
    network = network.eval()

    @torch.no_grad()
    def predict(images: Float[Tensor, "v 3 h w"]) -> ClipPrediction:
        output = network(normalise_images(images)[None])
        mixture = output.mixture[0]
        used = decoders if mixture.num_components > 1 else (Decoder.COMPONENT,)
        return ClipPrediction(
            depths={Decoder(decoder).value: mixture.decode(decoder) for decoder in used},
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
) -> Iterator[Row]:
    """Rows of tallies, clip by clip; nothing is kept, and a row depends on its clip alone.

    Args:
        predictors: by model name.
        clips: with images of a size the networks take.
        factors: blur factors of `mda.data.degrade.degrade` (1: none); the truth is not blurred.
        with_truth: also score the truth and the truth averaged over 3x3 pixels (at factor 1).
    """
    for clip in clips:
        truth = ClipTruth.of(clip)
        if with_truth:
            for model, depth in ((TRUTH, truth.edges.depth), (TRUTH_BLURRED, blurred_depth(truth.edges))):
                yield from _rows(model, 1, ClipPrediction(depths={"depth": depth}, sky=truth.sky), truth)
        for factor in factors:
            images = degrade(truth.images, factor)
            for model, predict in predictors.items():
                yield from _rows(model, factor, predict(images), truth)


def _rows(model: str, factor: int, prediction: ClipPrediction, truth: ClipTruth) -> Iterator[Row]:
    for decoder, depth in prediction.depths.items():
        tallies = score_depth(depth, prediction.sky, truth)
        yield Row(clip=truth.name, model=model, factor=factor, decoder=decoder, tallies=tallies)
    tallies = score_views(prediction, truth)
    if tallies:
        yield Row(clip=truth.name, model=model, factor=factor, decoder=None, tallies=tallies)
