"""Which view of a clip the network takes as its reference (Depth Anything 3).

The world frame of predicted cameras is near that of the reference view; a view that is typical of the clip makes a
better one than the first.
"""

from enum import StrEnum

import torch
from torch.nn import functional

from mda.shapes import Float, Int, Tensor

_MIN_SPREAD = 1e-8
# With fewer views than this the first one is always the reference.
_MIN_VIEWS_TO_CHOOSE = 3


class ReferenceView(StrEnum):
    """Ways to choose the reference view from the class tokens in the middle of the transformer."""

    FIRST = "first"
    MIDDLE = "middle"
    SADDLE_BALANCED = "saddle_balanced"
    """The view in the middle of the range of similarity to the others, token length and token variance."""
    SADDLE_SIM_RANGE = "saddle_sim_range"
    """The view whose similarities to the others differ most."""


def choose_reference(
    tokens: Float[Tensor, "b v d"], strategy: ReferenceView, counts: Int[Tensor, " b"] | None = None
) -> Int[Tensor, " b"]:
    """Index of the reference view of each clip from the class tokens of its views; ties go to the first.

    With fewer than three views the first is the reference. Views beyond the `counts` of a clip do not count.
    """
    if counts is not None:
        clips = zip(tokens.split(1), counts.tolist(), strict=True)
        return torch.cat([choose_reference(clip[:, :count], strategy) for clip, count in clips])
    batch, views = tokens.shape[:2]
    if strategy is ReferenceView.FIRST or views < _MIN_VIEWS_TO_CHOOSE:
        return torch.zeros(batch, dtype=torch.long, device=tokens.device)
    if strategy is ReferenceView.MIDDLE:
        return torch.full((batch,), views // 2, dtype=torch.long, device=tokens.device)
    with torch.autocast(tokens.device.type, enabled=False):
        tokens = tokens.float()
        unit = functional.normalize(tokens, dim=-1)
        similarity = unit @ unit.transpose(1, 2) - torch.eye(views, device=tokens.device)
    if strategy is ReferenceView.SADDLE_SIM_RANGE:
        return (similarity.amax(-1) - similarity.amin(-1)).argmax(-1)
    measures = torch.stack([similarity.sum(-1) / (views - 1), tokens.norm(dim=-1), unit.var(dim=-1)])
    low, high = measures.amin(-1, keepdim=True), measures.amax(-1, keepdim=True)
    balanced = (measures - low) / (high - low + _MIN_SPREAD)
    return (balanced - 0.5).abs().sum(0).argmin(-1)


def reference_first(reference: Int[Tensor, " b"], views: int) -> tuple[Int[Tensor, "b v"], Int[Tensor, "b v"]]:
    """Order of views that puts the reference in front and keeps the others in order, and the inverse order."""
    index = torch.arange(views, device=reference.device).expand(len(reference), -1)
    order = torch.where(index == reference[:, None], -1, index).argsort(dim=-1)
    return order, order.argsort(dim=-1)


def reorder_views(x: Float[Tensor, "n t d"], order: Int[Tensor, "b v"]) -> Float[Tensor, "n t d"]:
    """Tokens [b * v, t, d] with the views of each clip in another order."""
    batch, views = order.shape
    rows = torch.arange(batch, device=order.device)[:, None] * views + order
    return x[rows.flatten()]
