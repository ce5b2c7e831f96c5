import math

import pytest
import torch

from mda.models.mini.cells import cell_layer, nearer_likelier, nearest_and_farthest, outside

SIDES = pytest.mark.parametrize("side", [4, 8])


def plane(rows, columns, side, *, slope=(0.02, -0.01), confidence=0.3):
    """Cells of one plane in log depth, and its log depth at all pixels; slopes are per pixel."""
    y, x = torch.meshgrid(
        (torch.arange(side * rows) + 0.5).double(), (torch.arange(side * columns) + 0.5).double(), indexing="ij"
    )
    depth = slope[0] * x + slope[1] * y
    centres = depth.unfold(0, side, side).unfold(1, side, side).mean((-2, -1))
    ones = torch.ones_like(centres)
    cells = torch.stack([centres, slope[0] * side * ones, slope[1] * side * ones, confidence * ones])
    return cells[None], depth


@SIDES
def test_cells_of_one_plane_give_that_plane_twice(side):
    cells, expected = plane(4, 5, side)
    depth, confidence = nearest_and_farthest(cells, side)
    inner = (slice(side, -side), slice(side, -side))  # at the border cells go on as they are
    for surface in depth[0].unbind(-1):
        torch.testing.assert_close(surface[inner], expected[inner])
    torch.testing.assert_close(confidence, torch.full_like(depth, 0.3))


@SIDES
def test_at_a_step_one_is_the_front_and_the_other_the_back(side):
    cells = torch.zeros(1, 4, 3, 6, dtype=torch.float64)
    cells[:, 0, :, 3:] = 0.7
    depth, _ = nearest_and_farthest(cells, side)
    nearest, farthest = depth[0, side].unbind(-1)
    edge = 3 * side
    around = slice(edge - side + 1, edge + side - 1)
    assert nearest[around].max() < 0.01
    assert farthest[around].min() > 0.69
    # Away from the step both are the surface itself.
    for surface in (nearest, farthest):
        assert surface[: edge - side].abs().max() < 1e-9
        assert (surface[edge + side :] - 0.7).abs().max() < 1e-9


def test_an_undecided_cell_at_the_step_is_passed_over():
    cells = torch.zeros(1, 4, 3, 7, dtype=torch.float64)
    cells[:, 0, :, 3], cells[:, 0, :, 4:] = 0.3, 0.7
    depth, _ = nearest_and_farthest(cells, 4)
    nearest, farthest = depth[0, 4, 12:16].unbind(-1)
    assert nearest.max() < 0.05
    assert farthest.min() > 0.65


def test_a_coarser_grid_has_nothing_to_say_between_the_surfaces_of_the_finer():
    finer = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]).requires_grad_()
    coarser = torch.tensor([[1.4, 1.6], [0.5, 3.0], [0.5, 1.6]]).requires_grad_()
    found = outside(coarser, finer)
    assert found.tolist() == [[1.0, 2.0], [0.5, 3.0], [0.5, 2.0]]
    found.sum().backward()
    assert finer.grad is None
    assert coarser.grad is not None
    assert coarser.grad.tolist() == [[0, 0], [1, 1], [1, 0]]


def test_the_surface_nearer_to_a_pixels_own_depth_is_likelier_and_the_sum_of_the_weights_stays():
    logits = torch.randn(5, 3, dtype=torch.float64).requires_grad_()
    depth = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64).requires_grad_()
    own = torch.tensor([[-1.0], [0.0], [0.15], [0.3], [1.2]], dtype=torch.float64).requires_grad_()
    found = nearer_likelier(logits, own, depth.expand(5, 3))
    torch.testing.assert_close(found.logsumexp(-1), logits.logsumexp(-1))
    undecided = nearer_likelier(torch.zeros_like(logits), own, depth.expand(5, 3))
    assert undecided.argmax(-1).tolist() == [0, 0, 0, 1, 2]
    found[2, 1].backward()  # a truth behind the first surface
    assert own.grad is not None
    assert own.grad[2] > 0
    assert depth.grad is None


@SIDES
def test_the_nearest_is_never_behind_the_farthest_and_both_lie_between_the_planes(side):
    generator = torch.Generator().manual_seed(0)
    cells = torch.randn(2, 4, 3, 4, generator=generator, dtype=torch.float64)
    cells[:, 1:3] = 0
    nearest, farthest = nearest_and_farthest(cells, side)[0].unbind(-1)
    assert (nearest <= farthest + 1e-12).all()
    assert nearest.min() >= cells[:, 0].min() - 1e-12
    assert farthest.max() <= cells[:, 0].max() + 1e-12


@SIDES
def test_small_differences_are_smoothed_over(side):
    cells = torch.zeros(1, 4, 2, 4, dtype=torch.float64)
    cells[:, 0, :, 2:] = 0.0015  # a tenth of the temperature
    depth, _ = nearest_and_farthest(cells, side)
    steps = depth.diff(dim=2).abs()
    assert steps.max() < 1.2 * 0.0015 / side


@SIDES
def test_values_of_cells_learn_and_their_layer_makes_one_per_cell(side):
    layer = cell_layer(6, side)
    cells = layer(torch.randn(1, 6, 16, 24))
    assert cells.shape == (1, 4, 32 // side, 48 // side)
    depth, confidence = nearest_and_farthest(cells, side)
    assert depth.shape == confidence.shape == (1, 32, 48, 2)
    (depth.sum() + confidence.sum()).backward()
    assert layer.weight.grad is not None
    assert math.isfinite(float(layer.weight.grad.norm()))
    assert (layer.weight.grad.flatten(1).norm(dim=1) > 0).all()
