"""Networks at full size, from a checkpoint on disk to runs: does it work, how long does it take, how much memory?

    python benchmarks/presets.py [NAME ...] [--threads 2] [--json benchmarks/results/presets.json]

For each network (all of them by default) random weights are written to a file of the published names and shapes (for
`.ckpt` models a trainer's checkpoint with the published prefixes). A fresh process loads it as `mda.load` loads any
file and looks at one view of 252 x 336; then `mda predict` makes runs of an image, a folder of three and a video. Needs
the size of the weights on disk, about 5.4 GB for 1.36 billion parameters, and about as much memory.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

import mda
from mda.cli.main import main as mda_command
from mda.io.archive import load_run
from mda.models.adapters import shapes_of, to_published
from mda.models.presets import PRESETS, Preset, find_preset

_IMAGE_HW = (252, 336)
_STD = 0.02


def peak_gib() -> float:
    """Largest memory that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def write_checkpoint(preset: Preset, path: Path) -> None:
    """Random weights under the published names."""
    generator = torch.Generator().manual_seed(0)
    shapes = shapes_of(preset.build("meta"))
    ours = {name: torch.randn(shape, generator=generator) * _STD for name, shape in shapes.items()}
    state = to_published(ours, preset.scheme)
    if path.suffix == ".ckpt":
        torch.save({"state_dict": {f"net.net.{name}": tensor for name, tensor in state.items()}, "epoch": 1}, path)
    else:
        save_file({name: tensor.clone() for name, tensor in state.items()}, path)


def measure(preset: Preset, path: Path, folder: Path, threads: int) -> dict[str, Any]:
    """Load, look at one view, and make runs."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    model = mda.load(preset.name, checkpoint=path, device="cpu")
    loaded = time.perf_counter()
    after_loading = peak_gib()
    image = np.random.default_rng(0).integers(0, 256, (*_IMAGE_HW, 3), dtype=np.uint8)
    prediction = model.predict(image, size=max(_IMAGE_HW))
    seen = time.perf_counter()
    one_view_peak = peak_gib()
    del model
    return {
        "model": preset.name,
        "parameters": preset.parameters,
        "file_gib": round(path.stat().st_size / 2**30, 2),
        "load_seconds": round(loaded - start, 1),
        "predict_seconds": round(seen - loaded, 1),
        "peak_gib_after_loading": round(after_loading, 2),
        "peak_gib": round(one_view_peak, 2),
        "finite": bool(prediction.depth.isfinite().all()),
        "views_of_runs": {kind: views_of_run(preset, path, kind, folder) for kind in ("image", "folder", "video")},
    }


def views_of_run(preset: Preset, path: Path, kind: str, folder: Path) -> int:
    """Number of views that `mda predict` makes of an input of a kind; 0 where it failed."""
    source, out = make_input(kind, folder), folder / f"{preset.name}-{kind}"
    options = ["--model", preset.name, "--checkpoint", str(path), "--size", str(max(_IMAGE_HW)), "--out", str(out)]
    if mda_command(["predict", str(source), *options, "--fps", "2"]) != 0:
        return 0
    run = load_run(out)
    return sum(bool(np.isfinite(run.depth(number)).all()) for number in range(len(run)))


def make_input(kind: str, folder: Path) -> Path:
    """An image, a folder of three images, or a video of a second and a half."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (*_IMAGE_HW, 3), dtype=np.uint8) for _ in range(3)]
    if kind == "video":
        path = folder / "video.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=2)
            stream.height, stream.width = _IMAGE_HW
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return path
    path = folder / kind
    path.mkdir(exist_ok=True)
    for number, frame in enumerate(frames if kind == "folder" else frames[:1]):
        Image.fromarray(frame).save(path / f"{number}.png")
    return path if kind == "folder" else path / "0.png"


def alone(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - whatever it returns
    """What a function returns, in a process of its own, so that its memory counts for itself."""
    with torch.multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    """Write each checkpoint in a process of its own, measure in another, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(PRESETS), metavar="NAME")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    for preset in map(find_preset, options.names):
        with tempfile.TemporaryDirectory() as folder:
            name = "weights.safetensors" if preset.source is None else preset.source.file
            path = Path(folder) / name
            alone(write_checkpoint, preset, path)
            results.append(alone(measure, preset, path, Path(folder), options.threads))
            print(json.dumps(results[-1]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
