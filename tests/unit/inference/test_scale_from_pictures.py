import pytest
import torch

from mda.geometry import Cameras
from mda.inference import scale_from_pictures as module
from mda.inference.scale_from_pictures import scale_from_pictures
from tests.unit.inference.slope import seen_slope


@pytest.mark.parametrize("factor", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("count", [2, 5])
def test_depth_of_a_wrong_size_is_set_right(factor, count):
    images, depth, cameras = seen_slope(count)
    found = scale_from_pictures(images, depth / factor, None, cameras)
    assert found == pytest.approx(factor, rel=0.03)


def test_a_world_twice_as_large_has_twice_the_factor():
    images, depth, cameras = seen_slope()
    once = scale_from_pictures(images, depth, None, cameras)
    assert scale_from_pictures(images, depth, None, cameras.scaled(2.0)) == pytest.approx(2 * once, rel=1e-5)


def test_rough_depth_is_enough():
    images, depth, cameras = seen_slope()
    rough = depth * torch.empty(3, 12, 16).uniform_(0.8, 1.25, generator=torch.Generator().manual_seed(0)).repeat(
        1, 8, 8
    )
    assert scale_from_pictures(images, rough, None, cameras) == pytest.approx(1, rel=0.15)


def test_large_pictures_are_compared_at_a_small_size():
    images, depth, cameras = seen_slope(hw=(384, 512))
    assert scale_from_pictures(images, depth / 7, None, cameras) == pytest.approx(7, rel=0.03)


def test_sky_does_not_count():
    images, depth, cameras = seen_slope()
    sky = torch.zeros(depth.shape, dtype=torch.bool)
    sky[:, :60] = True
    # Coarse enough to outlast the blur, and another in each view.
    noise = 255 * torch.randint(0, 2, (3, 12, 16, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    noise = noise.repeat_interleave(8, 1).repeat_interleave(8, 2).expand(images.shape)
    images, depth = torch.where(sky[..., None], noise, images), torch.where(sky, 1e3, depth)
    assert scale_from_pictures(images, depth, sky, cameras) == pytest.approx(1, rel=0.1)
    assert scale_from_pictures(images, depth, None, cameras) is None
    assert scale_from_pictures(images, depth, torch.ones_like(sky), cameras) is None


def test_pictures_without_a_pattern_tell_nothing():
    images, depth, cameras = seen_slope()
    noise = torch.randint(0, 256, images.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for pictures in (noise, torch.full_like(images, 100)):
        assert scale_from_pictures(pictures, depth, None, cameras) is None


def test_without_parallax_or_depth_nothing_is_told():
    images, depth, cameras = seen_slope(step=0.0)
    assert scale_from_pictures(images, depth, None, cameras) is None
    images, depth, cameras = seen_slope()
    assert scale_from_pictures(images, torch.zeros_like(depth), None, cameras) is None
    assert scale_from_pictures(images[:1], depth[:1], None, cameras[:1]) is None


def test_hundreds_of_views_cost_little_more_than_a_few(monkeypatch):
    """Only the views of the pairs that are compared are touched, and there is a limit to their number."""
    images, depth, cameras = seen_slope(60, hw=(48, 64), step=0.03)
    touched = []
    reduced = module._reduced

    def counting(images, *others):
        touched.append(len(images))
        return reduced(images, *others)

    monkeypatch.setattr(module, "_reduced", counting)
    assert scale_from_pictures(images, depth / 7, None, cameras) == pytest.approx(7, rel=0.05)
    again = torch.arange(600) % 60
    many = scale_from_pictures(images[again], depth[again] / 7, None, cameras[again])
    assert many == pytest.approx(7, rel=0.05)
    assert max(touched) <= 96


def test_views_that_look_elsewhere_are_not_compared():
    images, depth, cameras = seen_slope(3)
    about_face = torch.diag(torch.tensor([-1.0, 1.0, -1.0, 1.0], dtype=torch.float64))
    turned = Cameras(
        world_from_cam=cameras.world_from_cam @ about_face, intrinsics=cameras.intrinsics, image_hw=cameras.image_hw
    )
    both = Cameras.joined([cameras, turned[:1], turned[:1]])
    noise = torch.randint(0, 256, (2, *images.shape[1:]), dtype=torch.uint8)
    found = scale_from_pictures(torch.cat([images, noise]), torch.cat([depth, depth[:2]]), None, both)
    assert found == pytest.approx(1, rel=0.03)
