from dataclasses import replace

import pytest
import torch

from mda.errors import ConfigError
from mda.models.backbones import DinoBackbone, ReferenceView, choose_reference
from mda.models.backbones.reference_view import reference_first, reorder_views
from tests.unit.models.networks import BACKBONE, lively


def backbone(**settings):
    torch.manual_seed(0)
    return lively(DinoBackbone(replace(BACKBONE, special_start=2, **settings)).eval())


@pytest.fixture
def images():
    return torch.randn(1, 4, 3, 28, 42)


class TestReference:
    def test_order_puts_the_reference_first_and_back(self) -> None:
        order, inverse = reference_first(torch.tensor([2, 0]), 4)
        assert order.tolist() == [[2, 0, 1, 3], [0, 1, 2, 3]]
        x = torch.randn(8, 3, 5)
        moved = reorder_views(x, order)
        assert torch.equal(moved[0], x[2])
        assert torch.equal(moved[4:], x[4:])
        assert torch.equal(reorder_views(moved, inverse), x)

    def test_first_and_middle(self) -> None:
        tokens = torch.randn(2, 5, 8)
        assert choose_reference(tokens, ReferenceView.FIRST).tolist() == [0, 0]
        assert choose_reference(tokens, ReferenceView.MIDDLE).tolist() == [2, 2]

    def test_range_of_similarity_is_largest_for_the_view_that_has_an_opposite(self) -> None:
        tokens = torch.tensor([[[1.0, 0.0], [1.0, 0.01], [-1.0, 0.3], [0.9, 0.1]]])
        similarity = torch.nn.functional.normalize(tokens[0], dim=-1)
        similarity = similarity @ similarity.T - torch.eye(4)
        expected = int((similarity.amax(1) - similarity.amin(1)).argmax())
        assert choose_reference(tokens, ReferenceView.SADDLE_SIM_RANGE).tolist() == [expected]

    def test_balanced_view_is_in_the_middle_of_every_range(self) -> None:
        # Lengths 1, 2, 3 in one direction, so only the length tells them apart.
        tokens = torch.tensor([3.0, 2.0, 1.0])[None, :, None] * torch.tensor([0.6, 0.8])
        assert choose_reference(tokens, ReferenceView.SADDLE_BALANCED).tolist() == [1]

    def test_balanced_view_by_its_definition(self) -> None:
        tokens = torch.randn(40, 5, 6) * torch.rand(40, 5, 1)
        for clip, chosen in zip(tokens, choose_reference(tokens, ReferenceView.SADDLE_BALANCED).tolist(), strict=True):
            unit = clip / clip.norm(dim=-1, keepdim=True)
            others = [
                torch.tensor([float(one @ unit[j]) for j in range(5) if j != i]).mean() for i, one in enumerate(unit)
            ]
            scores = torch.zeros(5)
            for measure in (torch.stack(others), clip.norm(dim=-1), unit.var(dim=-1)):
                scores += ((measure - measure.min()) / (measure.max() - measure.min()) - 0.5).abs()
            assert int(scores.argmin()) == chosen

    def test_outputs_come_back_in_the_order_of_the_input(self, images) -> None:
        net = backbone()
        order = torch.tensor([2, 0, 1, 3])
        moved = net(images, reference_view=ReferenceView.MIDDLE)
        # The same views with the middle one in front give the same answer, view by view.
        direct = net(images[:, order], reference_view=ReferenceView.FIRST)
        assert moved.reference.tolist() == [2]
        for one, other in zip(moved.features, direct.features, strict=True):
            torch.testing.assert_close(one[:, order], other, atol=1e-4, rtol=1e-4)
        for one, other in zip(moved.camera_tokens, direct.camera_tokens, strict=True):
            torch.testing.assert_close(one[:, order], other, atol=1e-4, rtol=1e-4)

    @pytest.mark.parametrize("views", [1, 2])
    def test_one_or_two_views_keep_the_first(self, images, views) -> None:
        assert backbone()(images[:, :views], reference_view=ReferenceView.MIDDLE).reference.tolist() == [0]

    def test_given_cameras_keep_the_first(self, images) -> None:
        out = backbone()(images, torch.randn(1, 4, 32), reference_view=ReferenceView.MIDDLE)
        assert out.reference.tolist() == [0]


class TestBackbone:
    def test_views_meet_only_from_the_special_start_on(self, images) -> None:
        net = backbone()
        before = net(images)
        images[:, 3] += 1
        after = net(images)
        changed = [
            not torch.allclose(one[:, 1], other[:, 1])
            for one, other in zip(before.features, after.features, strict=True)
        ]
        # Special from block 2; the first block that sees all views is 3.
        assert changed == [False, False, False, True]

    def test_plain_dino_never_looks_across_views_and_takes_no_cameras(self, images) -> None:
        net = lively(DinoBackbone(replace(BACKBONE, special_start=None)))
        assert not hasattr(net, "camera_token")
        together, alone = net(images), net(images[:, 1:2])
        for one, other in zip(together.features, alone.features, strict=True):
            torch.testing.assert_close(one[:, 1:2], other)
        with pytest.raises(ConfigError, match="single views"):
            net(images, torch.randn(1, 4, 32))

    def test_camera_token_replaces_the_class_token(self, images) -> None:
        net = backbone()
        given = torch.randn(1, 4, 32)
        plain, told = net(images), net(images, given)
        for index, changes in enumerate((False, False, True, True)):
            assert torch.allclose(plain.camera_tokens[index], told.camera_tokens[index]) != changes

    def test_first_view_has_a_token_of_its_own(self, images) -> None:
        net = backbone()
        same = images[:, :1].expand(-1, 3, -1, -1, -1)
        tokens = net(same).camera_tokens[-1][0]
        torch.testing.assert_close(tokens[1], tokens[2])
        assert not torch.allclose(tokens[0], tokens[1])

    def test_local_half_stays_raw_and_the_other_is_normalised(self, images) -> None:
        net = backbone()
        with torch.no_grad():
            net.norm.weight.fill_(1)
            net.norm.bias.zero_()
        for features in net(images).features:
            second = features[..., 32:]
            torch.testing.assert_close(second.mean(-1), torch.zeros_like(second[..., 0]), atol=1e-4, rtol=0)
            assert features[..., :32].mean(-1).abs().max() > 1e-2

    def test_extra_layers(self, images) -> None:
        out = backbone()(images, extra_layers=(1, 3))
        assert [tuple(extra.shape) for extra in out.extra] == [(1, 4, 6, 32)] * 2

    def test_recomputing_blocks_changes_nothing(self, images) -> None:
        one, other = backbone(), backbone(checkpoint_blocks=True)
        for net in (one, other):
            sum(features.square().sum() for features in net(images).features).backward()
        for plain, saved in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(plain.grad, saved.grad)

    def test_published_eps_of_the_final_norm(self) -> None:
        assert backbone().norm.eps == 1e-5
