"""Triangles of depth maps."""

import pytest
import torch

from mda.geometry import depth_discontinuities, surface_triangles


def test_a_flat_depth_map_is_covered_once_counter_clockwise() -> None:
    triangles = surface_triangles(torch.ones(4, 6), torch.ones(4, 6, dtype=torch.bool))
    assert len(triangles) == 2 * 3 * 5
    x, y = (triangles % 6).double(), (triangles // 6).double()
    doubled = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    # Rows count downwards, so counter-clockwise to the eye is negative here.
    assert doubled.tolist() == [-1.0] * 30
    squares = torch.stack([x.amin(1), y.amin(1)], -1).unique(dim=0, return_counts=True)[1]
    assert squares.tolist() == [2] * 15


@pytest.mark.parametrize("seed", range(3))
def test_no_triangle_holds_a_jump(seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    depth = torch.rand(20, 30, generator=generator) * 0.3 + 1
    valid = torch.rand(20, 30, generator=generator) > 0.1
    triangles = surface_triangles(depth, valid, ratio=0.1)
    assert valid.reshape(-1)[triangles].all()
    values = depth.reshape(-1)[triangles]
    assert (values.amax(1) / values.amin(1)).max() <= 1.1 + 1e-6
    # What is no discontinuity, and has no invalid neighbour, is in some triangle.
    inner = ~depth_discontinuities(depth, torch.ones_like(valid), ratio=0.04)
    assert len(triangles) > 100
    assert inner.sum() > 0


@pytest.mark.parametrize("corner", range(4))
def test_a_corner_on_another_surface_costs_one_triangle(corner) -> None:
    depth = torch.ones(2, 2)
    depth.view(-1)[corner] = 3
    triangles = surface_triangles(depth, torch.ones(2, 2, dtype=torch.bool))
    assert sorted(triangles[0].tolist()) == [number for number in range(4) if number != corner]
    valid = torch.ones(2, 2, dtype=torch.bool)
    valid.view(-1)[corner] = False
    assert surface_triangles(torch.ones(2, 2), valid).sort().values.equal(triangles.sort().values)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_a_line_has_no_triangle(shape) -> None:
    assert surface_triangles(torch.ones(shape), torch.ones(shape, dtype=torch.bool)).shape == (0, 3)
