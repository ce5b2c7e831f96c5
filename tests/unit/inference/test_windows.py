from itertools import pairwise
from pathlib import Path

import pytest
import torch

from mda.errors import ConfigError
from mda.inference import Predictor
from mda.inference.windows import Order, Plan, order_of_images, plan_for, scaled_mixture
from mda.mixtures import DepthMixture, Space
from mda.models.presets import PRESETS
from tests.unit.inference.pretend import PretendNetwork, clip_views, pictures, pretend_predictor, true_depth


@pytest.mark.parametrize("order", [Order.SEQUENCE, Order.UNORDERED])
@pytest.mark.parametrize("count", [0, 1, 4, 5, 10, 23])
@pytest.mark.parametrize(("max_views", "overlap"), [(4, 1), (4, 3), (6, 2)])
def test_every_view_is_new_once_and_anchors_were_seen(order, count, max_views, overlap):
    windows = list(Plan(max_views=max_views, overlap=overlap, order=order).split(range(count)))
    assert [view for window in windows for view in window.new] == list(range(count))
    for before, window in pairwise(windows):
        assert len(before.views) == max_views
        assert len(window.views) <= max_views
        numbers = [number for number, _ in window.anchors]
        assert numbers == [view for _, view in window.anchors]
        start = window.start
        assert numbers == list(range(overlap) if order is Order.UNORDERED else range(start - overlap, start))


def test_windows_are_read_one_at_a_time():
    read = []
    windows = Plan(max_views=4).split(read.append(number) or number for number in range(100))
    next(windows)
    assert read == [0, 1, 2, 3]


def test_plans_without_room_are_refused():
    with pytest.raises(ConfigError, match="--max-views"):
        Plan(max_views=1)
    with pytest.raises(ConfigError, match="--overlap"):
        Plan(max_views=4, overlap=4)
    with pytest.raises(ConfigError, match="sequence, unordered"):
        plan_for(None, max_views=4, order="backwards")


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["f1.png", "f2.png", "f3.png"], Order.SEQUENCE),
        (["0010.jpg", "0020.jpg", "0030.jpg"], Order.SEQUENCE),
        (["IMG_1.jpg", "IMG_2.jpg", "IMG_7.jpg"], Order.UNORDERED),
        (["a1.jpg", "b2.jpg"], Order.UNORDERED),
        (["door.jpg", "window.jpg"], Order.UNORDERED),
    ],
)
def test_order_is_told_from_names(names, order):
    images = [Path(name) for name in names]
    assert order_of_images(images) is order
    assert plan_for(images, max_views=2).order is (order if len(images) > 2 else Order.SEQUENCE)
    assert plan_for(None, max_views=2).order is Order.SEQUENCE
    assert plan_for(images, max_views=2, order="unordered").order is Order.UNORDERED


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
@pytest.mark.parametrize("order", [Order.SEQUENCE, Order.UNORDERED])
def test_windows_of_different_scale_come_out_in_one_world(space, order):
    images = pictures(9)
    predictor = pretend_predictor(scales=(1.0, 0.2, 6.0), space=space)
    plan = Plan(max_views=4, order=order)
    windows = list(predictor.stream(clip_views(images), decoder="heaviest", plan=plan))
    assert predictor.network.calls == [4, 4, 3]
    for window in windows:
        for number, depth in zip(window.numbers, window.prediction.depth, strict=True):
            expected = torch.from_numpy(true_depth(images[number]))
            torch.testing.assert_close(depth, expected, rtol=1e-3, atol=1e-3)
    x = torch.cat([window.prediction.cameras.centers for window in windows])[:, 0]
    red = torch.tensor([image[0, 0, 0] / 255 for image in images], dtype=torch.float32)
    torch.testing.assert_close(x, red - red[0], rtol=1e-2, atol=1e-3)
    joints = windows[-1].progress.joints
    assert [joint.view for joint in joints] == [4, 7]
    assert [joint.scale for joint in joints] == pytest.approx([1 / 0.2, 1 / 6], rel=1e-3)
    assert all(joint.inliers > 0.999 and joint.residual_points < 1e-3 for joint in joints)


def test_saved_densities_give_the_depth_again():
    predictor = pretend_predictor(scales=(1.0, 0.2))
    for window in predictor.stream(clip_views(pictures(5)), decoder="mode", plan=Plan(max_views=3)):
        torch.testing.assert_close(window.prediction.mixture.decode("mode"), window.prediction.depth)


def test_windows_that_are_done_are_not_looked_at():
    images, plan = pictures(9), Plan(max_views=4)
    whole = list(pretend_predictor(scales=(1.0, 0.2, 6.0)).stream(clip_views(images), plan=plan))
    again = pretend_predictor(scales=(6.0,))
    resumed = list(again.stream(clip_views(images), plan=plan, progress=whole[1].progress))
    assert [window.prediction is None for window in resumed] == [True, True, False]
    assert again.network.calls == [3]
    torch.testing.assert_close(resumed[2].prediction.depth, whole[2].prediction.depth)
    torch.testing.assert_close(resumed[2].prediction.cameras.world_from_cam, whole[2].prediction.cameras.world_from_cam)
    assert resumed[2].progress.joints == whole[2].progress.joints


def test_unordered_views_come_back_in_their_order():
    """The anchors are spread over the clip; the result is in the order of the input all the same."""
    images = pictures(9)
    prediction = pretend_predictor(scales=(1.0, 0.2, 6.0)).predict(
        images, size=32, max_views=4, order="unordered", decoder="heaviest"
    )
    assert prediction.names == tuple(f"image_{number}" for number in range(9))
    for number, depth in enumerate(prediction.depth):
        torch.testing.assert_close(depth, torch.from_numpy(true_depth(images[number])), rtol=1e-3, atol=1e-3)
    assert [source["name"] for source in prediction.details["sources"]] == list(prediction.names)
    assert len(prediction.details["joints"]) == 2


def test_independent_views_are_looked_at_alone_in_batches():
    images = pictures(5)
    predictor = pretend_predictor(scales=(1.0, 3.0))
    prediction = predictor.predict(images, size=32, max_views=3, order="independent", decoder="heaviest")
    assert predictor.network.calls == [(3, 1), (2, 1)]
    # No joint brings the second batch to the scale of the first.
    for number, depth in enumerate(prediction.depth):
        expected = torch.from_numpy(true_depth(images[number])) * (1.0 if number < 3 else 3.0)
        torch.testing.assert_close(depth, expected, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(prediction.cameras.world_from_cam, torch.eye(4).expand(5, 4, 4))
    assert prediction.details["joints"] == []
    with pytest.raises(ConfigError, match="--mono"):
        predictor.predict(images, order="independent", cameras=prediction.cameras)


def test_independent_views_get_what_each_gets_alone():
    torch.manual_seed(0)
    preset = PRESETS["mda_mini"]
    predictor = Predictor(network=preset.build().eval(), preset=preset, device=torch.device("cpu"))
    images = pictures(3, hw=(32, 48))
    together = predictor.predict(images, size=48, order="independent")
    for number, image in enumerate(images):
        alone = predictor.predict(image, size=48)
        torch.testing.assert_close(together.depth[number], alone.depth[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            together.cameras.intrinsics[number], alone.cameras.intrinsics[0], rtol=1e-4, atol=1e-4
        )


def test_pretend_network_is_what_it_says():
    network = PretendNetwork()
    assert network(torch.zeros(1, 2, 3, 8, 8)).mixture.batch_shape == (1, 2, 8, 8)
