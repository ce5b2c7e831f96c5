"""How long scoring takes: frames of 640x480 with every edge metric.

    OMP_NUM_THREADS=1 python benchmarks/evaluation_speed.py --frames 100 --workers 2

Renders a few procedural frames, gives them noise and blur as a prediction, and scores them again and again as scenes of
one frame: `flying-points` (all of it) and `boundary` (edge cloud, corrected). Prints wall and processor seconds and the
growth of memory from the first tenth on.
"""

import argparse
import resource
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mda.data.source import SceneClip
from mda.evaluation.benchmark import Benchmark, Frame, FrameTruth, Scene
from mda.evaluation.boundary import boundary
from mda.evaluation.flying_points import flying_points
from mda.evaluation.scoring import score_scenes
from mda.synthetic import render_clip

RENDERED = 4


def scene_of(clip: SceneClip, number: int, dataset: str) -> Scene:
    """A scene of one frame."""
    truth = FrameTruth(
        depth=clip.depth[0],
        mask=clip.valid[0],
        intrinsics=clip.intrinsics[0].astype(np.float64),
        world_from_cam=clip.world_from_cam[0].astype(np.float64),
        extras={"sky": clip.sky[0]},
    )
    frame = Frame(name="0.png", read_image=partial(np.asarray, clip.images[0]), read_truth=lambda: truth)
    return Scene(dataset=dataset, name=f"{number:04d}", frames=(frame,))


def predicted(clip: SceneClip) -> np.ndarray:
    """Depth with noise, averaged at edges: [1, h, w]."""
    depth = np.where(clip.valid, clip.depth, 2 * clip.depth[clip.valid].max())
    padded = np.pad(depth, [(0, 0), (1, 1), (1, 1)], mode="edge")
    mean = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).mean((-1, -2))
    return (mean * np.random.default_rng(0).normal(1, 0.01, mean.shape)).astype(np.float32)


def timed(benchmark: Benchmark, clips: list[SceneClip], frames: int, workers: int) -> str:
    """Score and tell how long it took."""
    dataset, peak = benchmark.datasets[0].name, {}
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "predictions" / dataset).mkdir(parents=True)
        scenes = []
        for number in range(frames):
            clip = clips[number % len(clips)]
            np.savez(root / "predictions" / dataset / f"{number:04d}.npz", depth=predicted(clip))
            scenes.append(scene_of(clip, number, dataset))

        def note() -> None:
            peak[len(peak)] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

        wall, processor = time.perf_counter(), time.process_time()
        score_scenes(benchmark, scenes, root / "predictions", root, model="speed", workers=workers, on_scene=note)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    growth = peak[frames - 1] - peak[frames // 10]
    return (
        f"{benchmark.name}: {frames} frames in {wall:.1f} s ({processor:.1f} s of processor time), "
        f"peak memory {peak[frames - 1]:.0f} MB, {growth:.0f} MB of it after the first tenth"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2, help="scenes scored at the same time")
    options = parser.parse_args()
    clips = [render_clip(2_000_000 + number, views=1, image_hw=(480, 640)) for number in range(RENDERED)]
    for benchmark in (
        flying_points(protocol="corrected", confidences=()),
        boundary(protocol="corrected", masks=["pooled"]),
    ):
        print(timed(benchmark, clips, options.frames, options.workers), flush=True)


if __name__ == "__main__":
    main()
