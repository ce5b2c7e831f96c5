"""Learning-rate schedules in closed form."""

import math

from mda.training.config import OptimiserConfig, Schedule


def rate_factor(step: int, *, steps: int, config: OptimiserConfig) -> float:
    """Learning rate of a step relative to `config.rate`.

    It depends on the step and on the run's length alone, so a resumed run may change its length.
    """
    final = config.final_rate / config.rate
    if config.schedule is Schedule.COSINE:
        return _warmup_cosine(step, steps, config.warmup_steps, config.warmup_rate / config.rate, final)
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    remaining = steps - step
    if remaining >= config.decay_steps:
        return 1.0
    return _cosine(1 - max(0, remaining) / config.decay_steps, final)


def _warmup_cosine(step: int, steps: int, warmup: int, start: float, final: float) -> float:
    """The published schedule: start + t (1 - start) / (w - 1) for t < w, then a cosine from 1 at w to `final`."""
    if step < warmup:
        return start + (1 - start) * step / max(1, warmup - 1)
    return _cosine(min(1.0, (step - warmup) / max(1, steps - warmup)), final)


def _cosine(progress: float, final: float) -> float:
    """From 1 at 0 to `final` at 1."""
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
