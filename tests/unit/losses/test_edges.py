from dataclasses import replace

import pytest
import torch

from mda.geometry import Cameras
from mda.losses import LossConfig
from mda.losses.choice import choose
from mda.losses.edges import edge_error
from mda.losses.prepare import prepare
from mda.mixtures import DepthMixture, Family, Space
from mda.structures import NetworkOutput, Targets

HW = (24, 32)
FRONT, BACK, EDGE = 1.0, 2.0, 16


def truth(depth=None):
    """A front surface on the left and a back surface on the right."""
    if depth is None:
        depth = torch.full((1, 1, *HW), BACK)
        depth[..., :EDGE] = FRONT
    everywhere = torch.ones_like(depth, dtype=torch.bool)
    cameras = Cameras.from_fov(torch.eye(4).repeat(1, 1, 1, 1), torch.tensor([0.9, 0.7]).expand(1, 1, 2), HW)
    return Targets(
        depth=depth, valid=everywhere, sky=~everywhere, sky_labelled=torch.zeros_like(everywhere), cameras=cameras
    )


def term(depths, weights, *, target=None, space=Space.LOG, family=Family.NORMAL):
    """The edge term per edge pixel, of which there are two in each row."""
    mixture = DepthMixture.from_confidence(
        depths=depths,
        confidence=torch.full_like(depths, 50.0),
        log_weights=weights.log().expand_as(depths),
        family=family,
        space=space,
    )
    scene = prepare(NetworkOutput(mixture=mixture), truth() if target is None else target)
    found = edge_error(scene, choose(scene, LossConfig()))
    assert int(found.count) == HW[0] * HW[1]
    return found.sum / (2 * HW[0])


def single(depth):
    return depth[..., None], torch.ones(1)


def ramp(width):
    """The step of the truth as a ramp over so many pixels."""
    place = ((torch.arange(HW[1]) + 0.5 - EDGE) / width + 0.5).clamp(0, 1)
    return (FRONT * (BACK / FRONT) ** place).expand(1, 1, *HW)


def test_a_step_costs_nothing_and_a_ramp_more_the_wider_it_is():
    costs = [term(*single(truth().depth)), *(term(*single(ramp(width))) for width in (2, 3, 4))]
    assert costs[0] == pytest.approx(0, abs=1e-3)
    assert costs == sorted(costs)
    # A pixel beside the middle of the widest is three eighths of the gap away; own surfaces hold some of the ramp.
    assert 2.2 < costs[-1] < 0.375 / 0.15


def test_global_errors_do_not_count():
    plain = term(*single(ramp(4)))
    assert term(*single(5 * ramp(4))) == pytest.approx(float(plain), rel=1e-3)


def test_who_cannot_know_the_side_does_best_with_both_surfaces():
    front, back = torch.full((1, 1, *HW), FRONT), torch.full((1, 1, *HW), BACK)
    near = (torch.arange(HW[1]) - EDGE + 0.5).abs() < 1
    step = truth().depth
    both = torch.stack([torch.where(near, front, step), torch.where(near, back, step)], -1)
    middle = torch.where(near, (FRONT * BACK) ** 0.5, step)
    cost_of_both = term(both, torch.tensor([0.5, 0.5]))
    assert cost_of_both == pytest.approx(float(torch.tensor(2.0).log()), abs=0.01)
    assert cost_of_both < term(*single(middle))
    wrong = torch.where(near, FRONT * BACK / step, step)
    assert cost_of_both < term(*single(wrong))


@pytest.mark.parametrize(("space", "family"), [(Space.LOG, Family.NORMAL), (Space.LINEAR, Family.LAPLACE)])
def test_the_gradient_pulls_the_nearer_component_to_the_surface_that_is_seen(space, family):
    depths = torch.stack([ramp(4), 1.5 * ramp(4)], -1).requires_grad_()
    weights = torch.tensor([0.6, 0.4])
    term(depths, weights, space=space, family=family).backward()
    grad = depths.grad
    assert grad is not None
    # Left of the edge the front is seen, which is nearer than the ramp, so depth should fall.
    assert (grad[0, 0, :, EDGE - 1, 0] > 0).all()
    assert (grad[0, 0, :, EDGE, 0] < 0).all()
    assert not grad[0, 0, :, : EDGE - 1].any()  # surfaces themselves are not moved


def test_one_own_surface_or_no_edge_says_nothing():
    off = torch.ones(1, 1, *HW)
    off[..., EDGE] = 1.5
    assert not term(*single(off))
    flat = truth(torch.ones(1, 1, *HW))
    assert not term(*single(ramp(4)), target=flat)


def test_of_many_edge_pixels_some_stand_for_all(monkeypatch):
    every = term(*single(ramp(4)))
    monkeypatch.setattr("mda.losses.edges._MOST_PIXELS", 8)
    assert term(*single(ramp(4))) == pytest.approx(float(every), rel=1e-3)


def test_depth_that_is_not_known_makes_no_edges():
    target = truth()
    half = torch.zeros_like(target.valid)
    half[..., :EDGE] = True
    mixture = DepthMixture.from_confidence(
        depths=ramp(4)[..., None],
        confidence=torch.full((1, 1, *HW, 1), 50.0),
        log_weights=torch.zeros(1, 1, *HW, 1),
        family=Family.NORMAL,
        space=Space.LOG,
    )
    scene = prepare(NetworkOutput(mixture=mixture), replace(target, valid=half))
    assert not edge_error(scene, choose(scene, LossConfig())).sum
