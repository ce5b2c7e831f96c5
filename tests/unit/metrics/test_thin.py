import pytest
import torch

from mda.metrics import ThinTruth, thin_scores

FRONT, BACK = 2.0, 5.0
# Columns of poles by width.
POLES = {1: slice(5, 6), 2: slice(12, 14), 4: slice(22, 26), 7: slice(36, 43), 12: slice(50, 62)}


def poles() -> torch.Tensor:
    depth = torch.full((1, 30, 72), BACK)
    for columns in POLES.values():
        depth[..., columns] = FRONT
    return depth


def truth_of(depth: torch.Tensor) -> ThinTruth:
    return ThinTruth.of(depth, torch.ones_like(depth, dtype=torch.bool))


def test_poles_fall_into_the_bin_of_their_width():
    truth = truth_of(poles())
    bins = [int(truth.width_bin[0, 15, columns.start]) for columns in POLES.values()]
    assert bins == [0, 0, 1, 2, -1]
    assert truth.structures == 4
    assert (truth.behind[truth.width_bin >= 0] == BACK).all()
    assert not (truth.width_bin[..., 50:62] >= 0).any()


def test_gaps_between_near_things_are_not_thin_structures():
    depth = torch.full((1, 20, 30), FRONT)
    depth[..., 14:16] = BACK
    assert truth_of(depth).structures == 0


def test_a_slanted_wall_holds_nothing_thin():
    depth = torch.linspace(1, 30, 40).expand(1, 20, 40).contiguous()
    assert truth_of(depth).structures == 0


def test_truth_is_found_complete_and_without_error():
    truth = truth_of(poles())
    found = thin_scores(poles(), truth)
    assert found.found.mean == found.recalled.mean == found.complete.mean == 1
    assert {width: score.mean for width, score in found.abs_rel.items()} == {2: 0, 4: 0, 8: 0}


def test_an_erased_pole_is_missed():
    depth = poles()
    depth[..., POLES[2]] = BACK
    found = thin_scores(depth, truth_of(poles()))
    assert found.recalled.mean == found.complete.mean == 3 / 4
    # One column of width 1 is right, two of width 2 are not.
    assert found.abs_rel[2].mean == pytest.approx(2 / 3 * (BACK - FRONT) / FRONT)
    assert found.abs_rel[4].mean == 0


def test_half_and_four_fifths_of_a_pole():
    truth = truth_of(poles())
    for rows, recalled, complete in ((14, 3, 3), (15, 4, 3), (23, 4, 3), (24, 4, 4)):
        depth = poles()
        depth[:, rows:, POLES[1]] = BACK
        found = thin_scores(depth, truth)
        assert (found.recalled.tally.sum, found.complete.tally.sum) == (recalled, complete), rows


def test_deleted_pixels_are_not_found():
    depth = poles()
    depth[..., POLES[1]] = torch.nan
    found = thin_scores(depth, truth_of(poles()))
    assert found.recalled.mean == 3 / 4
    assert found.abs_rel[2].mean == 0


def test_nothing_is_thin_before_the_sky():
    depth = poles()
    valid = depth < BACK
    assert ThinTruth.of(depth, valid).structures == 0


def test_views_and_structures_add_up():
    both = truth_of(poles().repeat(2, 1, 1))
    assert both.structures == 8
    assert both.label.max() == 7
