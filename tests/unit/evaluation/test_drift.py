import numpy as np
import pytest

from mda.evaluation.drift import drift, trajectory_error

PATH = np.stack([np.linspace(0, 9, 10), np.zeros(10), np.zeros(10)], -1)


def test_no_similarity_transform_is_an_error() -> None:
    turned = PATH[:, [2, 0, 1]] * 7 + 3
    assert trajectory_error(turned, PATH) == pytest.approx(0, abs=1e-12)


def test_no_path_at_all_is_1() -> None:
    assert trajectory_error(np.zeros((10, 3)), PATH) == pytest.approx(1)


def test_a_bend_is_told_as_a_share_of_the_spread() -> None:
    # Even in x, so that no turn makes it smaller; the best scale is 1 / (1 + share^2) and leaves share / sqrt(...).
    bent = PATH[[0, 1, 8, 9]] + [[0, 0.4 * sign, 0] for sign in (1, -1, -1, 1)]
    share = 0.4 / np.sqrt((4.5**2 + 3.5**2) / 2)
    assert trajectory_error(bent, PATH[[0, 1, 8, 9]]) == pytest.approx(share / np.sqrt(1 + share**2), rel=1e-6)


def test_scale_is_compared_view_by_view_where_depth_is_known() -> None:
    truth = np.ones((4, 2, 2), dtype=np.float32)
    valid = np.ones_like(truth, dtype=bool)
    valid[:, 0, 0] = False
    factors = np.array([1, 1, np.e, np.e])
    depths = [np.full((2, 2), 1 / factor, dtype=np.float32) for factor in factors]
    for depth in depths:
        depth[0, 0] = 1000
    found = drift(PATH[:4], depths, PATH[:4], truth, valid)
    assert found.scale == pytest.approx(0.5, rel=1e-5)
    assert found.jump == pytest.approx(1, rel=1e-5)
    assert found.trajectory == pytest.approx(0, abs=1e-12)
