"""The largest network, from a checkpoint of full size on disk to a prediction: time and memory.

    python benchmarks/giant.py [--model mda_mog_sky_l2] [--threads 2] [--keep FILE]

Random weights are written to a file of the published names and shapes (for `.ckpt` models a trainer's checkpoint with
the published prefixes), loaded as `mda.load` loads any file, and used on one view of 252 x 336. Needs twice the size of
the weights on disk or in memory: about 5.4 GB for 1.36 billion parameters.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import mda
from mda.models.adapters import shapes_of, to_published
from mda.models.presets import Preset, find_preset

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


def measure(preset: Preset, path: Path) -> dict[str, object]:
    """Load and predict, in a process that did not make the weights."""
    start = time.perf_counter()
    model = mda.load(preset.name, checkpoint=path, device="cpu")
    loaded = time.perf_counter()
    after_loading = peak_gib()
    image = np.random.default_rng(0).integers(0, 256, (*_IMAGE_HW, 3), dtype=np.uint8)
    prediction = model.predict(image, size=max(_IMAGE_HW))
    return {
        "model": preset.name,
        "parameters": preset.parameters,
        "file_gib": round(path.stat().st_size / 2**30, 2),
        "load_seconds": round(loaded - start, 1),
        "predict_seconds": round(time.perf_counter() - loaded, 1),
        "peak_gib_after_loading": round(after_loading, 2),
        "peak_gib": round(peak_gib(), 2),
        "depth_shape": list(prediction.depth.shape),
        "finite": bool(prediction.depth.isfinite().all()),
    }


def main() -> None:
    """Write the checkpoint in a process of its own, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mda_mog_sky_l2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="write the checkpoint here and leave it; an existing one is used")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    preset = find_preset(options.model)
    with tempfile.TemporaryDirectory() as folder:
        name = "weights.safetensors" if preset.source is None else preset.source.file
        path = options.keep or Path(folder) / name
        if not path.exists():
            # The memory of the maker must not count.
            maker = torch.multiprocessing.get_context("spawn").Process(target=write_checkpoint, args=(preset, path))
            maker.start()
            maker.join()
        print(json.dumps(measure(preset, path)))


if __name__ == "__main__":
    main()
