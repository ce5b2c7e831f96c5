"""Boundary quality: clouds of edge pixels on NRGBD, 7Scenes and HiRoom (paper, Table 1 and the blur study).

The same pixels, chosen on the true depth, give a predicted and a true cloud; ICP brings the first to the second, and
distances to nearest neighbours are counted both ways. A flying point is far from every true point, so it shows in the
accuracy; a cloud that lacks points shows in the completeness.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from torch.nn import functional

from mda.data.batches import IMAGENET_MEAN, IMAGENET_STD
from mda.evaluation.benchmark import CLEAN, Benchmark, Column, Scene, unchanged
from mda.evaluation.clouds import CloudScores, compare, moved_by, register
from mda.evaluation.edge_masks import MaskKind, boundary_mask
from mda.evaluation.layouts import rooms
from mda.evaluation.placing import PlacedScene, place
from mda.evaluation.predictions import ScenePrediction
from mda.evaluation.scores import SceneScores, SceneValue
from mda.metrics import Tally
from mda.shapes import Float, Tensor, ndarray

MASKS = (MaskKind.ALL, MaskKind.POOLED, MaskKind.PER_VIEW, MaskKind.BLUR)
FACTORS = (1, 2, 4, 8)
# Published: the launcher of the blur study leaves this scene out, without a reason.
_LEFT_OUT_OF_BLUR = frozenset({("hiroom", "828785_cam_sampled_12")})
COLUMNS = (
    Column(metric="acc", header="Acc ↓"),
    Column(metric="comp", header="Comp ↓"),
    Column(metric="chamfer", header="Chamfer ↓"),
    Column(metric="nc", header="NC ↑"),
    Column(metric="acc_med", header="Acc median ↓"),
    Column(metric="comp_med", header="Comp median ↓"),
)


def blurred(images: Float[Tensor, "v 3 h w"], factor: int) -> Float[Tensor, "v 3 h w"]:
    """Area down-sampling by `factor`, bicubic up-sampling back, not clamped (published).

    It acts on normalised images, as in the release. That differs in rounding only, which the published alignment of
    depth enlarges to 1e-5.
    """
    if factor <= 1:
        return images
    height, width = images.shape[-2:]
    mean, std = images.new_tensor(IMAGENET_MEAN)[:, None, None], images.new_tensor(IMAGENET_STD)[:, None, None]
    small = functional.interpolate((images - mean) / std, size=[height // factor, width // factor], mode="area")
    return functional.interpolate(small, size=[height, width], mode="bicubic", align_corners=False) * std + mean


def score_scene(
    scene: Scene, variant: str, prediction: ScenePrediction, *, published: bool, masks: Sequence[MaskKind]
) -> list[SceneScores]:
    """Scores of one scene, one setting per mask; of blurred images the mask `blur` alone."""
    factor = 1 if variant == CLEAN else int(variant.removeprefix("blur"))
    kinds = [kind for kind in masks if variant == CLEAN or kind is MaskKind.BLUR]
    if published and (scene.dataset, scene.name) in _LEFT_OUT_OF_BLUR:
        kinds = [kind for kind in kinds if kind is not MaskKind.BLUR]
    if not kinds:
        return []
    placed = place(scene, prediction, published=published)
    scores = []
    for kind in kinds:
        clouds = _clouds(placed, kind, scene.dataset, published=published)
        pairs = clouds if kind is MaskKind.PER_VIEW else [_joined(clouds)]
        if published and kind is not MaskKind.PER_VIEW:
            # In single precision from here on, as in the launchers of whole scenes.
            pairs = [
                (p.astype(np.float32).astype(np.float64), t.astype(np.float32).astype(np.float64)) for p, t in pairs
            ]
        compared = [compared_clouds(pred, truth) for pred, truth in pairs if len(pred)]
        # Published: a view without edge pixels counts as one without errors.
        counted = len(pairs) if published and kind is MaskKind.PER_VIEW and compared else len(compared)
        points = float(sum(len(pred) for pred, _ in pairs))
        scores.append(
            SceneScores(
                dataset=scene.dataset,
                scene=scene.name,
                setting={"mask": kind.value, "blur": str(factor)},
                tallies=_tallies(compared),
                values={name: SceneValue(value=value) for name, value in _values(compared, counted).items()},
                details={**placed.details, "points": points, "clouds": float(len(compared))},
                frames=len(scene.frames),
            )
        )
    return scores


def compared_clouds(pred: Float[ndarray, "n 3"], truth: Float[ndarray, "m 3"]) -> CloudScores:
    """Scores of two clouds after ICP."""
    return compare(moved_by(register(pred, truth), pred), truth)


def boundary(
    *, protocol: str = "published", masks: Sequence[MaskKind | str] = MASKS, factors: Sequence[int] = FACTORS
) -> Benchmark:
    """The benchmark.

    Args:
        protocol: `published` or `corrected`.
        masks: clouds to compare, on clean images.
        factors: of the blur study (mask `blur`); 1 is without blur.
    """
    published, kinds = protocol == "published", tuple(MaskKind(mask) for mask in masks)
    variants = {CLEAN: unchanged}
    if MaskKind.BLUR in kinds:
        variants |= {f"blur{factor}": partial(blurred, factor=factor) for factor in factors if factor > 1}
    return Benchmark(
        name="boundary",
        protocol=protocol,
        datasets=rooms.datasets(published=published),
        score=partial(score_scene, published=published, masks=kinds),
        columns=COLUMNS,
        variants=variants,
        settings={"masks": [kind.value for kind in kinds]},
        mean_of_datasets=True,
    )


def _clouds(placed: PlacedScene, kind: MaskKind, dataset: str, *, published: bool) -> list[tuple[ndarray, ndarray]]:
    """Predicted and true points of each view that the mask leaves."""
    chosen = kind if published or kind is MaskKind.ALL else MaskKind.CORRECTED
    # Published: the launcher of the blur study erodes on HiRoom only.
    erode = kind is not MaskKind.BLUR or dataset == "hiroom"
    return [view.chosen(boundary_mask(view.depth, view.valid, chosen, erode=erode)) for view in placed.views]


def _joined(clouds: list[tuple[ndarray, ndarray]]) -> tuple[ndarray, ndarray]:
    pred, truth = zip(*clouds, strict=True)
    return np.concatenate(pred), np.concatenate(truth)


def _values(compared: list[CloudScores], counted: int) -> Mapping[str, float]:
    """Numbers of a scene: means over its clouds; NaN where there are none."""
    rows = [_row(scores) for scores in compared]
    names = _row_names()
    return {name: sum(row[name] for row in rows) / counted if rows else float("nan") for name in names}


def _row(scores: CloudScores) -> dict[str, float]:
    """Numbers of one pair of clouds."""
    row = {}
    for suffix, middle in (("", np.mean), ("_med", np.median)):
        acc, comp = float(middle(scores.accuracy)), float(middle(scores.completeness))
        nc1, nc2 = float(middle(scores.normals_of_pred)), float(middle(scores.normals_of_truth))
        numbers = {"acc": acc, "comp": comp, "chamfer": (acc + comp) / 2, "nc1": nc1, "nc2": nc2, "nc": (nc1 + nc2) / 2}
        row |= {f"{name}{suffix}": value for name, value in numbers.items()}
    return row


def _row_names() -> list[str]:
    return [f"{name}{suffix}" for suffix in ("", "_med") for name in ("acc", "comp", "chamfer", "nc1", "nc2", "nc")]


def _tallies(compared: list[CloudScores]) -> dict[str, Tally]:
    """Sums over points, which large scenes dominate."""
    parts = {"acc_of_points": "accuracy", "comp_of_points": "completeness"}
    return {
        name: Tally.pooled(
            Tally(sum=float(getattr(scores, part).sum()), count=len(getattr(scores, part))) for scores in compared
        )
        for name, part in parts.items()
    }
