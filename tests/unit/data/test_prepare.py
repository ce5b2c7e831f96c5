import numpy as np
import pytest
import torch

from mda.data.prepare import prepare_view, window_of
from mda.data.views import DepthRule, FileCamera, make_view
from mda.errors import InputError
from mda.geometry import Cameras, points_from_depth, project
from tests.unit.data.little_world import frames

# Intrinsics (fx, fy, cx, cy; centre of the top-left pixel at (0, 0)) that the published pipeline makes of a camera:
# (width, height, f, cx, cy), target (width, height), zoom.
GOLDEN = [
    ((1024, 768, 886.8, 512, 384), (504, 378), 0, (436.4718, 436.4718, 251.7461, 188.7461)),
    ((640, 480, 320, 320, 240), (378, 504), 0, (336, 336, 189.0250, 252.0250)),
    ((1242, 375, 725.0087, 620.5, 187), (504, 154), 0, (298.5330, 298.5330, 251.9118, 76.7059)),
    ((640, 480, 320, 320, 240), (504, 504), 12, (344, 344, 252.0375, 252.0375)),
]


def camera(width, height, focal, x, y):
    matrix = torch.tensor([[focal, 0, x], [0, focal, y], [0, 0, 1]], dtype=torch.float32)
    return Cameras(world_from_cam=torch.eye(4), intrinsics=matrix, image_hw=(height, width))


@pytest.mark.parametrize(("source", "target", "zoom", "expected"), GOLDEN)
def test_whole_pixels_give_the_published_intrinsics(source, target, zoom, expected):
    made = camera(*source).from_integer_centres()
    window = window_of(made, target[::-1], zoom=zoom, whole_pixels=True)
    found = made.window(window.top, window.left, window.height, window.width, target[::-1]).intrinsics
    fx, fy, cx, cy = expected
    wanted = torch.tensor([[fx, 0, cx + 0.5], [0, fy, cy + 0.5], [0, 0, 1.0]])
    torch.testing.assert_close(found, wanted, atol=2e-4, rtol=0)


@pytest.mark.parametrize(("source", "target", "zoom", "_"), GOLDEN)
def test_the_optical_axis_goes_through_the_middle(source, target, zoom, _):
    made = camera(*source)
    window = window_of(made, target[::-1], zoom=zoom)
    found = made.window(window.top, window.left, window.height, window.width, target[::-1]).intrinsics
    torch.testing.assert_close(found[:2, 2], torch.tensor([target[0] / 2, target[1] / 2]), atol=1e-3, rtol=0)
    assert window.left >= -1e-4
    assert window.left + window.width <= source[0] + 1e-4
    assert window.top >= -1e-4
    assert window.top + window.height <= source[1] + 1e-4


def little_view(hw=(97, 129), number=0):
    one = frames(number + 1, hw=hw)[number]
    return make_view(
        name="little",
        image=one.image,
        depth=one.depth,
        camera=FileCamera(intrinsics=one.intrinsics, world_from_cam=one.pose),
        rule=DepthRule(far=1000.0, far_is_sky=True, sky_known=True),
    )


@pytest.mark.parametrize("image_hw", [(42, 56), (70, 42), (28, 98), (97, 129)])
def test_points_of_a_prepared_view_lie_where_they_were(image_hw):
    view = little_view()
    small = prepare_view(view, image_hw)
    assert small.image.shape == (*image_hw, 3)
    assert small.depth.shape == image_hw
    # Each point of the small view, carried back, falls into the pixel that its depth came from.
    points = points_from_depth(torch.from_numpy(small.depth), small.camera)[torch.from_numpy(small.valid)]
    pixels, depth = project(points, view.camera)
    x, y = pixels.floor().long().unbind(-1)
    seen = view.depth[y.clamp(0, 96).numpy(), x.clamp(0, 128).numpy()]
    assert (np.abs(seen - depth.numpy()) < 1e-4).mean() > 0.99


def test_depth_is_never_mixed_and_masks_go_with_it():
    view = little_view()
    small = prepare_view(view, (30, 40))
    assert np.isin(small.depth, view.depth).all()
    assert np.array_equal(small.valid, small.depth > 0)
    assert np.array_equal(small.sky, ~small.valid)


def test_zoom_makes_the_window_smaller():
    made = camera(640, 480, 320.0, 320, 240)
    plain, zoomed = window_of(made, (504, 504)), window_of(made, (504, 504), zoom=12)
    assert zoomed.width == pytest.approx(plain.width * 504 / 516)
    assert zoomed.height == pytest.approx(plain.height * 504 / 516)


def test_a_principal_point_at_the_border_is_refused():
    with pytest.raises(InputError, match=r"one: the principal point .* border"):
        window_of(camera(640, 480, 320.0, 100, 240), (504, 504), name="one")


def test_nothing_is_written_to():
    view = little_view()
    before = view.image.copy(), view.depth.copy()
    prepared = prepare_view(view, (97, 129))
    prepared.image[:] = 0
    assert np.array_equal(view.image, before[0])
    assert np.array_equal(view.depth, before[1])
