"""Time and memory of decoding 8 views of 504x378 with four components, each decoder in a process of its own.

    python benchmarks/decoding.py --threads 2

Compared with two straightforward searches: a dense grid over the span of the components, and an autograd search
(L-BFGS over all component centres and pair midpoints at once, as the published release decodes).
"""

import argparse
import json
import resource
import subprocess
import sys
from itertools import combinations
from time import perf_counter

import torch

from mda.mixtures import DepthMixture

SHAPE = (8, 378, 504)
COMPONENTS = 4
GRID = 64
VIEWS_PER_CALL = 1  # of the two straightforward searches, whose memory grows with it


def example(family: str, space: str) -> DepthMixture:
    """Random pixels: three in four on one surface, the others on two."""
    rng = torch.Generator().manual_seed(0)
    centre = 0.3 * torch.randn(*SHAPE, 1, generator=rng)
    spread = torch.where(torch.rand(*SHAPE, 1, generator=rng) < 0.25, 0.4, 0.03)
    locs = centre + spread * torch.randn(*SHAPE, COMPONENTS, generator=rng)
    return DepthMixture(
        locs=locs if space == "log" else locs.exp(),
        scales=0.02 + 0.3 * torch.rand(*SHAPE, COMPONENTS, generator=rng),
        log_weights=torch.randn(*SHAPE, COMPONENTS, generator=rng).log_softmax(-1),
        family=family,
        space=space,
    )


def dense_grid(mixture: DepthMixture) -> torch.Tensor:
    """The best of evenly spaced candidates."""
    low, high = mixture.hypotheses.amin(-1), mixture.hypotheses.amax(-1)
    best, depth = torch.full_like(low, -torch.inf), low
    for step in range(GRID):
        candidate = low + (high - low) * (step / (GRID - 1))
        density = mixture.log_prob(candidate)
        depth = torch.where(density > best, candidate, depth)
        best = torch.maximum(density, best)
    return depth


def autograd_search(mixture: DepthMixture) -> torch.Tensor:
    """One L-BFGS call on all candidates of all pixels; each pixel keeps the best it has seen."""
    centers = mixture.hypotheses.unbind(-1)
    midpoints = [(one + other) / 2 for one, other in combinations(centers, 2)]
    candidates = torch.stack([*centers, *midpoints]).requires_grad_()
    best = torch.full(mixture.batch_shape, -torch.inf)
    depth = torch.zeros(mixture.batch_shape)
    search = torch.optim.LBFGS([candidates], line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        nonlocal best, depth
        search.zero_grad()
        density = torch.stack([mixture.log_prob(candidate) for candidate in candidates])
        highest, index = density.detach().max(0)
        found = candidates.detach().gather(0, index[None])[0]
        depth = torch.where(highest > best, found, depth)
        best = torch.maximum(highest, best)
        loss = -density.mean()
        loss.backward()
        return loss

    search.step(closure)
    return depth


METHODS = {
    "mode (normal)": ("normal", "log", lambda mixture: mixture.decode("mode")),
    "mode (laplace)": ("laplace", "linear", lambda mixture: mixture.decode("mode")),
    "component (normal)": ("normal", "log", lambda mixture: mixture.decode("component")),
    "heaviest (normal)": ("normal", "log", lambda mixture: mixture.decode("heaviest")),
    "dense grid (normal)": ("normal", "log", dense_grid),
    "autograd search (normal)": ("normal", "log", autograd_search),
}


def measure(name: str, threads: int, repeats: int) -> dict[str, float]:
    """Seconds (the best of the repeats) and MiB above the inputs, of one method in this process."""
    torch.set_num_threads(threads)
    family, space, decode = METHODS[name]
    mixture = example(family, space)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slow = decode in (dense_grid, autograd_search)
    seconds = []
    for _ in range(1 if slow else repeats):
        start = perf_counter()
        if slow:
            for view in range(0, SHAPE[0], VIEWS_PER_CALL):
                decode(mixture[view : view + VIEWS_PER_CALL])
        else:
            decode(mixture)
        seconds.append(perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(seconds), "mib": (peak - before) / 1024}


def main() -> None:
    """Measure every method and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=METHODS, help="measure one method and print JSON (used by this script)")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.threads, options.repeats)))
        return
    print(f"8 views of 504x378, K = {COMPONENTS}, {options.threads} threads, torch {torch.__version__}\n")
    print("| method | seconds | MiB above inputs |\n|---|---|---|")
    for name in METHODS:
        command = [sys.executable, __file__, "--only", name, "--threads", str(options.threads)]
        command += ["--repeats", str(options.repeats)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        result = json.loads(done.stdout)
        print(f"| {name} | {result['seconds']:.2f} | {result['mib']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
