import torch

from mda.geometry import depth_discontinuities, dilate


def test_both_sides_of_a_jump_are_marked_and_nothing_else():
    depth = torch.ones(4, 6)
    depth[:, 3:] = 2
    found = depth_discontinuities(depth, torch.ones(4, 6, dtype=torch.bool), ratio=0.1)
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[:, 2:4] = True
    assert torch.equal(found, expected)


def test_invalid_pixels_make_no_edge():
    depth = torch.ones(3, 5)
    depth[:, 2] = float("nan")
    valid = depth.isfinite()
    assert not depth_discontinuities(depth, valid, ratio=0.1).any()


def test_jumps_below_the_ratio_are_surfaces():
    depth = 1.04 ** torch.arange(8.0).expand(2, 8)
    valid = torch.ones(2, 8, dtype=torch.bool)
    assert not depth_discontinuities(depth, valid, ratio=0.05).any()
    assert depth_discontinuities(depth, valid, ratio=0.03).all()


def test_a_single_row_has_no_vertical_neighbours():
    assert not depth_discontinuities(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool)).any()


def test_dilation_is_a_square():
    mask = torch.zeros(2, 7, 7, dtype=torch.bool)
    mask[1, 3, 3] = True
    grown = dilate(mask, 2)
    assert grown[0].sum() == 0
    assert grown[1].sum() == 25
    assert torch.equal(dilate(mask, 0), mask)
