from dataclasses import fields, replace

import pytest
import torch

from mda.losses import Compat, LossConfig, LossWeights, PointDepth, TrainingLoss
from mda.mixtures import DepthMixture
from mda.structures import NetworkOutput
from tests.unit.losses.scenes import all_sky, leaves, targets, without_depth, without_sky_labels

EVERYTHING = LossConfig(weights=LossWeights(gradient=1.0, edges=1.0))
PUBLISHED = replace(EVERYTHING, compat=Compat.published())
CONFIGS = pytest.mark.parametrize("config", [EVERYTHING, PUBLISHED], ids=["default", "published"])


def is_finite(report):
    scalars = [report.total, *(value for _, value in report.terms.items())]
    return all(bool(value.isfinite()) for value in scalars) and bool(report.scale.isfinite().all())


def not_a_number(truth, bad, *, where):
    depth = torch.where(where(truth), bad, truth.depth)
    return replace(truth, depth=depth)


def empty_view(truth):
    valid, sky, labelled = (mask.clone() for mask in (truth.valid, truth.sky, truth.sky_labelled))
    for mask in (valid, sky, labelled):
        mask[:, 1] = False
    return replace(truth, valid=valid, sky=sky, sky_labelled=labelled)


def sparse(truth):
    keep = torch.zeros_like(truth.valid)
    keep[:, :, 20, ::9] = True
    return replace(truth, valid=truth.valid & keep)


INCOMPLETE = {
    "no depth": without_depth,
    "no sky labels": without_sky_labels,
    "nothing": lambda truth: without_depth(without_sky_labels(truth)),
    "all sky": all_sky,
    "empty view": empty_view,
    "hardly any depth": sparse,
    "nan where invalid": lambda truth: not_a_number(truth, torch.nan, where=lambda t: ~t.valid),
    "inf where invalid": lambda truth: not_a_number(truth, torch.inf, where=lambda t: ~t.valid),
    "nan where valid": lambda truth: not_a_number(truth, torch.nan, where=lambda t: t.valid & (t.depth > 1.2)),
    "all valid depth nan": lambda truth: not_a_number(truth, torch.nan, where=lambda t: t.valid),
    "inf and zero where valid": lambda truth: not_a_number(
        not_a_number(truth, torch.inf, where=lambda t: t.valid & (t.depth > 1.3)), 0.0, where=lambda t: t.depth < 0.6
    ),
}


@CONFIGS
@pytest.mark.parametrize("case", INCOMPLETE)
@pytest.mark.parametrize("form", [("normal", "log"), ("laplace", "linear")])
def test_incomplete_truth_gives_a_finite_loss_and_gradient(case, config, form):
    pred = leaves()
    report = TrainingLoss(config)(pred.output(family=form[0], space=form[1]), INCOMPLETE[case](targets()))
    report.total.backward()
    assert is_finite(report)
    assert pred.finite_gradients()


def test_without_depth_only_the_regularisers_move_depth():
    pred = leaves()
    report = TrainingLoss()(pred.output(), without_depth(targets()))
    report.total.backward()
    assert report.terms.depth == 0
    assert report.terms.points == 0
    assert report.scale.tolist() == [1, 1]
    assert pred.depth.grad.abs().max() == 0
    assert pred.sky.grad.abs().max() > 0
    assert pred.encoding.grad.abs().max() > 0


def test_depth_that_is_not_a_number_counts_as_invalid():
    truth = targets()
    chosen = truth.valid & (truth.depth > 1.2)
    spoilt = TrainingLoss()(leaves().output(), replace(truth, depth=torch.where(chosen, torch.nan, truth.depth)))
    # Their sky label stands: the pixels are still known not to be sky.
    without = TrainingLoss()(leaves().output(), replace(truth, valid=truth.valid & ~chosen))
    assert torch.allclose(spoilt.total, without.total)
    assert spoilt.counts.dropped_truth == chosen.sum()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_predictions_that_are_not_finite_cost_only_their_pixels(bad):
    output, truth = leaves().output(), targets()
    locs = output.mixture.locs.detach().clone()
    locs[0, 0, 20, :5] = bad
    report = TrainingLoss()(replace(output, mixture=replace(output.mixture, locs=locs)), truth)
    report.total.backward()
    assert is_finite(report)
    assert report.counts.dropped_predictions == 5
    assert report.counts.depth == truth.valid.sum() - 5


