"""Clips of different lengths in one batch: the shorter ones are padded with views that no other view sees."""

import torch

from mda.shapes import Bool, Int, Tensor


def sight(
    counts: Int[Tensor, " b"] | None, views: int, order: Bool[Tensor, "v v"] | None = None
) -> Bool[Tensor, "*n v_or_one v"] | None:
    """Which view (row) sees which (column), for `scaled_dot_product_attention`; None where all see all.

    Views beyond the count of a clip are padding. They see the clip, so that all numbers stay finite, but are not seen.

    Args:
        counts: number of views of each clip, at least one; None where there is no padding.
        views: number of views with the padding.
        order: which view sees which by their places; None means all.

    Returns:
        [v, v], or with `counts` a mask [b, 1, 1 or v, v] that broadcasts over attention heads.
    """
    if counts is None:
        return order
    real = (torch.arange(views, device=counts.device) < counts[:, None])[:, None, None]
    return real if order is None else real & order


def token_sight(mask: Bool[Tensor, "*n q v"] | None, tokens: int) -> Bool[Tensor, "*n qt vt"] | None:
    """The mask of `sight` for views of so many tokens each."""
    if mask is None:
        return None
    mask = mask.repeat_interleave(tokens, -1)
    return mask if mask.shape[-2] == 1 else mask.repeat_interleave(tokens, -2)
