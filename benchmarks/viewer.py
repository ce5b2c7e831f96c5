"""How long the viewer takes to show a run of 200 views of 504x378: `python benchmarks/viewer.py`."""

import tempfile
import time
from pathlib import Path

import numpy as np

from mda.io.archive import RunInfo, RunView, RunWriter
from mda.viewer.app import ViewerOptions
from mda.viewer.serving import start

VIEWS, HEIGHT, WIDTH = 200, 378, 504


def write_run(folder: Path) -> None:
    """A run of a slanted plane with noise for colours."""
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    depth = (2 + np.add.outer(np.linspace(0, 1, HEIGHT), np.linspace(0, 2, WIDTH))).astype(np.float32)
    intrinsics = np.array([[400, 0, WIDTH / 2], [0, 400, HEIGHT / 2], [0, 0, 1]], np.float32)
    with RunWriter(folder, RunInfo(model="plane", licence="-", decoder="-")) as writer:
        for number in range(VIEWS):
            pose = np.eye(4, dtype=np.float32)
            pose[0, 3] = 0.02 * number
            name, confidence = f"{number}.png", np.full((HEIGHT, WIDTH), 2, np.float32)
            view = RunView(
                name=name, color=color, depth=depth, world_from_cam=pose, intrinsics=intrinsics, confidence=confidence
            )
            writer.write_view(number, view)


def main() -> None:
    """Write the run, open it, print times."""
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder) / "run")
        begin = time.perf_counter()
        viewer = start([Path(folder) / "run"], ViewerOptions())
        while viewer.clouds is None or not len(viewer.clouds):
            time.sleep(0.005)
        print(f"first points after {time.perf_counter() - begin:.2f} s: {len(viewer.clouds):,}")
        viewer.worker.wait(600.0)
        print(f"all points and cameras after {time.perf_counter() - begin:.2f} s: {len(viewer.clouds):,}")
        begin = time.perf_counter()
        viewer.points.edges.value = True
        viewer.worker.wait(600.0)
        print(f"a filter on all points: {time.perf_counter() - begin:.2f} s")
        viewer.stop()


if __name__ == "__main__":
    main()
