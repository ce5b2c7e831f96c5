import pytest
import torch

from mda.geometry import Cameras, compose, matrix_from_quaternion
from mda.models.heads import (
    DualHead,
    GaussianHead,
    MixtureHead,
    MonoHead,
    fill_sky,
    gaussians_from_raw,
    in_chunks,
    sky_log_odds,
)
from mda.models.heads.dense import Branch, run_branches
from mda.models.heads.gaussian_adapter import harmonics_rotation
from tests.unit.models.networks import lively

HW = (28, 42)
SIZES = {"features": 16, "channels": (8, 12, 16, 20)}


@pytest.fixture
def levels():
    return [torch.randn(5, 6, 32) for _ in range(4)]


@pytest.mark.parametrize("make", [DualHead, MixtureHead, MonoHead])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_chunks_have_no_effect(make, chunk, levels) -> None:
    head = lively(make(32, **SIZES))
    settings = {"rays": True} if make is DualHead else {}
    with torch.no_grad():
        whole, parts = head(levels, HW, chunk=5, **settings), head(levels, HW, chunk=chunk, **settings)
    for name, value in vars(whole).items():
        torch.testing.assert_close(getattr(parts, name), value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("recompute", [False, True])
def test_chunks_have_no_effect_on_gradients(levels, recompute) -> None:
    gradients = []
    for chunk in (5, 2):
        torch.manual_seed(3)
        head = lively(MixtureHead(32, **SIZES, recompute=recompute))
        maps = head(levels, HW, chunk=chunk)
        (
            maps.depths.log().square().sum() + maps.sky_log_odds.square().sum() + maps.log_weights.square().sum()
        ).backward()
        gradients.append([parameter.grad for parameter in head.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_chunks_of_several_outputs() -> None:
    x, y = torch.arange(5.0), torch.arange(5.0) * 2
    double, total = in_chunks(lambda a, b: (2 * a, a + b), [x, y], 2)
    assert torch.equal(double, 2 * x)
    assert torch.equal(total, x + y)


def test_branches_together_equal_branches_alone() -> None:
    branches = [lively(Branch(6, width)) for width in (3, 1, 2)]
    x = torch.randn(2, 6, 5, 4)
    torch.testing.assert_close(run_branches(x, branches), torch.cat([branch(x) for branch in branches], dim=1))


class TestMixture:
    def test_channels_are_depth_weight_confidence(self, levels) -> None:
        head = lively(MixtureHead(32, **SIZES, components=3))
        full = head.trunk.full_map(head.trunk.maps(levels, HW), HW)
        raw = [branch(full) for branch in head.components]
        logits = torch.stack([part[:, 1] for part in raw], dim=-1)
        maps = head(levels, HW)
        torch.testing.assert_close(maps.depths[..., 2], raw[2][:, 0].exp())
        torch.testing.assert_close(maps.confidence[..., 1], 1 + raw[1][:, 2].exp())
        torch.testing.assert_close(maps.log_weights, logits.log_softmax(-1))
        torch.testing.assert_close(maps.sky_log_odds, head.sky(full)[:, 0] - logits.logsumexp(-1))

    def test_starts_with_depths_apart_and_weights_alike(self, levels) -> None:
        maps = MixtureHead(32, **SIZES)([0 * level for level in levels], HW)
        centres = maps.depths.mean((0, 1, 2))
        assert (centres[1:] / centres[:-1] > 1.2).all()
        assert maps.log_weights.exp().mean((0, 1, 2)).sub(0.25).abs().max() < 0.1

    def test_without_sky(self, levels) -> None:
        assert MixtureHead(32, **SIZES, sky=False)(levels, HW).sky_log_odds is None


class TestDual:
    def test_rays_on_their_own_grid_only_if_asked(self, levels) -> None:
        head = DualHead(32, **SIZES)
        assert head(levels, HW).rays is None
        maps = head(levels, HW, rays=True)
        assert maps.rays.shape == (5, 16, 24, 6)
        assert maps.ray_confidence.min() > 1

    def test_dead_levels_are_not_trained(self, levels) -> None:
        head = DualHead(32, **SIZES)
        maps = head(levels, HW, rays=True)
        (maps.depth.sum() + maps.confidence.sum() + maps.rays.sum() + maps.ray_confidence.sum()).backward()
        for name, parameter in head.named_parameters():
            dead = name.startswith(
                tuple(f"ray_{part}.{level}." for part in ("narrow", "outputs") for level in range(3))
            )
            assert (parameter.grad is None) == dead, name
            assert parameter.requires_grad != dead


class TestSky:
    def test_fill_is_at_the_quantile_of_each_clip(self) -> None:
        depth = torch.rand(2, 2, 6, 7)
        sky = torch.zeros(2, 2, 6, 7, dtype=torch.bool)
        sky[0, :, :2] = True
        sky[1, :, 0, :4] = True
        filled = fill_sky(depth, sky)
        expected = depth[0][~sky[0]].quantile(0.99)
        torch.testing.assert_close(filled[0][sky[0]], expected.expand(28))
        assert torch.equal(filled[0][~sky[0]], depth[0][~sky[0]])
        # Eight pixels of sky are too few.
        assert torch.equal(filled[1], depth[1])

    def test_few_pixels_of_ground_are_not_enough(self) -> None:
        depth, sky = torch.rand(1, 1, 5, 5), torch.ones(1, 1, 5, 5, dtype=torch.bool)
        sky[0, 0, 0] = False
        assert torch.equal(fill_sky(depth, sky), depth)

    def test_published_threshold_lies_at_even_odds(self) -> None:
        odds = sky_log_odds(torch.tensor([0.0, 0.29, 0.31, 1.0, 5.0]))
        assert (odds > 0).tolist() == [False, False, True, True, True]
        assert odds.isfinite().all()
        assert odds[3] == odds[4]


def harmonics(direction):
    """Real spherical harmonics of degrees 0, 1, 2, ordered and signed as in 3D Gaussian splatting."""
    x, y, z = direction.unbind(-1)
    one = torch.ones_like(x)
    linear, edge, middle, side = 0.4886025, 1.0925484, 0.3153916, 0.5462742
    values = [0.2820948 * one, -linear * y, linear * z, -linear * x, edge * x * y, -edge * y * z]
    return torch.stack([*values, middle * (2 * z * z - x * x - y * y), -edge * x * z, side * (x * x - y * y)], dim=-1)


class TestGaussians:
    def test_turned_coefficients_give_the_turned_function(self) -> None:
        rotation = matrix_from_quaternion(torch.randn(4))
        direction = torch.nn.functional.normalize(torch.randn(10, 3), dim=-1)
        coefficients = torch.randn(9)
        turned = harmonics_rotation(rotation) @ coefficients
        before = harmonics(direction) @ coefficients
        torch.testing.assert_close(harmonics(direction @ rotation.T) @ turned, before, atol=1e-5, rtol=1e-5)

    def test_mean_lies_on_the_ray_of_the_shifted_pixel_at_the_shifted_distance(self) -> None:
        poses = compose(matrix_from_quaternion(torch.randn(1, 1, 4)), torch.randn(1, 1, 3))
        cameras = Cameras.from_fov(poses, torch.ones(1, 1, 2), (2, 3))
        raw = torch.randn(1, 1, 2, 3, 37)
        depth = torch.rand(1, 1, 2, 3) + 3
        splats = gaussians_from_raw(raw, torch.rand(1, 1, 2, 3), depth, cameras)
        distance = (splats.means - cameras.centers[0]).norm(dim=-1)
        torch.testing.assert_close(distance[0], (depth + raw[..., -1]).flatten())
        local = (splats.means - cameras.centers[0]) @ poses[0, 0, :3, :3]
        pixel = local[0, 4] / local[0, 4, 2] @ cameras.intrinsics[0, 0].T
        torch.testing.assert_close(pixel[:2], torch.tensor([1.5, 1.5]) + raw[0, 0, 1, 1, :2])
        low = 1e-5 * distance * 0.1 * (1 / cameras.intrinsics[0, 0].diagonal()[:2]).sum()
        assert (splats.scales >= 0.99 * low[..., None]).all()

    def test_image_reaches_the_raw_channels(self, levels) -> None:
        head = lively(GaussianHead(32, **SIZES))
        images = torch.randn(5, 3, *HW)
        raw, density = head(levels, images)
        assert raw.shape == (5, *HW, 37)
        assert 0 <= density.min() <= density.max() <= 1
        assert not torch.allclose(raw, head(levels, images + 1)[0])
        torch.testing.assert_close(head(levels, images, chunk=2)[0], raw, atol=1e-5, rtol=1e-5)
