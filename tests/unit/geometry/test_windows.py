import torch

from mda.geometry import Windows, masked_median


def test_windows_hold_the_square_and_know_the_border():
    values = torch.arange(35.0).reshape(1, 5, 7)
    chosen = torch.zeros(1, 5, 7, dtype=torch.bool)
    chosen[0, 2, 3] = chosen[0, 0, 0] = True
    windows = Windows.around(chosen, 1)
    assert windows.at(values).tolist() == [0, 17]
    assert windows.of(values)[1].tolist() == [9, 10, 11, 16, 17, 18, 23, 24, 25]
    assert windows.inside[0].tolist() == [False] * 4 + [True, True, False, True, True]
    assert windows.of(values)[0][windows.inside[0]].tolist() == [0, 1, 7, 8]
    corner = windows[windows.pixels == 0]
    assert corner.of(values).tolist() == [windows.of(values)[0].tolist()]
    assert corner.inside.tolist() == [windows.inside[0].tolist()]


def test_median_over_the_mask_without_nan():
    nan = torch.nan
    values = torch.tensor([[5.0, 1.0, 3.0, nan], [5.0, 1.0, 3.0, 4.0], [5.0, 1.0, nan, 4.0]])
    mask = torch.tensor([[True] * 4, [True] * 4, [True, True, True, False]])
    median, enough = masked_median(values, mask)
    assert median.tolist() == [3, 3, 1]
    assert enough.tolist() == [True, True, False]
