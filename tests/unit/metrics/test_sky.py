import math

import torch

from mda.metrics import sky_iou, sky_precision, sky_recall

SKY = torch.tensor([True, True, True, False, False, True])
PRED = torch.tensor([True, True, False, True, False, False])
LABELLED = torch.tensor([True, True, True, True, True, False])


def test_a_hand_made_mask():
    assert sky_iou(PRED, SKY, LABELLED).mean == 2 / 4
    assert sky_precision(PRED, SKY, LABELLED).mean == 2 / 3
    assert sky_recall(PRED, SKY, LABELLED).mean == 2 / 3
    assert sky_recall(PRED, SKY, torch.ones_like(SKY)).mean == 2 / 4


def test_perfect_is_one_and_no_sky_is_nan():
    for metric in (sky_iou, sky_precision, sky_recall):
        assert metric(SKY, SKY, LABELLED).mean == 1
        assert math.isnan(metric(SKY & False, SKY & False, LABELLED).mean)


def test_sky_called_where_there_is_none_costs_iou():
    assert sky_iou(PRED, SKY & False, LABELLED).mean == 0
