import numpy as np
import pytest

from mda.evaluation import edge_masks
from mda.evaluation.edge_masks import MaskKind, boundary_mask

PUBLISHED = (MaskKind.POOLED, MaskKind.PER_VIEW, MaskKind.BLUR)


def step(near, far, *, ceiling=None, nearer_right=False):
    """A vertical step between columns 15 and 16."""
    depth = np.full((24, 32), near, dtype=np.float32)
    depth[:, 16:] = far
    if nearer_right:
        depth = depth[:, ::-1].copy()
    if ceiling is not None:
        depth[0, 0] = ceiling
    return depth


def mask(depth, kind, **options):
    return boundary_mask(depth, depth > 0, kind, **options)


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.parametrize("nearer_right", [False, True])
def test_a_vertical_step_marks_the_pixel_on_its_left(kind, nearer_right):
    found = mask(step(2.0, 4.0, nearer_right=nearer_right), kind)
    assert found[4:-4].sum() == 16
    assert found[4:-4, 15].all()
    upright = boundary_mask(step(2.0, 4.0).T.copy(), np.ones((32, 24), dtype=bool), kind)
    assert upright[15, 4:-4].all()
    assert upright[:, 4:-4].sum() == 16


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_step_must_be_a_fifth_of_the_range(kind):
    assert mask(step(2.0, 2.21, ceiling=3.0), kind)[6:-6].any()
    assert not mask(step(2.0, 2.19, ceiling=3.0), kind)[6:-6].any()


def test_far_pixels_hide_edges_and_the_kinds_treat_them_differently():
    assert mask(step(2.0, 4.0), MaskKind.POOLED)[6:-6].any()
    for kind in PUBLISHED:
        assert not mask(step(2.0, 4.0, ceiling=60.0), kind)[6:-6].any()
    # Beyond 65 m the range is cut for two of them.
    outlier = step(2.0, 20.0, ceiling=500.0)
    assert [bool(mask(outlier, kind)[6:-6].any()) for kind in PUBLISHED] == [True, True, False]


def test_a_hole_takes_part_in_the_range_of_the_blur_mask_alone():
    depth = step(2.0, 2.5)
    depth[:3, :3] = 0
    assert mask(depth, MaskKind.POOLED)[8:-6, 15].all()
    assert not mask(step(2.0, 2.3, ceiling=0.0), MaskKind.BLUR)[8:-6].any()


def test_erosion_drops_the_right_and_lower_neighbours_of_invalid_pixels():
    valid = np.ones((5, 6), dtype=bool)
    valid[2, 3] = False
    dropped = np.argwhere(~edge_masks._eroded(valid)).tolist()
    assert dropped == [[2, 3], [2, 4], [3, 3], [3, 4]]
    assert edge_masks._eroded(np.ones((3, 3), dtype=bool)).all()


def test_the_corrected_mask_marks_both_sides_of_surfaces_and_no_hole():
    found = mask(step(2.0, 4.0, ceiling=500.0), MaskKind.CORRECTED)
    assert found[4:-4, 15:17].all()
    assert found[4:-4].sum() == 32
    hole = np.full((24, 32), 2.0, dtype=np.float32)
    hole[8:16, 8:16] = 0
    assert not mask(hole, MaskKind.CORRECTED).any()
    assert not mask(step(2.0, 2.19), MaskKind.CORRECTED).any()
    assert mask(step(2.0, 2.21), MaskKind.CORRECTED).any()


def test_all_is_every_valid_pixel():
    depth = step(2.0, 0.0)
    assert np.array_equal(mask(depth, MaskKind.ALL), depth > 0)
