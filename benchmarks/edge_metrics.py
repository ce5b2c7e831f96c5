"""Time and memory of scoring all edge metrics, as `mda evaluate flying-points` does for each frame.

    python benchmarks/edge_metrics.py --frames 100 --workers 2

Frames of 640 x 480 with about as many edges as indoor scenes have: rectangles, poles and slanted walls at random depths
before each other, noise on the prediction, averages at half of its edges. Scenes have ten frames, which are read twice,
as always (once for what is fitted).
"""

import argparse
import json
import multiprocessing
import resource
import sys
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time

import numpy as np
import torch

from mda.evaluation.benchmark import Frame, FrameTruth, Scene
from mda.evaluation.flying_points import score_scene
from mda.shapes import Float32, ndarray

FRAMES_PER_SCENE = 10


def made_depth(seed: int, hw: tuple[int, int]) -> Float32[ndarray, "h w"]:
    """Things at random depths before a slanted wall, far ones first."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[: hw[0], : hw[1]].astype(np.float32) / max(hw)
    depth = 8 + 3 * columns + rows
    for distance in sorted(generator.uniform(1.5, 8, 40), reverse=True):
        top, left = generator.uniform(-0.1, 1, 2)
        tall, wide = (
            generator.uniform(0.02, 0.35, 2) if generator.random() < 0.7 else (0.6, generator.uniform(0.003, 0.01))
        )
        inside = (rows > top) & (rows < top + tall) & (columns > left) & (columns < left + wide)
        depth[inside] = distance * (1 + 0.1 * (columns[inside] - left))
    return depth.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Predictions that are made when asked for."""

    first: int
    hw: tuple[int, int]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the frames."""
        return tuple(map(str, range(FRAMES_PER_SCENE)))

    def __len__(self) -> int:
        return FRAMES_PER_SCENE

    def depth(self, position: int) -> Float32[ndarray, "h w"]:
        """True depth with errors."""
        depth = made_depth(self.first + position, self.hw)
        generator = np.random.default_rng(position)
        smooth = (depth + np.roll(depth, 1, 0) + np.roll(depth, 1, 1) + np.roll(depth, (1, 1), (0, 1))) / 4
        return np.where(
            generator.random(self.hw) < 0.5, smooth, depth * np.exp(generator.normal(0, 0.01, self.hw))
        ).astype(np.float32)

    def confidence(self, position: int) -> None:
        """None."""

    def sky(self, position: int) -> None:
        """None."""

    def mixture(self, position: int) -> None:
        """None."""


def score(first: int, hw: tuple[int, int]) -> dict[str, float]:
    """Score one scene; returns its means."""
    matrix = np.array([[0.8 * hw[1], 0, hw[1] / 2], [0, 0.8 * hw[1], hw[0] / 2], [0, 0, 1]])

    def truth(seed: int) -> FrameTruth:
        return FrameTruth(depth=made_depth(seed, hw), mask=np.ones(hw, bool), intrinsics=matrix)

    frames = tuple(
        Frame(name=str(i), read_image=partial(np.zeros, (*hw, 3), np.uint8), read_truth=partial(truth, first + i))
        for i in range(FRAMES_PER_SCENE)
    )
    scene = Scene(dataset="made", name=str(first), frames=frames)
    since = process_time()
    found = score_scene(scene, "clean", Made(first=first, hw=hw), published=False, confidences=())[0]
    means = {name: tally.mean for name, tally in found.tallies.items()}
    cost = {"cpu_seconds": process_time() - since}
    return means | cost | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    """Time it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", default="480x640", help="height x width")
    options = parser.parse_args()
    height, width = (int(part) for part in options.size.split("x"))
    scenes = range(0, options.frames, FRAMES_PER_SCENE)
    torch.set_num_threads(1)
    with multiprocessing.get_context("spawn").Pool(options.workers, torch.set_num_threads, (1,)) as pool:
        pool.map(partial(score, hw=(48, 64)), range(options.workers))  # imports are not what is measured
        start = perf_counter()
        found = pool.map(partial(score, hw=(height, width)), scenes, chunksize=1)
    seconds = perf_counter() - start
    report = {
        "frames": options.frames,
        "size": [height, width],
        "workers": options.workers,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(scene["cpu_seconds"] for scene in found), 1),
        "peak_mib_of_a_worker": {
            "after its first scene": round(min(scene["peak_mib"] for scene in found)),
            "at the end": round(max(scene["peak_mib"] for scene in found)),
        },
        "flying_own_surfaces": found[0]["flying_own_surfaces"],
        "metrics": len(found[0]) - 2,
    }
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
