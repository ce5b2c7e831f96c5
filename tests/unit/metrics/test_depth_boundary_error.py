import pytest
import torch

from mda.metrics import canny_edges, depth_boundary_errors

ALL = torch.ones(40, 60, dtype=torch.bool)


def step(at: int) -> torch.Tensor:
    """A step with one column in its middle, which is then the only edge (Canny takes both pixels of a sharp one)."""
    depth = torch.full((40, 60), 5.0)
    depth[:, :at], depth[:, at] = 2.0, 3.5
    return depth


def errors(depth, true_edge):
    found = depth_boundary_errors(depth[None], true_edge[None])
    return found.accuracy.mean, found.completeness.mean


def test_canny_marks_one_pixel_per_row_of_a_step():
    edges = canny_edges(step(30), ALL)
    rows = edges[5:-5].sum(-1)
    assert (rows == 1).all()
    assert edges[5:-5, 30].all()


def test_truth_has_no_error_at_any_scale():
    edges = canny_edges(step(30), ALL)
    assert errors(step(30), edges) == errors(9 * step(30) + 4, edges) == (0, 0)


@pytest.mark.parametrize("pixels", [1, 3, 7])
def test_a_shift_by_n_pixels_is_an_error_of_n(pixels):
    edges = canny_edges(step(30), ALL)
    assert errors(step(30 + pixels), edges) == pytest.approx((pixels, pixels))


def test_far_edges_are_cut_at_ten_pixels():
    edges = canny_edges(step(20), ALL)
    assert errors(step(45), edges) == (10, 10)
    # Beside a right one, a far edge leaves the accuracy alone and costs completeness 10 for each of its pixels.
    both = step(20)
    both[:, 45], both[:, 46:] = 6.5, 8.0
    accuracy, completeness = errors(both, edges)
    assert accuracy == 0
    assert completeness == pytest.approx(10 / 3, rel=0.15)


def test_flat_predictions_get_ten():
    assert errors(torch.ones(40, 60), canny_edges(step(30), ALL)) == (10, 10)


def test_without_true_edges_an_image_is_not_scored():
    found = depth_boundary_errors(step(30)[None], torch.zeros(1, 40, 60, dtype=torch.bool))
    assert found.accuracy.tally.count == found.completeness.tally.count == 0


def test_deleted_edges_are_not_edges():
    depth = step(30)
    depth[:, 25:35] = torch.nan
    assert errors(depth, canny_edges(step(30), ALL)) == (10, 10)


def test_one_outlier_hides_edges_as_published():
    depth = step(30)
    depth[0, 0] = 1000.0
    accuracy, completeness = errors(depth, canny_edges(step(30), ALL))
    assert (accuracy, completeness) == (10, 10)
