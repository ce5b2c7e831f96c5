"""How long `mda export` takes on a long run, and how much memory.

    python benchmarks/export.py [--views 200] [--size 378x504] [--points 20000000] [--formats ply ...] [--json FILE]

Makes a run of smooth depth with noise, sky, confidence and cameras on a path, then runs the command in a process of
its own for each format and reads the largest memory of that process from the system.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def make_run(folder: Path, views: int, image_hw: tuple[int, int]) -> None:
    """A run whose views are as hard to read as real ones: nothing in it compresses well."""
    # Here, so that the process that measures stays small: its memory would be counted to those it starts.
    import numpy as np  # noqa: PLC0415

    from mda.io.archive import RunInfo, RunView, RunWriter  # noqa: PLC0415

    height, width = image_hw
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    with RunWriter(folder, RunInfo(model="benchmark")) as writer:
        for index in range(views):
            pose = np.eye(4, dtype=np.float32)
            pose[:3, 3] = [0.1 * index, 0, 0]
            shade = 128 + 60 * np.sin((columns + 5 * index) / 40) + 40 * np.cos(rows / 30)
            color = shade[..., None] + rng.normal(0, 6, (height, width, 3))
            view = RunView(
                name=f"{index:06d}.jpg",
                color=np.clip(color, 0, 255).astype(np.uint8),
                depth=(3 + np.sin(columns / 60 + index / 9) + rng.normal(0, 0.01, image_hw)).astype(np.float32),
                world_from_cam=pose,
                intrinsics=np.array([[400, 0, width / 2], [0, 400, height / 2], [0, 0, 1]], np.float32),
                sky=rows < height / 20,
                confidence=(20 + rng.random(image_hw)).astype(np.float32),
            )
            writer.write_view(index, view)


def measured(command: list[str]) -> tuple[float, float, float, str]:
    """Seconds, seconds of computing, and largest memory (MB) of a command, and what it printed."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        printed = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} ended with {process.returncode}."
        raise RuntimeError(message)
    cpu = usage.ru_utime + usage.ru_stime
    return time.monotonic() - start, cpu, usage.ru_maxrss / 1024, printed.strip()


def main() -> None:
    """Measure, print, and write down if told where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--views", type=int, default=200)
    parser.add_argument("--size", default="378x504", help="height x width")
    parser.add_argument("--points", type=int, default=20_000_000)
    parser.add_argument("--formats", nargs="+", default=["ply", "glb", "colmap", "laz", "splats"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    height, width = map(int, arguments.size.split("x"))
    settings = {"views": arguments.views, "size": arguments.size, "points": arguments.points}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        maker = multiprocessing.get_context("spawn").Process(
            target=make_run, args=(run, arguments.views, (height, width))
        )
        maker.start()
        maker.join()
        for name in arguments.formats:
            out = Path(folder) / "out"
            command = [sys.executable, "-m", "mda.cli.main", "export", str(run), "--format", name, "--out", str(out)]
            seconds, cpu, memory, printed = measured([*command, "--max-points", str(arguments.points)])
            size = sum(path.stat().st_size for path in out.rglob("*")) if out.is_dir() else out.stat().st_size
            rows.append(
                {
                    "format": name,
                    "seconds": round(seconds, 1),
                    "cpu_seconds": round(cpu, 1),
                    "peak_mb": round(memory),
                    "mb": round(size / 1e6),
                }
            )
            print(rows[-1], printed.split(":")[1].strip(), flush=True)
            shutil.rmtree(out) if out.is_dir() else out.unlink()
    if arguments.json:
        arguments.json.write_text(json.dumps({"settings": settings, "formats": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
