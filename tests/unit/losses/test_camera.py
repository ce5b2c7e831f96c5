import pytest
import torch

from mda.losses.camera import camera_errors


def codes():
    target = torch.tensor(
        [[[0.1, 0.2, 0.3, 0.0, 0.6, 0.0, 0.8, 0.7, 0.9], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.7, 0.9]]]
    )
    return target.clone(), target


def test_errors_are_means_over_numbers():
    encoding, target = codes()
    encoding[..., 0] += 0.3
    encoding[..., 7] -= 0.2
    errors = camera_errors(encoding, target, torch.ones(1))
    assert errors.translation.tally().mean.item() == pytest.approx(0.1)
    assert errors.fov.tally().mean.item() == pytest.approx(0.1)
    assert errors.rotation.tally().mean.item() == pytest.approx(0)


def test_translation_is_compared_at_the_scale_of_the_truth():
    encoding, target = codes()
    encoding[..., :3] /= 4
    assert camera_errors(encoding, target, torch.tensor([4.0])).translation.tally().mean.item() == pytest.approx(
        0, abs=1e-7
    )


@pytest.mark.parametrize("factor", [-1.0, 3.0, -0.2])
def test_length_and_sign_of_the_quaternion_do_not_matter(factor):
    encoding, target = codes()
    encoding[..., 3:7] *= factor
    fixed = camera_errors(encoding, target, torch.ones(1)).rotation.tally().mean.item()
    raw = camera_errors(encoding, target, torch.ones(1), raw_quaternion=True).rotation.tally().mean.item()
    assert fixed == pytest.approx(0, abs=1e-7)
    assert raw > 0.2


def test_a_quaternion_of_length_zero_has_a_finite_gradient():
    encoding, target = codes()
    encoding[..., 3:7] = 0
    encoding.requires_grad_()
    camera_errors(encoding, target, torch.ones(1)).rotation.tally().mean.backward()
    assert encoding.grad.isfinite().all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -1e30])
def test_views_with_numbers_that_cannot_be_used_are_left_out(bad):
    for broken in (0, 1):
        pair = list(codes())
        pair[broken][0, 1, 4] = bad
        pair[0][0, 0, 0] += 0.3
        pair[0].requires_grad_()
        errors = camera_errors(*pair, torch.ones(1))
        assert errors.translation.mask.tolist() == [[True, False]]
        assert errors.translation.tally().mean.item() == pytest.approx(0.1)
        sum(part.tally().mean for part in (errors.translation, errors.rotation, errors.fov)).backward()
        assert pair[0].grad.isfinite().all()
