"""`--memory`: what is chosen fits, and more would not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mda.errors import ConfigError
from mda.inference.budget import fitted_to
from mda.inference.memory import peak_bytes
from mda.inference.windows import DEFAULT_MAX_VIEWS
from mda.models.heads import chunks
from tests.unit.inference.pretend import pictures

HW = (2, 3)
GIB = 2**30


def used(any_predictor, views: int, share: float = 1.0) -> float:
    """GiB of the weights and of `share` times what so many views take together."""
    images = pictures(views, hw=size(any_predictor))
    weights = sum(tensor.nbytes for tensor in any_predictor.network.state_dict().values())
    beyond = peak_bytes(lambda: any_predictor.predict(images, max_views=max(views, 2)), any_predictor.device)
    return (weights + share * beyond) / GIB


def size(any_predictor) -> tuple[int, int]:
    return HW[0] * any_predictor.network.patch, HW[1] * any_predictor.network.patch


def test_what_is_chosen_fits_and_is_not_far_from_all(any_predictor) -> None:
    budget = used(any_predictor, 10, 1.7)
    fitted, views = fitted_to(any_predictor, budget, size(any_predictor))
    assert 5 <= views <= 20
    assert used(fitted, views) <= budget
    with pytest.raises(ConfigError, match="Raise --memory"):
        fitted_to(any_predictor, used(any_predictor, 2, 0.5), size(any_predictor))


def test_portions_are_as_large_as_usual_where_there_is_room(any_predictor, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "_ON_CPU", 4)
    fitted, views = fitted_to(any_predictor, 1.0, size(any_predictor))
    assert fitted.chunk == 4
    assert views >= DEFAULT_MAX_VIEWS


def test_where_memory_is_short_the_heads_look_at_one_view_at_a_time(any_predictor, monkeypatch) -> None:
    short = used(any_predictor, 3, 1.7)
    monkeypatch.setattr(chunks, "_ON_CPU", 4)
    fitted, views = fitted_to(any_predictor, short, size(any_predictor))
    assert fitted.chunk == 1
    assert 2 <= views < DEFAULT_MAX_VIEWS
    assert used(fitted, views) <= short


def test_portions_do_not_change_the_result(any_predictor) -> None:
    images = pictures(3, hw=size(any_predictor))
    one, other = (replace(any_predictor, chunk=chunk).predict(images) for chunk in (1, 3))
    assert np.isclose(one.depth, other.depth, rtol=1e-5, atol=1e-5).mean() > 0.999
    torch.testing.assert_close(one.mixture.locs, other.mixture.locs, rtol=1e-5, atol=1e-5)
