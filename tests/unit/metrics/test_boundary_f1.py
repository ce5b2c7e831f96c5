import pytest
import torch

from mda.metrics import depth_pro_boundary_f1, harmonic_mean, moge_boundary_f1
from tests.unit.metrics.step_scene import averaged_at_edges, step_depth, step_truth

ALL = torch.ones(1, 12, 24, dtype=torch.bool)
METRICS = [depth_pro_boundary_f1, moge_boundary_f1]


def scene(seed: int = 0) -> torch.Tensor:
    """[2 h w] depth with a jump at nearly every pixel."""
    return torch.rand(2, 10, 14, generator=torch.Generator().manual_seed(seed)) + 0.5


def by_hand_depth_pro(depth, target):
    """The definition, pixel by pixel, with the published handling of empty ratios."""
    total = weights = 0.0
    height, width = depth.shape
    for t in torch.linspace(1.05, 1.25, 10, dtype=torch.float64).tolist():
        precisions, recalls = [], []
        for down, right in ((0, -1), (0, 1), (-1, 0), (1, 0)):
            both = predicted = true = 0
            for i in range(height):
                for j in range(width):
                    if not (0 <= i + down < height and 0 <= j + right < width):
                        continue
                    p = float(depth[i + down, j + right] / depth[i, j]) > t
                    g = float(target[i + down, j + right] / target[i, j]) > t
                    both, predicted, true = both + (p and g), predicted + p, true + g
            precisions.append(both / max(predicted, 1))
            recalls.append(both / max(true, 1))
        total += t * harmonic_mean(sum(precisions) / 4, sum(recalls) / 4)
        weights += t
    return total / weights


def by_hand_moge(depth, target, radius):
    total = weights = 0.0
    height, width = depth.shape
    steps = range(-radius, radius + 1)
    disc = [(a, b) for a in steps for b in steps if 0 < a * a + b * b <= radius * radius]
    for t in torch.linspace(0.05, 0.25, 10, dtype=torch.float64).tolist():
        both = labels = 0
        for i in range(height):
            for j in range(width):
                for a, b in disc:
                    if 0 <= i + a < height and 0 <= j + b < width:
                        p = float(depth[i + a, j + b] / depth[i, j]) > 1 + t
                        g = float(target[i + a, j + b] / target[i, j]) > 1 + t
                        both, labels = both + (p and g), labels + p + g
        total += t * 2 * both / labels
        weights += t
    return total / weights


def test_depth_pro_follows_its_definition_pixel_by_pixel():
    target, depth = scene(0), scene(1) * 0.3 + scene(0)
    found = depth_pro_boundary_f1(depth, target, torch.ones_like(depth, dtype=torch.bool), published=True)
    expected = [by_hand_depth_pro(d, t) for d, t in zip(depth, target, strict=True)]
    assert found.values.tolist() == pytest.approx(expected, abs=1e-12)
    assert 0.3 < expected[0] < 0.95


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_moge_follows_its_definition_pixel_by_pixel(radius):
    target, depth = scene(0), scene(1) * 0.3 + scene(0)
    found = moge_boundary_f1(depth, target, torch.ones_like(depth, dtype=torch.bool), radius=radius)
    expected = [by_hand_moge(d, t, radius) for d, t in zip(depth, target, strict=True)]
    assert found.values.tolist() == pytest.approx(expected, abs=1e-12)
    assert 0.3 < expected[0] < 0.95


@pytest.mark.parametrize("metric", METRICS)
def test_truth_gets_one_at_any_scale(metric):
    depth = step_depth()
    for factor in (0.01, 1.0, 300.0):
        assert metric(depth * factor, depth, ALL).mean == 1


def test_the_published_empty_ratios_count_as_nothing():
    # A vertical step has relations in one of four directions only: precision and recall are 1/4.
    depth = step_depth()
    assert depth_pro_boundary_f1(depth, depth, ALL, published=True).mean == pytest.approx(0.25)


@pytest.mark.parametrize("metric", METRICS)
def test_an_edge_one_pixel_off_is_missed(metric):
    assert metric(step_depth(at=11), step_depth(), ALL).mean == 0


def test_a_wider_disc_forgives_an_edge_one_pixel_off():
    found = moge_boundary_f1(step_depth(at=11), step_depth(), ALL, radius=3).mean
    assert 0.3 < found < 1


@pytest.mark.parametrize("metric", METRICS)
def test_flat_predictions_and_deleted_edges_get_nothing(metric):
    target = step_depth()
    assert metric(torch.ones_like(target), target, ALL).mean == 0
    assert metric(torch.where(step_truth().edge, torch.nan, target), target, ALL).mean == 0


@pytest.mark.parametrize("metric", METRICS)
def test_without_true_edges_an_image_is_not_scored(metric):
    flat = torch.ones(2, 12, 24)
    scores = metric(flat, flat, torch.ones_like(flat, dtype=torch.bool))
    assert scores.tally.count == 0
    assert scores.mean != scores.mean


@pytest.mark.parametrize("metric", METRICS)
def test_pixels_without_truth_do_not_matter(metric):
    target, known = step_depth(), ALL.clone()
    known[:, 3:5] = False
    depth = torch.where(known, target, 100 * torch.rand(target.shape))
    assert metric(depth, torch.where(known, target, torch.nan), known).mean == 1


@pytest.mark.parametrize("metric", METRICS)
def test_averaging_costs_some(metric):
    truth = step_truth()
    assert metric(averaged_at_edges(truth), truth.depth, truth.valid).mean < 0.8


def test_harmonic_mean():
    assert harmonic_mean(0.5, 1.0) == pytest.approx(2 / 3)
    assert harmonic_mean(0.0, 0.0) == 0
