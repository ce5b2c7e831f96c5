"""Time and peak memory of one forward pass: the backbone of da3-small with a mixture head, 4 views of 252 x 336.

    python benchmarks/forward.py [--threads 2] [--repeats 5] [--views 4] [--profile]

fp32 on the CPU, random weights. The published code takes 1.57 s on two threads for this.
"""

import argparse
import json
import resource
import statistics
import time
from dataclasses import replace

import torch

from mda.models.backbones import ReferenceView
from mda.models.da3 import AnyViewNetwork, MixtureConfig
from mda.models.presets import DA3_SMALL

_IMAGE_HW = (252, 336)


def small_mixture_network() -> AnyViewNetwork:
    """The measured network."""
    config = replace(DA3_SMALL, mixture=MixtureConfig(), reference_view=ReferenceView.FIRST)
    return config.build().eval()


def peak_mb() -> float:
    """Largest memory that the process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(network: AnyViewNetwork, images: torch.Tensor, repeats: int) -> dict[str, float]:
    """Median wall and processor time of a call in seconds, and how much memory the calls needed at most, in MB."""
    wall, processor = [], []
    before = peak_mb()
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start, start_processor = time.perf_counter(), time.process_time()
            network(images)
            wall.append(time.perf_counter() - start)
            processor.append(time.process_time() - start_processor)
    # The first call prepares the kernels.
    return {
        "seconds": round(statistics.median(wall[1:]), 4),
        "best_seconds": round(min(wall[1:]), 4),
        "processor_seconds": round(statistics.median(processor[1:]), 4),
        "peak_mb_above_start": round(peak_mb() - before, 1),
    }


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--profile", action="store_true", help="also print where the time goes")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    network = small_mixture_network()
    images = torch.randn(1, arguments.views, 3, *_IMAGE_HW)
    setting = {"views": arguments.views, "image_hw": _IMAGE_HW, "threads": arguments.threads}
    print(json.dumps({**setting, **measure(network, images, arguments.repeats)}))
    if arguments.profile:
        with torch.inference_mode(), torch.profiler.profile() as profile:
            network(images)
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=40))


if __name__ == "__main__":
    main()
