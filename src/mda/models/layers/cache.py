"""Keys and values of what came before, so that a stream attends to its past without computing it again."""

import torch

from mda.shapes import Float, Tensor


class KeyValueCache:
    """Keys and values of the views seen so far by one attention layer.

    Args:
        window: how many views are kept, the newest included and the very first not counted; None keeps all.
    """

    def __init__(self, window: int | None = None) -> None:
        self.window = window
        self._views: list[tuple[Tensor, Tensor]] = []

    def __len__(self) -> int:
        """Number of views kept."""
        return len(self._views)

    def extend(
        self, keys: Float[Tensor, "n m t d"], values: Float[Tensor, "n m t d"]
    ) -> tuple[Float[Tensor, "n m s d"], Float[Tensor, "n m s d"]]:
        """Take in the next view; keys and values of it and of all that it sees."""
        self._views.append((keys, values))
        if self.window is not None and len(self._views) > self.window + 1:
            del self._views[1]
        past_keys, past_values = zip(*self._views, strict=True)
        return torch.cat(past_keys, dim=-2), torch.cat(past_values, dim=-2)
