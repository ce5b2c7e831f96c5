import pytest
import torch

from mda.errors import ConfigError
from mda.mixtures import LOG_OFFSET, Space
from mda.mixtures.spaces import widened


def test_log_coordinate_is_the_published_one():
    depth = torch.tensor([0.0, 0.9, 1e4], dtype=torch.float64)
    torch.testing.assert_close(Space.LOG.coordinate(depth), torch.log(depth + 0.1))
    assert LOG_OFFSET == 0.1


@pytest.mark.parametrize("space", list(Space))
def test_depth_and_coordinate_are_inverse(space):
    depth = torch.logspace(-4, 4, 200)
    # One rounding of the log coordinate is up to 5e-7 of depth + 0.1.
    torch.testing.assert_close(space.depth(space.coordinate(depth)), depth, rtol=6e-7, atol=3e-8)


def test_depth_without_a_log_has_a_finite_coordinate_and_gradient():
    depth = torch.tensor([-0.1, -5.0], requires_grad=True)
    coordinate = Space.LOG.coordinate(depth)
    coordinate.sum().backward()
    assert coordinate.isfinite().all()
    assert (coordinate < -80).all()
    assert (depth.grad[1] == 0).all()


def test_linear_space_is_depth_itself():
    depth = torch.rand(3)
    assert Space("linear").coordinate(depth) is depth
    assert Space.LINEAR.depth(depth) is depth


def test_depth_keeps_the_type_and_is_rounded_once():
    x = torch.linspace(-2.3, 9, 1000)
    depth = Space.LOG.depth(x)
    assert depth.dtype == torch.float32
    assert torch.equal(depth, (x.double().exp() - 0.1).float())


def test_widening():
    assert widened(torch.zeros(2)).dtype == torch.float64
    # Apple's GPUs have no double precision; a tensor that claims to live there is left alone.
    elsewhere = type("OnApple", (), {"device": torch.device("mps")})()
    assert widened.__wrapped__(elsewhere) is elsewhere if hasattr(widened, "__wrapped__") else True


def test_unknown_space():
    with pytest.raises(ConfigError, match="linear, log"):
        Space("logarithm")