@pytest.mark.parametrize("gain", [10.0, 60.0, 1e4])
@pytest.mark.parametrize("form", [("normal", "log"), ("laplace", "linear"), ("normal", "linear"), ("laplace", "log")])
@pytest.mark.parametrize("config", [EVERYTHING, PUBLISHED, replace(EVERYTHING, point_depth=PointDepth.MEAN)])
def test_extreme_logits_are_finite(gain, form, config):
    pred = leaves()
    with torch.no_grad():
        pred.depth.mul_(gain).clamp_(-80, 80)
        pred.confidence.mul_(gain).clamp_(-80, 80)
        for leaf in (pred.logits, pred.sky, pred.encoding):
            leaf.mul_(gain)
    report = TrainingLoss(config)(pred.output(family=form[0], space=form[1]), targets())
    report.total.backward()
    assert is_finite(report)
    assert pred.finite_gradients()


def test_the_terms_add_up_and_have_names():
    report = TrainingLoss(EVERYTHING)(leaves().output(), targets())
    values = dict(report.terms.items())
    assert sum(value.item() for value in values.values()) == pytest.approx(report.total.item(), rel=1e-6)
    # Terms of glass need a network and labels that know it, and that of edges surfaces, of which noise has none.
    assert {name for name, value in values.items() if value == 0} == {"edges", "layers", "transparency"}
    assert set(values) == {field.name for field in fields(report.terms)}


def test_a_term_of_weight_zero_is_zero_and_changes_no_other():
    full = dict(TrainingLoss(EVERYTHING)(leaves().output(), targets()).terms.items())
    for name in full:
        part = "points" if name == "point_scale" else name
        weights = replace(EVERYTHING.weights, **{name: 0.0})
        found = dict(TrainingLoss(replace(EVERYTHING, weights=weights))(leaves().output(), targets()).terms.items())
        assert found[name] == 0, name
        assert all(found[other] == full[other] for other in full if other not in {name, part})


def test_without_sky_and_cameras_those_terms_are_zero():
    truth = targets()
    vggt = TrainingLoss()(leaves().output(sky=False), truth)
    mono = TrainingLoss()(leaves().output(cameras=False), truth)
    assert vggt.terms.sky == 0
    assert mono.counts.views == 0
    for name in ("translation", "rotation", "fov", "points", "point_scale"):
        assert getattr(mono.terms, name) == 0
        assert getattr(vggt.terms, name) > 0
    assert mono.terms.depth == vggt.terms.depth


@pytest.mark.parametrize("components", [1, 2, 7])
def test_any_number_of_components(components):
    pred = leaves(components=components)
    report = TrainingLoss()(pred.output(), targets())
    report.total.backward()
    assert is_finite(report)
    assert pred.finite_gradients()


def test_one_laplace_component_is_the_confidence_loss():
    # method of the single-depth networks: c |d - d*| - alpha log c, with alpha = 0.2.
    pred, truth = leaves(components=1), targets(seed=3)
    truth = replace(truth, valid=truth.valid & (torch.rand(truth.valid.shape) < 0.4))
    assert truth.valid.sum() <= 1000  # so that the quantile filter is out of the way
    config = LossConfig(align_scale=False, weights=LossWeights(confidence=0.0, ambiguity=0.0))
    output = replace(pred.output(family="laplace", space="linear", sky=False, cameras=False))
    report = TrainingLoss(config)(output, truth)
    (report.total).backward()
    ours = (report.total.detach(), pred.depth.grad.clone(), pred.confidence.grad.clone())
    pred.depth.grad = pred.confidence.grad = None
    confidence = 1 + pred.confidence[..., 0].exp()
    plain = confidence * (pred.depth[..., 0].exp() - truth.depth).abs() - 0.2 * confidence.log()
    plain = plain[truth.valid].mean()
    plain.backward()
    constant = 0.2 * torch.log(torch.tensor(0.4))
    assert torch.allclose(ours[0], plain + constant, rtol=1e-5)
    assert torch.allclose(ours[1], pred.depth.grad, rtol=1e-4, atol=1e-9)
    assert torch.allclose(ours[2], pred.confidence.grad, rtol=1e-4, atol=1e-9)


