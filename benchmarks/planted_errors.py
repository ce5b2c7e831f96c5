"""How each metric reacts to errors that were planted in the true depth: the table in docs/evaluation.md.

    python benchmarks/planted_errors.py --write docs/evaluation.md

A box with a thin pole before a slanted wall, seen by two cameras. Each error is planted in the true depth, which is
then scored as a prediction would be. Takes a minute.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mda.errors import InputError
from mda.evaluation.benchmark import CLEAN, Frame, FrameTruth, Scene
from mda.evaluation.boundary import score_scene as score_boundary
from mda.evaluation.edge_masks import MaskKind
from mda.evaluation.flying_points import score_scene as score_flying_points
from mda.evaluation.scores import SceneScores, summarise
from mda.evaluation.tables import replace_between_markers
from mda.evaluation.video_depth import score_scene as score_video_depth

HEIGHT, WIDTH, FOCAL = 120, 160, 150.0
NEAR, BASELINE = 1.5, 0.05
# Metric, header, factor and digits of each column, by benchmark.
VIDEO_DEPTH = (("abs_rel", "AbsRel %", 100, 2), ("delta1", "δ<1.25 %", 100, 1))
BOUNDARY = (("acc", "Acc cm", 100, 2), ("comp", "Comp cm", 100, 2))
FLYING_POINTS = (
    ("edge_coverage", "edge coverage %", 100, 0),
    ("flying_true_surfaces_t05_r0_scale_aligned", "flying, true %", 100, 1),
    ("wrong_side_true_surfaces_t05_r0_scale_aligned", "wrong side, true %", 100, 1),
    ("flying_own_surfaces", "flying, own %", 100, 1),
    ("wrong_side_own_surfaces", "wrong side, own %", 100, 1),
    ("right_of_all_own_surfaces", "right of all, own %", 100, 1),
    ("soft_edge_error_scale_aligned", "soft edge error", 1, 4),
    ("boundary_f1_depth_pro", "F1 Depth Pro", 1, 3),
    ("boundary_f1_moge_r1", "F1 MoGe r1", 1, 3),
    ("depth_boundary_accuracy_px", "DBE acc px", 1, 2),
    ("depth_boundary_completeness_px", "DBE comp px", 1, 2),
    ("edge_f1_r1", "edge F1@1", 1, 3),
    ("thin_recalled", "thin recalled %", 100, 1),
)


@dataclass(frozen=True)
class Depths:
    """A prediction made of arrays, [v, h, w]."""

    depths: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the frames."""
        return tuple(f"{number}.png" for number in range(len(self)))

    def __len__(self) -> int:
        return len(self.depths)

    def depth(self, position: int) -> np.ndarray:
        """Depth of a frame."""
        return self.depths[position].astype(np.float32)

    def confidence(self, position: int) -> None:
        """None."""

    def sky(self, position: int) -> None:
        """None."""

    def mixture(self, position: int) -> None:
        """None."""


def true_depth() -> np.ndarray:
    """[2, h, w] metres: a wall from 3 to 3.3 m, before it a box and a pole at 1.5 m."""
    wall = np.broadcast_to(3 + 0.3 * np.linspace(0, 1, HEIGHT)[:, None], (HEIGHT, WIDTH))
    views = []
    for view in range(2):
        depth, moved = wall.copy(), round(view * BASELINE * FOCAL / NEAR)
        depth[35:85, 50 - moved : 100 - moved] = NEAR
        depth[20:, 120 - moved : 122 - moved] = NEAR
        views.append(depth)
    return np.stack(views).astype(np.float32)


def front_edges(depth: np.ndarray) -> np.ndarray:
    """[v, h, w] pixels on either side of a jump of more than 10 %."""
    edge = np.zeros(depth.shape, dtype=bool)
    for axis in (-1, -2):
        jump = np.abs(np.diff(np.log(depth), axis=axis)) > np.log(1.1)
        pad = [(0, 0)] * depth.ndim
        for side in ((1, 0), (0, 1)):
            pad[axis] = side
            edge |= np.pad(jump, pad)
    return edge


