import pytest
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras
from mda.mixtures import Family, Space
from mda.models.backbones import ReferenceView
from mda.models.da3 import normalise_cameras
from mda.models.precision import Precision
from tests.unit.models.networks import HW, any_view_network, mixture_network, mono_network


@pytest.fixture
def images():
    return torch.randn(2, 3, 3, *HW)


def cameras(batch=2, views=3):
    poses = torch.eye(4).repeat(batch, views, 1, 1)
    poses[..., :3, 3] = torch.randn(batch, views, 3)
    return Cameras.from_fov(poses, torch.ones(batch, views, 2), HW)


def tensors(output):
    """Every tensor of an output."""
    mixture = output.mixture
    found = [mixture.locs, mixture.scales, mixture.log_weights, output.sky_log_odds, output.pose_encoding]
    return [tensor for tensor in found if tensor is not None]


@pytest.mark.parametrize("make", [any_view_network, mixture_network, mono_network])
class TestEveryNetwork:
    def test_clips_of_a_batch_do_not_see_each_other(self, make, images) -> None:
        network = make()
        with torch.no_grad():
            together = network(images)
            for index in range(2):
                alone = network(images[index : index + 1])
                for one, other in zip(tensors(together), tensors(alone), strict=True):
                    torch.testing.assert_close(one[index : index + 1], other, atol=2e-5, rtol=2e-5)

    def test_same_input_same_output_bit_by_bit(self, make, images) -> None:
        network = make()
        kept = images.clone()
        with torch.no_grad():
            first, second = network(images), network(images)
        assert all(torch.equal(one, other) for one, other in zip(tensors(first), tensors(second), strict=True))
        assert torch.equal(images, kept), "an argument was written to"

    def test_size_that_is_no_multiple_is_refused(self, make) -> None:
        with pytest.raises(ConfigError, match="multiples of 14, found 30 x 42"):
            make()(torch.randn(1, 1, 3, 30, 42))

    def test_works_in_training(self, make, images) -> None:
        network = make().train()
        output = network(images)
        loss = sum(tensor.square().mean() for tensor in tensors(output))
        loss.backward()
        assert network.backbone.pos_embed.grad.isfinite().all()


class TestAnyView:
    def test_single_depth_is_a_mixture_of_one(self, images) -> None:
        output = any_view_network()(images)
        assert output.mixture.num_components == 1
        assert (output.mixture.family, output.mixture.space) == (Family.LAPLACE, Space.LINEAR)
        assert output.sky is None
        assert output.rays is None
        assert output.cameras.batch_shape == (2, 3)

    def test_mixture_and_sky(self, images) -> None:
        output = mixture_network(components=3, family=Family.LAPLACE, space=Space.LINEAR)(images)
        assert output.mixture.locs.shape == (2, 3, *HW, 3)
        assert output.mixture.family is Family.LAPLACE
        assert output.sky_log_odds.shape == (2, 3, *HW)
        assert mixture_network(sky=False)(images).sky_log_odds is None

    def test_rays_and_gaussians_if_asked(self, images) -> None:
        network = any_view_network(gaussians=True)
        with torch.no_grad():
            output = network(images, rays=True, gaussians=True)
        assert output.rays.rays.shape == (2, 3, 16, 24, 6)
        assert output.gaussians.means.shape == (2, 3 * HW[0] * HW[1], 3)
        with pytest.raises(ConfigError, match="no head for 3D Gaussians"):
            any_view_network()(images, gaussians=True)

    def test_cameras_matter_and_only_their_own_clip(self, images) -> None:
        network, given = any_view_network(), cameras()
        with torch.no_grad():
            untold, told = network(images), network(images, given)
            given.world_from_cam[1, 2, 0, 3] += 1
            moved = network(images, given)
        assert not torch.allclose(untold.pose_encoding, told.pose_encoding)
        torch.testing.assert_close(told.pose_encoding[0], moved.pose_encoding[0])
        assert not torch.allclose(told.pose_encoding[1], moved.pose_encoding[1])

    def test_reference_view_is_a_setting(self, images) -> None:
        network = any_view_network()
        with torch.no_grad():
            first = network(images, reference_view=ReferenceView.FIRST).pose_encoding
            middle = network(images, reference_view=ReferenceView.MIDDLE).pose_encoding
        assert not torch.allclose(first, middle)

    def test_half_precision_is_for_cuda_unless_asked(self) -> None:
        cpu, cuda = torch.device("cpu"), torch.device("cuda")
        with Precision.AUTO.autocast(cpu):
            assert not torch.is_autocast_enabled("cpu")
        with Precision.BFLOAT16.autocast(cpu):
            assert torch.is_autocast_enabled("cpu")
        if torch.cuda.is_available():
            with Precision.AUTO.autocast(cuda):
                assert torch.is_autocast_enabled("cuda")

    def test_heads_stay_in_full_precision_whatever_the_caller_does(self, images) -> None:
        network = mixture_network()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            output = network(images)
        assert all(tensor.dtype == torch.float32 for tensor in tensors(output))


def test_single_view_network_takes_no_cameras(images) -> None:
    with pytest.raises(ConfigError, match="known cameras"):
        mono_network()(images, cameras())


class TestNormalisedCameras:
    def test_first_view_is_the_identity(self) -> None:
        given = normalise_cameras(cameras(), rescale=False)
        torch.testing.assert_close(given.world_from_cam[:, 0], torch.eye(4).expand(2, 4, 4))

    def test_median_distance_is_one_but_tiny_ones_are_not_blown_up(self) -> None:
        given = cameras(views=5)
        scaled = normalise_cameras(given, rescale=True).centers.norm(dim=-1)
        torch.testing.assert_close(scaled.median(dim=-1).values, torch.ones(2))
        tiny = normalise_cameras(given.scaled(1e-4), rescale=True)
        plain = normalise_cameras(given.scaled(1e-4), rescale=False)
        torch.testing.assert_close(tiny.centers, plain.centers * 10)