def test_the_unit_of_the_truth_does_not_matter_to_depth():
    pred, truth = leaves(), targets()
    report = TrainingLoss()(pred.output(), truth)
    factor = torch.tensor([8.0, 0.5])
    scaled = replace(truth, depth=truth.depth * factor[:, None, None, None])
    other = TrainingLoss()(pred.output(), scaled)
    assert torch.allclose(other.terms.depth, report.terms.depth, rtol=1e-4)
    assert torch.allclose(other.scale, report.scale * factor, rtol=1e-5)


def test_clips_of_a_batch_are_pooled_by_their_pixels():
    pred, truth = leaves(), targets()
    config = LossConfig(weights=LossWeights(log_weight=0.0))
    together = TrainingLoss(config)(pred.output(), sparse(truth))
    sums = torch.zeros(2)
    for clip in range(2):
        one = slice(clip, clip + 1)
        output, alone = pred.output(), sparse(truth)
        output = NetworkOutput(mixture=output.mixture[one], sky_log_odds=output.sky_log_odds[one])
        masks = {name: getattr(alone, name)[one] for name in ("depth", "valid", "sky", "sky_labelled")}
        report = TrainingLoss(config)(output, replace(alone, cameras=alone.cameras[one], **masks))
        sums += torch.stack([report.terms.depth * report.counts.depth, report.terms.sky * report.counts.sky]).detach()
    assert torch.allclose(together.terms.depth, sums[0] / together.counts.depth, rtol=1e-5)
    assert torch.allclose(together.terms.sky, sums[1] / together.counts.sky, rtol=1e-5)


def test_scale_is_one_median_per_clip():
    output, truth = leaves().output(), targets()
    report = TrainingLoss()(output, truth)
    weights = output.mixture.log_weights.clamp_min(-4)
    choice = replace(output.mixture, log_weights=weights)
    at_centers = torch.stack([choice.log_prob(choice.hypotheses[..., k]) for k in range(3)], dim=-1)
    depth = choice.hypotheses.gather(-1, at_centers.argmax(-1, keepdim=True))[..., 0]
    for clip in range(2):
        expected = (truth.depth / depth)[clip][truth.valid[clip]].median()
        assert report.scale[clip].item() == pytest.approx(expected.item(), rel=1e-6)
    assert not report.scale.requires_grad


@pytest.mark.parametrize(("compat", "bounded"), [(Compat(), True), (Compat(sky_per_valid_depth=True), False)])
def test_the_sky_term_is_a_mean_over_sky_labels_by_default(compat, bounded):
    truth = all_sky(targets())
    valid = torch.zeros_like(truth.valid)
    valid[0, 0, 0, 0] = True
    report = TrainingLoss(LossConfig(compat=compat))(leaves().output(), replace(truth, valid=valid))
    assert (report.terms.sky < 1) == bounded


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("sky_per_valid_depth", "sky"),
        ("erosion_along_width", "gradient"),
        ("integer_pixel_centers", "points"),
        ("clamped_weights_unnormalised", "depth"),
        ("raw_quaternion", "rotation"),
        ("raw_invalid_depth", "gradient"),
    ],
)
def test_each_published_error_changes_its_term(name, term):
    pred, truth = leaves(), targets()
    with torch.no_grad():
        pred.logits.mul_(4)
    config = replace(EVERYTHING, compat=replace(Compat(), **{name: True}))
    usual = dict(TrainingLoss(EVERYTHING)(pred.output(), truth).terms.items())
    found = dict(TrainingLoss(config)(pred.output(), truth).terms.items())
    assert found[term] != usual[term]
    assert {other for other in usual if found[other] != usual[other]} <= {term, "scale", "point_scale"}


def test_the_published_setting_has_every_flag():
    assert all(getattr(Compat.published(), field.name) for field in fields(Compat))
    assert not any(getattr(Compat(), field.name) for field in fields(Compat))


def test_point_depth_and_its_gradient_are_separate_options():
    found = {}
    for option in PointDepth:
        pred = leaves()
        weights = replace(LossWeights(), depth=0.0, scale=0.0)
        report = TrainingLoss(LossConfig(point_depth=option, weights=weights))(pred.output(), targets())
        report.total.backward()
        found[option] = (report.terms.points.item(), pred.depth.grad.abs().max().item() > 0)
    detached, chosen, mean = (found[option] for option in PointDepth)
    assert detached == (chosen[0], False)
    assert chosen[1]
    assert mean[1]
    assert mean[0] != chosen[0]


