import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mda.evaluation.clouds import compare, moved_by, nearest, normals, register


def surface(count=2000, seed=0):
    """Points of a bumpy surface, dense enough for ICP."""
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, count))
    return np.stack([x, y, 2 + 0.3 * np.sin(3 * x) + 0.2 * np.cos(4 * y)], axis=1)


def test_nearest_neighbours_are_exact():
    rng = np.random.default_rng(1)
    points, queries = rng.normal(size=(300, 3)), rng.normal(size=(50, 3))
    between = np.linalg.norm(queries[:, None] - points[None], axis=-1)
    distance, number = nearest(points, queries)
    assert np.array_equal(number, between.argmin(1))
    assert distance == pytest.approx(between.min(1), rel=1e-12)


def test_icp_undoes_a_small_motion():
    truth = surface()
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", [0.5, -0.4, 0.3], degrees=True).as_matrix()
    motion[:3, 3] = [0.01, -0.008, 0.006]
    pred = moved_by(motion, truth)
    found = register(pred, truth)
    assert found[:3, :3] @ found[:3, :3].T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.abs(moved_by(found, pred) - truth).max() < 1e-4
    assert np.abs(pred - truth).max() > 1e-2


def test_icp_does_nothing_where_nothing_is_near():
    assert np.array_equal(register(surface() + np.array([0, 0, 5.0]), surface()), np.eye(4))


def test_icp_never_scales_or_mirrors():
    found = register(surface() * np.array([1.02, 0.98, 1.0]), surface())
    assert np.linalg.det(found[:3, :3]) == pytest.approx(1.0)


def test_normals_of_a_plane_and_of_too_few_points():
    x, y = np.meshgrid(np.arange(12.0), np.arange(12.0))
    plane = np.stack([x.ravel(), y.ravel(), (0.5 * x).ravel()], axis=1)
    expected = np.array([0.5, 0, -1]) / np.sqrt(1.25)
    assert np.abs(normals(plane) @ expected) == pytest.approx(np.ones(144), abs=1e-6)
    assert not normals(plane[:3]).any()


def test_distances_of_shifted_grids_by_hand():
    x, y = np.meshgrid(np.arange(10.0), np.arange(10.0))
    grid = np.stack([x.ravel(), y.ravel(), np.zeros(100)], axis=1)
    scores = compare(grid + np.array([0, 0, 0.25]), grid)
    assert scores.accuracy == pytest.approx(np.full(100, 0.25))
    assert scores.completeness == pytest.approx(np.full(100, 0.25))
    assert scores.normals_of_pred == pytest.approx(np.ones(100), abs=1e-6)
    flying = compare(np.concatenate([grid, [[5.0, 5.0, 3.0]]]), grid)
    assert flying.accuracy[-1] == 3.0
    assert flying.completeness == pytest.approx(np.zeros(100))  # flying points do not make a cloud less complete
    lacking = compare(grid[:50], grid)
    assert lacking.accuracy == pytest.approx(np.zeros(50))  # and missing ones not less accurate
    assert lacking.completeness.max() == 5.0
