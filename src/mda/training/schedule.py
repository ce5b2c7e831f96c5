"""Learning-rate schedule in closed form."""

import math

from mda.training.config import OptimiserConfig


def rate_factor(step: int, *, steps: int, config: OptimiserConfig) -> float:
    """Learning rate of a step relative to `config.rate`: linear warm-up, constant, cosine decay at the end.

    It depends on the step and on the run's length alone, so a resumed run may change its length.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    remaining = steps - step
    if remaining >= config.decay_steps:
        return 1.0
    final = config.final_rate / config.rate
    progress = 1 - max(0, remaining) / config.decay_steps
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
