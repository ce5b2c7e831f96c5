import torch

from mda.metrics import Tally, ordering_tallies

# Three layers of 4 x 6 pixels; the third exists in the left half only.
LAYERS = torch.stack([torch.full((4, 6), 1.0), torch.full((4, 6), 2.0), torch.full((4, 6), 3.0)])
LAYERS[0, :, 3:] = 1.5
LAYERS[2, :, 3:] = torch.nan


def tally(tuples, **options):
    return ordering_tallies(LAYERS, tuples, **options)


def test_strictly_increasing_depths_are_right():
    found = tally([[(0, 0, 1), (4, 0, 1)], [(4, 0, 1), (0, 0, 1)], [(0, 0, 1), (1, 1, 1)]])
    # The third pair is equally deep: not in order.
    assert found["1"] == found["all"] == Tally(sum=1.0, count=3)


def test_one_wrong_step_makes_a_triplet_wrong():
    right = [(0, 0, 1), (4, 0, 1), (0, 0, 3)]
    wrong = [(0, 0, 1), (0, 0, 3), (4, 0, 1)]
    assert tally([right, wrong])["mixed"] == Tally(sum=1.0, count=2)


def test_tuples_of_other_layers_are_left_out():
    found = tally([[(0, 0, 1), (0, 0, 2)], [(0, 0, 1), (0, 0, 8)], [(0, 0, 9), (1, 0, 9)], [(0, 0, 0), (1, 0, 1)]])
    assert found["all"].count == 0


def test_a_surface_that_does_not_exist_must_not_be_found():
    tuples = [[(0, 0, 3), (1, 0, 3)], [(4, 0, 3), (5, 0, 3)], [(0, 0, 3), (4, 0, 3)]]
    assert tally(tuples, real=[False] * 3)["3"] == Tally(sum=1.0, count=3)
    assert tally(tuples[1:2], real=[True])["3"] == Tally(sum=0.0, count=1)


def test_layers_are_counted_apart():
    found = tally([[(0, 0, 3), (1, 0, 3)], [(0, 0, 2), (1, 0, 2)], [(0, 0, 1), (0, 0, 3)]])
    # Tuples within layer 2 are not among those that the benchmark counts.
    assert {name: t.count for name, t in found.items()} == {"1": 0, "3": 1, "5": 0, "7": 0, "mixed": 1, "all": 2}


def test_a_layer_that_was_not_found_is_wrong_wherever_it_stands():
    for points in ([(0, 0, 1), (4, 0, 3)], [(4, 0, 3), (0, 0, 1)], [(0, 0, 1), (0, 0, 7)]):
        assert tally([points])["mixed"] == Tally(sum=0.0, count=1)


def test_points_outside_are_left_out_and_sizes_are_converted():
    assert tally([[(0, 0, 1), (6, 0, 1)]])["all"].count == 0
    # At four times the size, column 11 of 24 is still in the left half and column 12 in the right one.
    points = [[(11, 15, 1), (12, 15, 1)]]
    assert tally(points, annotated_hw=(16, 24))["1"] == Tally(sum=1.0, count=1)
    assert tally(points)["all"].count == 0