def filtered(depth: np.ndarray, function: Callable[..., np.ndarray]) -> np.ndarray:
    """A function of the 3x3 neighbourhood of each pixel."""
    padded = np.pad(depth, [(0, 0), (1, 1), (1, 1)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return function(windows, axis=(-1, -2)).astype(np.float32)


def shifted(depth: np.ndarray, pixels: int) -> np.ndarray:
    """All edges that many pixels to the right."""
    return np.concatenate([depth[..., :pixels], depth[..., :-pixels]], axis=-1)


def at_edges(depth: np.ndarray, values: np.ndarray | float) -> np.ndarray:
    """Other values at edge pixels."""
    return np.where(front_edges(depth), values, depth).astype(np.float32)


def swapped(depth: np.ndarray) -> np.ndarray:
    """Edge pixels with the depth of the other side."""
    near, far = filtered(depth, np.min), filtered(depth, np.max)
    return at_edges(depth, np.where(depth - near < far - depth, far, near))


ERRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda depth: depth,
    "everything twice as far": lambda depth: 2 * depth,
    "edges moved by 1 px": partial(shifted, pixels=1),
    "edges moved by 3 px": partial(shifted, pixels=3),
    "blur of 3x3": lambda depth: filtered(depth, np.mean),
    "mean of both surfaces at edges": lambda depth: at_edges(
        depth, (filtered(depth, np.min) + filtered(depth, np.max)) / 2
    ),
    "sides swapped at edges": swapped,
    "edge pixels deleted": lambda depth: at_edges(depth, np.nan),
    "noise of 2 % away from edges": lambda depth: np.where(
        front_edges(depth), depth, depth * np.random.default_rng(0).normal(1, 0.02, depth.shape)
    ).astype(np.float32),
}


def scene(dataset: str) -> Scene:
    """The scene with its truth, as if it were of that data set."""
    frames = []
    for view, depth in enumerate(true_depth()):
        pose = np.eye(4)
        pose[0, 3] = BASELINE * view
        truth = FrameTruth(
            depth=depth,
            mask=np.ones(depth.shape, dtype=bool),
            intrinsics=np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1.0]]),
            world_from_cam=pose,
        )
        frames.append(Frame(name=f"{view}.png", read_image=_no_image, read_truth=lambda truth=truth: truth))
    return Scene(dataset=dataset, name="planted", frames=tuple(frames))


def measured(prediction: np.ndarray) -> dict[str, float]:
    """Every metric; NaN where a benchmark refuses the prediction."""
    depths = Depths(prediction)
    flying = partial(score_flying_points, published=False, confidences=())
    parts: list[tuple[str, tuple, Callable[[], list[SceneScores]]]] = [
        ("", VIDEO_DEPTH, partial(
            score_video_depth, scene("sintel"), CLEAN, depths, protocol="corrected", alignments=["scale"]
        )),
        ("edges ", BOUNDARY, partial(
            score_boundary, scene("nrgbd"), CLEAN, depths, published=False, masks=[MaskKind.POOLED]
        )),
        ("all ", BOUNDARY, partial(
            score_boundary, scene("nrgbd"), CLEAN, depths, published=False, masks=[MaskKind.ALL]
        )),
        ("", FLYING_POINTS, partial(flying, scene("sintel"), CLEAN, depths)),
    ]  # fmt: skip
    found = {}
    for prefix, columns, score in parts:
        try:
            metrics = summarise(score())[0].metrics
        except InputError:
            metrics = {}
        found |= {prefix + name: metrics[name].value if name in metrics else math.nan for name, *_ in columns}
    return found


def columns() -> list[tuple[str, str, int, int]]:
    """Metric, header, factor and digits of all rows of the table."""
    boundary = [
        (f"{kind} {name}", f"{header}, {kind}", *rest) for kind in ("edges", "all") for name, header, *rest in BOUNDARY
    ]
    return [*VIDEO_DEPTH, *boundary, *FLYING_POINTS]


def table() -> str:
    """One row per metric, one column per error."""
    found = {name: measured(plant(true_depth())) for name, plant in ERRORS.items()}
    lines = [["metric", *ERRORS], ["---"] * (len(ERRORS) + 1)]
    for name, header, factor, digits in columns():
        values = [found[error][name] * factor for error in ERRORS]
        lines.append([header, *("-" if math.isnan(value) else f"{value:.{digits}f}" for value in values)])
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def main() -> None:
    """Print the table, or put it between its markers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="file to put the table into, between its markers")
    options = parser.parse_args()
    text = table()
    print(text)
    if options.write is not None:
        replace_between_markers(options.write, "planted", text)


def _no_image() -> np.ndarray:
    message = "Nobody looks at this scene."
    raise InputError(message)


if __name__ == "__main__":
    main()