def test_dividing_by_the_top_weight_sharpens():
    # All components alike: each has the weight 1/3, and dividing by its cube multiplies by 27.
    shape = (1, 1, 24, 28)
    mixture = DepthMixture(
        locs=torch.zeros(*shape, 3), scales=torch.ones(*shape, 3), log_weights=torch.zeros(*shape, 3).log_softmax(-1)
    )
    config = LossConfig(weights=LossWeights(log_weight=0.0))
    usual, divided = (
        TrainingLoss(replace(config, divide_by_top_weight=flag))(NetworkOutput(mixture=mixture), targets(shape=shape))
        for flag in (False, True)
    )
    assert divided.terms.depth.item() == pytest.approx(27 * usual.terms.depth.item(), rel=1e-5)


def test_under_autocast_the_loss_is_in_single_precision():
    output = leaves().output()
    half = replace(output, mixture=output.mixture.to(torch.bfloat16), sky_log_odds=output.sky_log_odds.bfloat16())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        report = TrainingLoss()(half, targets())
    assert report.total.dtype == torch.float32
    assert report.total.item() == pytest.approx(TrainingLoss()(output, targets()).total.item(), rel=0.05)


def test_descending_the_loss_finds_the_truth():
    shape = (1, 1, 16, 20)
    pred, truth = leaves(shape=shape), targets(shape=shape)
    optimiser = torch.optim.Adam(vars(pred).values(), lr=0.05)
    loss = TrainingLoss()
    first = loss(pred.output(), truth)
    for _ in range(150):
        optimiser.zero_grad()
        report = loss(pred.output(), truth)
        report.total.backward()
        optimiser.step()
    output = pred.output()
    depth = output.mixture.decode("component") * report.scale
    error = ((depth - truth.depth).abs() / truth.depth)[truth.valid].median()
    assert report.total < first.total - 0.5
    assert error < 0.02
    assert ((output.sky_log_odds > 0) == truth.sky)[truth.sky_labelled].float().mean() > 0.99
    assert report.terms.rotation < 0.05


def near_truth(truth, *, factor=1.0, family="normal"):
    """One sharp component at the true depth times a factor, with the true cameras."""
    locs = (truth.depth * factor)[..., None].clone()
    mixture = DepthMixture(
        locs=locs, scales=torch.full_like(locs, 0.1), log_weights=torch.zeros_like(locs), family=family, space="linear"
    )
    return NetworkOutput(mixture=mixture, cameras=truth.cameras.scaled(factor))


def test_the_worst_two_percent_count_neither_for_points_nor_for_scale():
    truth = targets()
    noise = 1 + 0.01 * torch.randn_like(truth.depth)
    usual, spoilt = (near_truth(replace(truth, depth=truth.depth * noise)) for _ in range(2))
    spoilt.mixture.locs[:, :, 20, 4] = 1e-3
    spoilt.mixture.locs[:, :, 20, 9] = 50.0
    first, second = (TrainingLoss()(output, truth) for output in (usual, spoilt))
    assert second.counts.kept < second.counts.depth - 4
    # The eight outliers alone would add 0.2 to the points, and 0.1 * 1.5^2 and more to the scale.
    assert second.terms.points.item() == pytest.approx(first.terms.points.item(), abs=1e-3)
    assert second.terms.scale.item() == pytest.approx(first.terms.scale.item(), abs=1e-3)


def test_the_gradient_term_is_taken_at_the_scale_of_the_truth():
    truth = targets()
    report = TrainingLoss(EVERYTHING)(near_truth(truth, factor=0.25), truth)
    assert report.scale.tolist() == pytest.approx([4, 4])
    assert report.terms.gradient < 1e-6


def test_the_gradient_term_of_the_normal_family_weighs_a_tenth():
    truth = targets()
    terms = []
    for family in ("normal", "laplace"):
        output = near_truth(truth, family=family)
        output.mixture.locs[..., ::2, :] *= 1.1
        terms.append(TrainingLoss(EVERYTHING)(output, truth).terms.gradient.item())
    assert terms[0] == pytest.approx(0.1 * terms[1])
    assert terms[1] > 0
