import numpy as np
import pytest

from mda.errors import InputError
from mda.evaluation.benchmark import ViewSize
from mda.evaluation.layouts.cropping import cropped_view, room_size


def intrinsics(focal, cx, cy):
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1.0]])


@pytest.mark.parametrize(
    ("size", "expected"), [((504, 14), (378, 504)), ((518, 14), (378, 518)), ((512, 16), (384, 512))]
)
def test_sizes_are_the_published_ones(size, expected):
    view_size = ViewSize(long_side=size[0], patch=size[1])
    assert room_size(view_size) == expected
    assert room_size(view_size, square=True) == (expected[1], expected[1])


@pytest.mark.parametrize(
    ("image_hw", "centre", "target"),
    [
        ((480, 640), (320.5, 240.5), (378, 504)),
        ((540, 960), (480.5, 270.5), (504, 504)),
        ((240, 320), (150.2, 130.7), (378, 504)),
        ((640, 480), (240.5, 320.5), (378, 504)),
    ],
)
def test_rays_stay_what_they_are(image_hw, centre, target):
    """Pixels that remember the ray they were seen along: after crop and resize the new intrinsics give the same ray."""
    height, width = image_hw
    before = intrinsics(500.0, *centre)
    slopes_x = (np.arange(width) + 0.5 - centre[0]) / 500.0
    slopes_y = (np.arange(height) + 0.5 - centre[1]) / 500.0
    image = np.zeros((height, width, 3), dtype=np.uint8)
    for slopes, axis in ((slopes_x[None], 0), (slopes_y[:, None], 1)):
        remembered = (np.broadcast_to(slopes, image_hw) + 10).astype(np.float32)
        view, depth, after = cropped_view(image, remembered, before, target, "x")
        assert view.shape[:2] == depth.shape == (target[::-1] if height > width else target)
        pixels = np.arange(depth.shape[1 - axis]) + 0.5
        expected = (pixels - after[axis, 2]) / after[axis, axis]
        found = depth[len(depth) // 2] if axis == 0 else depth[:, depth.shape[1] // 2]
        # Depth takes the nearest pixel, so a ray may be off by a pixel of the coarser of the two images.
        assert np.abs(found - 10 - expected).max() <= max(1 / 500.0, 1 / after[0, 0])
        assert abs(np.mean(found - 10 - expected)) <= 0.6 * max(1 / 500.0, 1 / after[0, 0])


def test_a_view_of_the_right_size_stays_as_it_is():
    depth = np.random.default_rng(0).uniform(1, 2, (378, 504)).astype(np.float32)
    image = np.random.default_rng(0).integers(0, 255, (378, 504, 3), dtype=np.uint8)
    view, same, after = cropped_view(image, depth, intrinsics(400.0, 252.5, 189.5), (378, 504), "x")
    assert np.array_equal(same, depth)
    assert np.array_equal(view, image)
    assert after == pytest.approx(intrinsics(400.0, 252.5, 189.5), abs=1e-5)


def test_what_cannot_be_cropped_is_refused():
    depth, image = np.ones((100, 100), dtype=np.float32), np.zeros((100, 100, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=r"img7: the principal point \[4.5, 50.0\] is too near"):
        cropped_view(image, depth, intrinsics(50.0, 5.0, 50.5), (28, 28), "img7")
    with pytest.raises(InputError, match="img7: the image is 100 x 99, its depth 100 x 100"):
        cropped_view(image[:99], depth, intrinsics(50.0, 50.0, 50.0), (28, 28), "img7")
