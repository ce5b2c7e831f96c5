import pytest
import torch

from mda.geometry import Cameras, Similarity, fit_similarity, fit_similarity_robustly, points_from_depth, rotation_angle


def turn(degrees: float) -> torch.Tensor:
    """Rotation about a skew axis."""
    axis = torch.tensor([0.48, -0.6, 0.64], dtype=torch.float64)
    cross = torch.linalg.cross(axis.expand(3, 3), torch.eye(3, dtype=torch.float64), dim=-1).T
    angle = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    return torch.eye(3) + angle.sin() * cross + (1 - angle.cos()) * cross @ cross


@pytest.fixture
def truth() -> Similarity:
    return Similarity(scale=0.3, rotation=turn(140.0), translation=torch.tensor([1.0, -5.0, 2.0], dtype=torch.float64))


@pytest.fixture
def points() -> torch.Tensor:
    return torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def assert_same(one: Similarity, other: Similarity, tolerance: float) -> None:
    assert one.scale == pytest.approx(other.scale, rel=tolerance)
    torch.testing.assert_close(one.rotation, other.rotation, atol=tolerance, rtol=0)
    torch.testing.assert_close(one.translation, other.translation, atol=10 * tolerance, rtol=0)


def test_exact_pairs_give_the_transform_back(truth, points) -> None:
    assert_same(fit_similarity(points, truth.apply(points), torch.rand(200).double()), truth, 1e-9)


def test_mirrored_points_give_no_mirror(points) -> None:
    found = fit_similarity(points, points * torch.tensor([1.0, 1.0, -1.0]), torch.ones(200).double())
    assert torch.linalg.det(found.rotation) == pytest.approx(1)


def test_pairs_of_weight_zero_have_no_say(truth, points) -> None:
    target, weights = truth.apply(points), torch.ones(200).double()
    target[:50] += 100
    weights[:50] = 0
    assert_same(fit_similarity(points, target, weights), truth, 1e-9)


def test_a_minority_of_wrong_pairs_has_no_say(truth, points) -> None:
    target, ones = truth.apply(points), torch.ones(200).double()
    target[:60] += torch.tensor([3.0, 1.0, -2.0])
    plain = fit_similarity(points, target, ones)
    robust, residual = fit_similarity_robustly(points, target, ones, ones)
    assert abs(plain.scale - truth.scale) > 1e-3 or (plain.translation - truth.translation).norm() > 0.5
    assert_same(robust, truth, 1e-4)
    assert (residual[60:] < 1e-3).all()
    assert (residual[:60] > 1).all()


def test_one_point_gives_a_shift_alone() -> None:
    found = fit_similarity(torch.ones(1, 3).double(), torch.zeros(1, 3).double(), torch.ones(1).double())
    assert found.scale == 1
    torch.testing.assert_close(found.apply(torch.ones(1, 3)), torch.zeros(1, 3))


def test_cameras_and_points_move_together(truth) -> None:
    """Points of the moved cameras at scaled depth are the moved points."""
    pose = torch.eye(4).repeat(2, 1, 1)
    pose[1, :3, :3], pose[1, :3, 3] = turn(20).float(), torch.tensor([0.2, 0.1, 1.0])
    cameras = Cameras.from_fov(pose, torch.full((2, 2), 1.0), (4, 6))
    depth = torch.rand(2, 4, 6) + 1
    moved = points_from_depth(depth * truth.scale, truth.apply_to(cameras))
    torch.testing.assert_close(moved, truth.apply(points_from_depth(depth, cameras)), atol=1e-5, rtol=1e-5)


def test_angles_of_rotations() -> None:
    for degrees in (0.0, 1e-4, 30.0, 179.999):
        assert float(rotation_angle(turn(degrees))) == pytest.approx(degrees, abs=1e-6)
