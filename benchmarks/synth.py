"""How many procedural views a second: python benchmarks/synth.py [--clips N] [--workers W]."""

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from mda.synthetic import CAMERA_EFFECTS, RenderOptions, render_clip

SIZES = ((252, 336), (120, 160))
VIEWS = 4
OPTIONS = RenderOptions(effects=CAMERA_EFFECTS)


def cpu_seconds(seed: int, image_hw: tuple[int, int]) -> float:
    """CPU time of one clip with effects of the camera."""
    start = time.process_time()
    render_clip(seed, views=VIEWS, image_hw=image_hw, options=OPTIONS)
    return time.process_time() - start


def main() -> None:
    """Print one line of JSON per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for image_hw in SIZES:
        # Compile, make the patterns and start the processes before the clock.
        render_clip(0, views=1, image_hw=(16, 16))
        with ProcessPoolExecutor(arguments.workers, mp_context=context) as pool:
            list(pool.map(cpu_seconds, range(4 * arguments.workers), repeat((16, 16))))
            start = time.perf_counter()
            seconds = list(pool.map(cpu_seconds, range(arguments.clips), repeat(image_hw)))
            wall = time.perf_counter() - start
        views = arguments.clips * VIEWS
        result = {
            "size": f"{image_hw[0]}x{image_hw[1]}",
            "workers": arguments.workers,
            "views_per_second": round(views / wall, 1),
            "cpu_ms_per_view": round(1e3 * sum(seconds) / views, 1),
            "cpu_ms_per_view_slowest_clip": round(1e3 * max(seconds) / VIEWS, 1),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
