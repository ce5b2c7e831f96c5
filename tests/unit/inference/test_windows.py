import pytest
import torch

from mda.errors import ConfigError
from mda.inference.windows import Reference, scale_between, scaled_mixture, split
from mda.mixtures import DepthMixture, Space
from tests.unit.inference.pretend import PretendNetwork, clip_views, pictures, pretend_predictor, true_depth


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [(0, 1)]), (4, [(0, 4)]), (5, [(0, 4), (4, 1)]), (10, [(0, 4), (4, 3), (7, 3)])],
)
def test_windows_hold_every_view_once(count, expected):
    windows = list(split(range(count), 4))
    assert [(start, len(views)) for start, views in windows] == expected
    assert [view for _, views in windows for view in views] == list(range(count))


def test_windows_are_read_one_at_a_time():
    read = []
    windows = split((read.append(number) or number for number in range(100)), 4)
    next(windows)
    assert read == [0, 1, 2, 3]


def test_a_window_of_one_view_is_refused():
    with pytest.raises(ConfigError, match="--max-views"):
        next(split([1], 1))


def test_scale_is_the_median_ratio_without_sky():
    depth = torch.linspace(1, 2, 20).reshape(4, 5)
    other = depth / 3
    sky = torch.zeros(4, 5, dtype=torch.bool)
    sky[:3] = True
    other[sky] = 1e6
    assert scale_between(Reference(depth=depth, sky=None), Reference(depth=other, sky=sky)) == pytest.approx(3)
    assert scale_between(Reference(depth=depth, sky=sky), Reference(depth=other, sky=None)) == pytest.approx(3)
    other[3, :3] = torch.tensor([torch.nan, torch.inf, -1.0])
    assert scale_between(Reference(depth=depth, sky=sky), Reference(depth=other, sky=None)) == pytest.approx(3)


def test_scale_of_nothing_is_one():
    nothing = Reference(depth=torch.full((2, 2), -1.0), sky=None)
    assert scale_between(nothing, nothing) == 1.0


@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize("factor", [0.25, 1.0, 7.0])
def test_a_scaled_mixture_is_the_density_of_scaled_depth(space, factor):
    mixture = DepthMixture.from_confidence(
        depths=torch.tensor([[1.0, 4.0]]),
        confidence=torch.tensor([[1e4, 2e4]]),
        log_weights=torch.tensor([[0.4, 0.6]]).log(),
        space=space,
    )
    scaled = scaled_mixture(mixture, factor)
    torch.testing.assert_close(scaled.hypotheses, mixture.hypotheses * factor)
    # Mass is preserved: p'(x') dx' = p(x) dx, to first order exact for narrow components.
    depth, step = torch.tensor([4.01]), 1e-3
    before = mixture.space.coordinate(depth + step) - mixture.space.coordinate(depth - step)
    after = mixture.space.coordinate(factor * (depth + step)) - mixture.space.coordinate(factor * (depth - step))
    mass, scaled_mass = mixture.log_prob(depth) + before.log(), scaled.log_prob(factor * depth) + after.log()
    torch.testing.assert_close(scaled_mass, mass, atol=0.02, rtol=0)


@pytest.mark.parametrize("space", list(Space))
def test_windows_of_different_scale_come_out_in_one_world(space):
    images = pictures(9)
    predictor = pretend_predictor(scales=(1.0, 0.2, 6.0), space=space)
    windows = list(predictor.stream(clip_views(images), decoder="heaviest", max_views=4))
    assert predictor.network.calls == [4, 4, 3]
    for window in windows:
        for offset, depth in enumerate(window.prediction.depth):
            expected = torch.from_numpy(true_depth(images[window.start + offset]))
            torch.testing.assert_close(depth, expected, rtol=1e-3, atol=1e-3)
    x = torch.cat([window.prediction.cameras.centers for window in windows])[:, 0]
    red = torch.tensor([image[0, 0, 0] / 255 for image in images], dtype=torch.float32)
    torch.testing.assert_close(x, red - red[0], rtol=1e-2, atol=1e-3)


def test_saved_densities_give_the_depth_again():
    predictor = pretend_predictor(scales=(1.0, 0.2))
    for window in predictor.stream(clip_views(pictures(5)), decoder="mode", max_views=3):
        torch.testing.assert_close(window.prediction.mixture.decode("mode"), window.prediction.depth)


def test_windows_that_are_done_are_not_looked_at():
    images = pictures(9)
    whole = list(pretend_predictor(scales=(1.0, 0.2, 6.0)).stream(clip_views(images), max_views=4))
    first = whole[0].prediction
    reference = Reference(depth=first.depth[0], sky=first.sky[0])
    again = pretend_predictor(scales=(6.0,))
    resumed = list(
        again.stream(clip_views(images), max_views=4, reference=reference, done=lambda numbers: numbers.stop <= 7)
    )
    assert [window.prediction is None for window in resumed] == [True, True, False]
    assert again.network.calls == [3]
    torch.testing.assert_close(resumed[2].prediction.depth, whole[2].prediction.depth)
    torch.testing.assert_close(resumed[2].prediction.cameras.world_from_cam, whole[2].prediction.cameras.world_from_cam)


def test_pretend_network_is_what_it_says():
    network = PretendNetwork()
    assert network(torch.zeros(1, 2, 3, 8, 8)).mixture.batch_shape == (1, 2, 8, 8)
