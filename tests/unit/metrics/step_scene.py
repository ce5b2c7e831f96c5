"""A vertical step: a near surface on the left, a far one on the right; and sky above a wall."""

import torch

from mda.metrics import EdgeTruth

FRONT, BACK = 2.0, 5.0
HEIGHT, WIDTH, STEP = 12, 24, 12


def step_depth(*, views: int = 1, at: int = STEP) -> torch.Tensor:
    """[v h w] depth whose first `at` columns are near."""
    depth = torch.full((views, HEIGHT, WIDTH), BACK)
    depth[..., :at] = FRONT
    return depth


def step_truth(*, views: int = 1) -> EdgeTruth:
    """Truth of the step, from its depth alone."""
    depth = step_depth(views=views)
    return EdgeTruth.from_depth(depth, torch.ones_like(depth, dtype=torch.bool))


def averaged_at_edges(truth: EdgeTruth) -> torch.Tensor:
    """What a network that averages predicts: the mean of the two surfaces at every edge pixel."""
    return torch.where(truth.edge, (truth.front + truth.back) / 2, truth.depth)


def skyline_truth() -> tuple[EdgeTruth, torch.Tensor]:
    """A wall at depth 3 below row 6 and sky above; returns the truth and the sky mask."""
    depth = torch.full((1, HEIGHT, WIDTH), 3.0)
    sky = torch.zeros_like(depth, dtype=torch.bool)
    sky[:, :6] = True
    depth[sky] = torch.nan
    return EdgeTruth.from_depth(depth, ~sky, sky=sky), sky
