"""Time and memory of the training loss, forward and backward.

    python benchmarks/losses.py [--views 2] [--size 378 504] [--components 4] [--threads 2] [--repeats 5] [--profile]

The published release took 0.56 s and 0.45 GB above its start for two views of 504x378 on two threads; the target of
this package is at most 0.25 s and no more memory. CPU time is printed beside wall time, because it depends less on
what else the machine is doing. `--plain` measures the same likelihood with every step recorded by autograd.
"""

import argparse
import json
import resource
import statistics
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from unittest.mock import patch

import torch

from mda.geometry import Cameras, cameras_from_encoding
from mda.losses import LossConfig, LossReport, LossWeights, TrainingLoss
from mda.losses.likelihood import Likelihood, TrainedWeights
from mda.losses.reduce import Masked
from mda.mixtures import DepthMixture, Family, Space
from mda.structures import NetworkOutput, Targets

_MEGABYTE = 1024  # ru_maxrss counts kilobytes on Linux


@dataclass(frozen=True, kw_only=True)
class Case:
    """Leaves that a network's head would give, and the truth."""

    depth: torch.Tensor
    confidence: torch.Tensor
    logits: torch.Tensor
    encoding: torch.Tensor
    targets: Targets

    def output(self, family: Family, space: Space) -> NetworkOutput:
        """The record a network makes of them; part of what is timed, as its graph is part of the backward pass."""
        finite = self.logits[..., :-1]
        mixture = DepthMixture.from_confidence(
            depths=self.depth,
            confidence=self.confidence,
            log_weights=finite.log_softmax(-1),
            family=family,
            space=space,
        )
        return NetworkOutput(
            mixture=mixture,
            sky_log_odds=self.logits[..., -1] - finite.logsumexp(-1),
            pose_encoding=self.encoding,
            cameras=cameras_from_encoding(self.encoding, self.targets.cameras.image_hw),
        )


def build(views: int, image_hw: tuple[int, int], components: int) -> Case:
    """A clip with a smooth surface, a fifth of sky, and predictions scattered around the truth."""
    torch.manual_seed(0)
    height, width = image_hw
    shape = (1, views, height, width)
    columns = torch.linspace(0, 6, width).sin()
    truth = (1.5 + 0.5 * columns + torch.linspace(1, 0, height)[:, None]).expand(shape).contiguous()
    sky = torch.zeros(shape, dtype=torch.bool)
    sky[:, :, : height // 5] = True
    cameras = Cameras.from_fov(torch.eye(4).expand(1, views, 4, 4), torch.full((1, views, 2), 0.9), image_hw)
    targets = Targets(depth=truth, valid=~sky, sky=sky, sky_labelled=torch.ones_like(sky), cameras=cameras)
    encoding = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.9, 0.9]) + 0.01 * torch.randn(1, views, 9)
    scatter = torch.randn(*shape, components)
    return Case(
        depth=(truth[..., None] * (0.3 * scatter).exp()).requires_grad_(),
        confidence=(1 + torch.randn(*shape, components).exp()).requires_grad_(),
        logits=torch.randn(*shape, components + 1).requires_grad_(),
        encoding=encoding.requires_grad_(),
        targets=targets,
    )


def step(case: Case, loss: TrainingLoss, family: Family, space: Space) -> LossReport:
    """Forward and backward."""
    report = loss(case.output(family, space), case.targets)
    report.total.backward()
    return report


def plain_choice(mixture: DepthMixture, weights: TrainedWeights) -> torch.Tensor:
    """The component whose centre is densest, by evaluating the density at each centre."""
    raised = DepthMixture(
        locs=mixture.locs,
        scales=mixture.scales,
        log_weights=plain_weights(mixture, weights),
        family=mixture.family,
        space=mixture.space,
    )
    centers = raised.hypotheses.unbind(-1)
    return torch.stack([raised.log_prob(center) for center in centers], dim=-1).argmax(-1)


def plain_weights(mixture: DepthMixture, weights: TrainedWeights) -> torch.Tensor:
    """Clamped log weights, step by step."""
    raised = mixture.log_weights.clamp_min(-4) if weights.clamp else mixture.log_weights
    raised = raised.log_softmax(-1) if weights.clamp and weights.normalise else raised
    return mixture.log_weights + (raised - mixture.log_weights).detach()


def plain_likelihood(
    mixture: DepthMixture, depth: torch.Tensor, mask: torch.Tensor, weights: TrainedWeights
) -> Likelihood:
    """The likelihood with every step recorded by autograd."""
    at = mixture.space.coordinate(torch.where(mask, depth, 1.0))
    density = mixture.family.log_density((at[..., None] - mixture.locs) / mixture.scales) - mixture.scales.log()
    nll = -(plain_weights(mixture, weights) + density).logsumexp(-1)
    return Likelihood(
        nll=Masked(values=nll, mask=mask),
        log_weight_spread=mixture.log_weights.square().mean(),
        log_confidence_spread=mixture.confidence.log().square().mean(),
    )


def plainly() -> AbstractContextManager:
    """Put the plain functions in the place of the fast ones."""
    stack = ExitStack()
    stack.enter_context(patch("mda.losses.choice.choose_component", plain_choice))
    stack.enter_context(patch("mda.losses.total.likelihood", plain_likelihood))
    return stack


def resident_megabytes() -> float:
    """Memory of this process now."""
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123 - not a path of a file system
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / _MEGABYTE


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", type=int, default=2)
    parser.add_argument("--size", type=int, nargs=2, default=(378, 504), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--components", type=int, default=4)
    parser.add_argument("--family", type=Family, default=Family.NORMAL)
    parser.add_argument("--space", type=Space, default=Space.LOG)
    parser.add_argument("--gradient", action="store_true", help="with the gradient term, which recipes leave out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="with the likelihood and choice written step by step")
    parser.add_argument("--profile", action="store_true", help="print the costliest operators")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    case = build(options.views, tuple(options.size), options.components)
    loss = TrainingLoss(LossConfig(weights=LossWeights(gradient=float(options.gradient))))
    start = resident_megabytes()
    wall, cpu = [], []
    with plainly() if options.plain else nullcontext():
        for _ in range(options.repeats + 1):
            began, began_cpu = time.perf_counter(), time.process_time()
            report = step(case, loss, options.family, options.space)
            wall.append(time.perf_counter() - began)
            cpu.append(time.process_time() - began_cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE
    result = {
        "views": options.views,
        "size": list(options.size),
        "components": options.components,
        "threads": options.threads,
        "plain": options.plain,
        "total": round(report.total.item(), 5),
        "wall_s": round(statistics.median(wall[1:]), 4),
        "wall_min_s": round(min(wall[1:]), 4),
        "cpu_s": round(statistics.median(cpu[1:]), 4),
        "peak_above_start_mb": round(peak - start, 1),
    }
    print(json.dumps(result))
    if options.profile:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            step(case, loss, options.family, options.space)
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=30, max_name_column_width=40))


if __name__ == "__main__":
    main()
