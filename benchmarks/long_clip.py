"""A clip of hundreds of views in windows: memory, drift of scale, and error of the trajectory against ground truth.

    python benchmarks/long_clip.py [--views 600] [--seeds 3] [--size 128x160] [--json benchmarks/results/long_clip.json]

Procedural clips with a smooth camera path go through mda_mini as `mda predict` sends them, and for comparison in
windows of the same size that are put one after the other without joints, each in its own world. So do they through
oracles (`mda.evaluation.oracle`), networks that know the truth in a world and scale of their own for each window: one
without errors shows what the joints do by themselves, one with errors how these add up. Errors are those of
`mda.evaluation.drift`: of the trajectory (0 perfect, 1 no better than one point), scale drift, and jumps of scale.

Memory is the largest resident size, after 100 views and at the end, of a process that does nothing but predict with
mda_mini.
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from itertools import count
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import mda
from mda.data.source import SceneClip
from mda.evaluation.drift import drift
from mda.evaluation.oracle import OracleNetwork, oracle_predictor
from mda.inference import Predictor
from mda.inference.runs import RunSettings, predict_to_run
from mda.io.archive import load_run
from mda.io.clips import list_inputs
from mda.synthetic import render_clip

_FIRST_SEED = 2_000_000
_EARLY = 100
# Of oracles: none, and about those of a good network.
_ERRORS = ({}, {"depth_noise": 0.03, "rotation_noise": 0.3, "translation_noise": 0.003})


def peak_mb() -> float:
    """Largest memory that this process has had so far (Linux).

    Not `ru_maxrss`, which a process inherits from the one that started it, and that has rendered the clip.
    """
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def described(centers: np.ndarray, depths: list[np.ndarray], clip: SceneClip) -> dict[str, float]:
    """The errors of one result."""
    found = drift(centers, depths, clip.world_from_cam[:, :3, 3], clip.depth, clip.valid)
    return {name: round(value, 5) for name, value in asdict(found).items()}


def by_oracle(clip: SceneClip, max_views: int, errors: dict[str, float]) -> dict[str, object]:
    """The clip as an oracle with such errors sees it, joined and without joints."""
    predictor = oracle_predictor(OracleNetwork(clip, patch=16, **errors))
    whole = predictor.predict(list(clip.images), max_views=max_views, keep_mixture=False)
    return {
        "errors": errors,
        "joined": described(whole.cameras.centers.numpy(), list(whole.depth.numpy()), clip)
        | {"joints": medians(whole.details["joints"])},
        "without_joints": concatenated(predictor, clip, max_views),
    }


def medians(joints: list[dict[str, float]]) -> dict[str, float]:
    """Of what the drift report tells."""
    names = ("residual_points", "residual_scale", "residual_rotation_degrees", "residual_translation")
    return {name: round(float(np.median([joint[name] for joint in joints])), 4) for name in names}


def predict(folder: Path, settings: RunSettings, threads: int) -> dict[str, float]:
    """Make a run of a folder as `mda predict` does it, and measure speed and memory; wants a fresh process."""
    torch.set_num_threads(threads)
    predictor = mda.load("mda_mini", device="cpu")
    peaks: list[float] = []
    seen = 0

    def note(count: int) -> None:
        nonlocal seen
        seen += count
        if seen >= _EARLY:
            peaks.append(peak_mb())

    begun = time.perf_counter()
    predict_to_run(predictor, list_inputs([folder]).clips[0], folder / "run", settings, on_progress=note)
    return {
        "views_per_second": round(seen / (time.perf_counter() - begun), 2),
        f"peak_mb_after_{_EARLY}": round(peaks[0], 1),
        "peak_mb_at_the_end": round(peaks[-1], 1),
        "peak_mb_with_the_cloud": round(peak_mb(), 1),
    }


def joined(folder: Path, settings: RunSettings, threads: int, clip: SceneClip) -> dict[str, object]:
    """One clip as `mda predict` does it."""
    with torch.multiprocessing.get_context("spawn").Pool(1) as pool:
        measured = pool.apply(predict, (folder, settings, threads))
    run = load_run(folder / "run")
    centers = run.cameras().centers.numpy()
    result = described(centers, [run.depth(position) for position in range(len(run))], clip)
    return {**result, **measured, "joints": medians(run.info.details["joints"])}


def concatenated(predictor: Predictor, clip: SceneClip, max_views: int) -> dict[str, float]:
    """The same clip in windows that know nothing of each other."""
    centers, depths = [], []
    for start in range(0, len(clip.images), max_views):
        images = list(clip.images[start : start + max_views])
        prediction = predictor.predict(images, size=max(clip.images.shape[1:3]), max_views=max_views)
        centers.append(prediction.cameras.centers.numpy())
        depths += list(prediction.depth.numpy())
    return described(np.concatenate(centers), depths, clip)


def is_smooth(clip: SceneClip) -> bool:
    """Whether the cameras follow a path, which not all procedural clips do."""
    centers = clip.world_from_cam[:, :3, 3]
    step = np.linalg.norm(np.diff(centers, axis=0), axis=-1).mean()
    extent = np.ptp(centers, axis=0).max()
    return extent > 0 and bool(step < extent * 10 / len(centers))


def main() -> None:
    """Measure every seed and print, and write, JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3, help="number of clips")
    parser.add_argument("--seed", type=int, default=_FIRST_SEED, help="where to begin to look for clips with a path")
    parser.add_argument("--size", default="128x160", help="height x width")
    parser.add_argument("--max-views", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    height, width = map(int, options.size.split("x"))
    predictor = mda.load("mda_mini", device="cpu")
    settings = RunSettings(size=max(height, width), max_views=options.max_views)
    results = []
    for seed in count(options.seed):
        if len(results) == options.seeds:
            break
        # The path is the same at any size of the same shape.
        if not is_smooth(render_clip(seed, views=options.views, image_hw=(height // 8, width // 8))):
            continue
        clip = render_clip(seed, views=options.views, image_hw=(height, width))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "clip"
            folder.mkdir()
            for number, pixels in enumerate(clip.images):
                Image.fromarray(pixels).save(folder / f"{number:06d}.png")
            result = {"clip": clip.name, "joined": joined(folder, settings, options.threads, clip)}
        result["without_joints"] = concatenated(predictor, clip, options.max_views)
        result["oracles"] = [by_oracle(clip, options.max_views, errors) for errors in _ERRORS]
        print(json.dumps(result))
        results.append(result)
    if options.json is not None:
        setting = {
            "views": options.views,
            "size": options.size,
            "max_views": options.max_views,
            "torch": torch.__version__,
        }
        options.json.write_text(json.dumps({"settings": setting, "clips": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
