"""The training loss against recorded values and gradients of the published one, in the published setting.

Two kinds of records are read by pattern: `losses_<size>.safetensors` (random inputs, every term and the intermediates
per pixel, settings described in `losses_summary.json`), and `golden_loss_values.json` (terms, and sums of absolute
gradients, for the closed-form inputs of `golden_loss_inputs.py`).
"""

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from mda.geometry import Cameras, cameras_from_encoding, rigid_inverse
from mda.losses import Compat, LossConfig, LossWeights, PointDepth, TrainingLoss
from mda.losses.choice import choose
from mda.losses.likelihood import likelihood
from mda.losses.prepare import prepare
from mda.losses.reduce import below_quantile, mean_per_clip
from mda.losses.total import depth_likelihood
from mda.mixtures import DepthMixture
from mda.structures import NetworkOutput, Targets
from tests.golden import golden_dir, golden_params

TERMS, GRADIENTS = 1e-5, 1e-4
# Intermediates: single precision, of the largest value.
PIXELS = 1e-5


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A recorded setting; only the string "l1" is Laplace, and any string with "log" in it is in log depth."""

    loss_type: str
    clamp_logp: bool = True
    detach_depth_scale_in_ptsloss: bool = True
    use_grad_loss: bool = False
    use_sky_loss: bool = True
    median_scale: bool = True
    no_conf: bool = False

    @property
    def form(self):
        return {
            "family": "laplace" if self.loss_type == "l1" else "normal",
            "space": "log" if "log" in self.loss_type else "linear",
        }

    @property
    def config(self):
        return LossConfig(
            weights=LossWeights(sky=float(self.use_sky_loss), gradient=float(self.use_grad_loss)),
            align_scale=self.median_scale,
            clamp_log_weights=self.clamp_logp,
            divide_by_top_weight=self.no_conf,
            point_depth=PointDepth.CHOSEN_DETACHED if self.detach_depth_scale_in_ptsloss else PointDepth.MEAN,
            compat=Compat.published(),
        )


# What the words of a name in golden_loss_values.json stand for.
WORDS = {
    "noclamp": {"clamp_logp": False},
    "nodetach": {"detach_depth_scale_in_ptsloss": False},
    "grad": {"use_grad_loss": True},
    "nosky": {"use_sky_loss": False},
    "nomedian": {"median_scale": False},
    "noconf": {"no_conf": True},
}


def setting_of(name):
    loss_type, *words = name.partition("_is_really_")[0].split("_")
    return Setting(loss_type=loss_type, **{option: value for word in words for option, value in WORDS[word].items()})


def truth_of(given):
    """Targets of recorded `gt` tensors; recorded principal points count pixel centres at integers."""
    intrinsics = given["camera_intrinsics"].clone()
    intrinsics[..., :2, 2] += 0.5
    height, width = given["depthmap"].shape[-2:]
    return Targets(
        depth=given["depthmap"],
        valid=given["valid_mask"],
        sky=given["sky_mask"] > 0.5,
        sky_labelled=given["sky_mask_valid"] > 0.5,
        cameras=Cameras(world_from_cam=given["camera_pose"], intrinsics=intrinsics, image_hw=(height, width)),
    )


def mixture_of(depth, confidence, logits, setting):
    return DepthMixture.from_confidence(
        depths=torch.stack(depth, dim=-1),
        confidence=torch.stack(confidence, dim=-1),
        log_weights=logits[..., : len(depth)].log_softmax(-1),
        **setting.form,
    )


def sky_of(logits):
    return logits[..., -1] - logits[..., :-1].logsumexp(-1)


def terms_of(report, ratios, setting):
    """Our terms under the recorded names."""
    terms = report.terms
    named = {
        "depth_loss_conf": terms.depth + terms.ambiguity,
        "depth_loss_nll_sky": terms.sky,
        "camera_loss": terms.translation + terms.rotation + terms.fov,
        "camera_loss_T": terms.translation,
        "camera_loss_R": terms.rotation,
        "camera_loss_fl": terms.fov,
        "point_loss": terms.points + terms.point_scale,
        "depth_loss_grad": terms.gradient,
        "conf_reg_loss": terms.confidence,
    }
    if setting.median_scale:
        named |= {
            "reg_loss": terms.scale / setting.config.weights.scale,
            "depth_loss_pose_scales_min": report.scale.min(),
            "depth_loss_pose_scales_max": report.scale.max(),
            "depth_loss_pose_scales_mean_min": ratios.min(),
            "depth_loss_pose_scales_mean_max": ratios.max(),
        }
    return {name: value.detach().item() for name, value in named.items()}


def evaluate(output, truth, setting):
    """The report, its terms under the recorded names, and the steps on the way."""
    scene = prepare(output, truth)
    choice = choose(scene, setting.config)
    depth = depth_likelihood(scene, choice, setting.config)
    kept = below_quantile(depth.nll)
    report = TrainingLoss(setting.config)(output, truth)
    named = terms_of(report, mean_per_clip(choice.ratio.within(kept.mask))[0], setting)
    return SimpleNamespace(report=report, terms=named, scene=scene, choice=choice, depth=depth, kept=kept)


# --- random inputs with intermediates ------------------------------------------------------------------------------


def recorded_settings():
    """(file, setting) pairs; the settings of a file are those it records a total for."""
    pairs = []
    for parameter in golden_params("losses_*.safetensors"):
        (file,) = parameter.values
        if file is None:
            return [pytest.param(None, None, marks=parameter.marks, id=parameter.id)]
        names = sorted(key.removesuffix(".total") for key in load_file(file) if key.endswith(".total"))
        pairs += [pytest.param(file, name, id=f"{file.stem}-{name}") for name in names]
    return pairs


@cache
def summary():
    return json.loads((golden_dir() / "losses_summary.json").read_text())["configs"]


@cache
def loaded(file):
    return load_file(file)


def replay(file, name):
    """Evaluate a recorded setting on leaves that collect gradients."""
    tensors = loaded(file)
    setting = Setting(**summary()[name])
    truth = truth_of({key.removeprefix("in.gt."): t for key, t in tensors.items() if key.startswith("in.gt.")})
    given = {
        key.removeprefix("in.pred."): t.clone().requires_grad_()
        for key, t in tensors.items()
        if key.startswith("in.pred.")
    }
    count = sum(key.startswith("depth_conf_") for key in given)
    depth, confidence = ([given[f"{kind}_{k}"] for k in range(count)] for kind in ("depth", "depth_conf"))
    cameras = Cameras(
        world_from_cam=rigid_inverse(given["extrinsics"]),
        intrinsics=given["intrinsics"],
        image_hw=truth.cameras.image_hw,
    )
    output = NetworkOutput(
        mixture=mixture_of(depth, confidence, given["mog_logits"], setting),
        sky_log_odds=sky_of(given["mog_logits"]),
        pose_encoding=given["pose_enc_list"],
        cameras=cameras,
    )
    found = evaluate(output, truth, setting)
    recorded = {key.removeprefix(f"{name}."): t for key, t in tensors.items() if key.startswith(f"{name}.")}
    return found, recorded, given, output, truth


@pytest.mark.parametrize(("file", "name"), recorded_settings())
def test_terms_and_total(file, name):
    found, recorded, *_ = replay(file, name)
    terms = {key.removeprefix("term."): t.item() for key, t in recorded.items() if key.startswith("term.")}
    assert {key: found.terms[key] for key in terms} == pytest.approx(terms, rel=TERMS)
    assert found.report.total.item() == pytest.approx(recorded["total"].item(), rel=TERMS)


@pytest.mark.parametrize(("file", "name"), recorded_settings())
def test_steps_per_pixel(file, name):
    found, recorded, _, output, truth = replay(file, name)
    mixture, weights, clamped = output.mixture, found.choice.weights, found.choice.weights.clamp
    spread = 1e-3 * found.depth.log_weight_spread if clamped else 0.0
    everywhere = torch.ones_like(truth.valid)

    def nll(mix, depth, mask):
        return likelihood(mix, depth, mask, weights).nll.values

    def alone(k):
        # A mixture of one component; its density is that of the component.
        one = slice(k, k + 1)
        return DepthMixture(
            locs=mixture.locs[..., one],
            scales=mixture.scales[..., one],
            log_weights=torch.zeros_like(mixture.locs[..., one]),
            family=mixture.family,
            space=mixture.space,
        )

    components = range(mixture.num_components)
    hypotheses, heaviest = mixture.hypotheses, mixture.log_weights.amax(-1).exp()
    # The plain likelihood is recorded of the truth as it is given, not brought to the prediction's scale.
    computed = {
        "indices": found.choice.index,
        "depth_inference_before_scale": found.choice.depth,
        "depth_inference": found.choice.depth * found.choice.scale[:, None, None, None],
        "depth_inference_avg": (mixture.log_weights.exp() * hypotheses).sum(-1),
        "pred_conf_max": mixture.confidence.gather(-1, found.choice.index[..., None])[..., 0],
        "pose_scales": found.choice.scale,
        "valid_mask_used": found.kept.mask,
        "nll_unscaled": nll(mixture, truth.depth, truth.valid) + spread,
        "nll_at_each_mean": torch.stack([nll(mixture, hypotheses[..., k], everywhere) for k in components], -1)
        + spread,
        "component_terms_unscaled": torch.stack([nll(alone(k), truth.depth, truth.valid) for k in components], -1),
        "per_pixel_conf_loss": found.depth.nll.values * truth.valid / heaviest**3,
    }
    only_valid = {"nll_unscaled", "component_terms_unscaled"}
    compared = 0
    for key in computed.keys() & recorded.keys():
        counted = truth.valid if key in only_valid else everywhere
        ours, expected = (steps[key].detach() for steps in (computed, recorded))
        if expected.shape[: counted.ndim] == counted.shape:
            ours, expected = ours[counted], expected[counted]
        if expected.is_floating_point():
            assert (ours - expected).abs().max() <= PIXELS * expected.abs().max(), key
        else:
            assert torch.equal(ours, expected), key
        compared += 1
    assert compared > 0


@pytest.mark.parametrize(("file", "name"), recorded_settings())
def test_gradients_where_they_are_recorded(file, name):
    found, recorded, given, *_ = replay(file, name)
    grads = {
        key.removeprefix("grad.").removeprefix("pred."): t for key, t in recorded.items() if key.startswith("grad.")
    }
    if not grads:
        pytest.skip(f"{file.name} records no gradients for {name}")
    found.report.total.backward()
    for key, expected in grads.items():
        assert (given[key].grad - expected).abs().max() <= GRADIENTS * expected.abs().max(), key


# --- closed-form inputs ---------------------------------------------------------------------------------------------


@cache
def closed_form():
    """The inputs and the recorded values."""
    spec = importlib.util.spec_from_file_location("golden_loss_inputs", golden_dir() / "golden_loss_inputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build(), json.loads((golden_dir() / "golden_loss_values.json").read_text())


def closed_form_settings():
    (parameter,) = golden_params("golden_loss_values.json")
    if parameter.values[0] is None:
        return [parameter]
    return [pytest.param(name, id=name) for name in json.loads(parameter.values[0].read_text())]


def replay_closed_form(setting, *, with_sky=True):
    (truth, pred), _ = closed_form()
    truth = truth_of({key: torch.from_numpy(value) for key, value in truth.items()})

    def leaf(array):
        return torch.from_numpy(array).clone().requires_grad_()

    given = SimpleNamespace(
        depth=[leaf(array) for array in pred["depth"]],
        conf=[leaf(array) for array in pred["depth_conf"]],
        logits=leaf(pred["logits"]),
        pose=leaf(pred["pose_enc"]),
    )
    output = NetworkOutput(
        mixture=mixture_of(given.depth, given.conf, given.logits, setting),
        sky_log_odds=sky_of(given.logits) if with_sky else None,
        pose_encoding=given.pose,
        cameras=cameras_from_encoding(given.pose, truth.cameras.image_hw),
    )
    return evaluate(output, truth, setting), given


@pytest.mark.parametrize("name", closed_form_settings())
def test_closed_form_terms(name):
    found, _ = replay_closed_form(setting_of(name))
    recorded = dict(closed_form()[1][name])
    recorded.pop("grad_abs_sum")
    ours = found.terms | {
        "TOTAL": found.report.total.item(),
        "indices_hist": found.choice.index.flatten().bincount(minlength=4).tolist(),
        "depth_inference_sum_after_scale": (found.choice.depth * found.choice.scale[:, None, None, None])
        .double()
        .sum()
        .item(),
    }
    for key, expected in recorded.items():
        assert ours[key.replace("losspose", "loss_pose")] == pytest.approx(expected, rel=TERMS), key


@pytest.mark.parametrize("name", closed_form_settings())
def test_closed_form_gradients(name):
    found, given = replay_closed_form(setting_of(name))
    found.report.total.backward()
    recorded = closed_form()[1][name]["grad_abs_sum"]

    def size(tensor):
        return tensor.abs().double().sum().item()

    ours = {
        "depth": [size(leaf.grad) for leaf in given.depth],
        "conf": [size(leaf.grad) for leaf in given.conf],
        "logits": size(given.logits.grad),
        "logits_sky": size(given.logits.grad[..., -1]),
        "pose": size(given.pose.grad),
    }
    for key, expected in recorded.items():
        assert ours[key] == pytest.approx(expected, rel=GRADIENTS), key


@pytest.mark.parametrize("_file", golden_params("golden_loss_inputs.py"))
def test_a_network_without_sky(_file):
    # Recorded in words only: logl2 without the sky term, for a network that has no sky logit.
    found, _ = replay_closed_form(setting_of("logl2_nosky"), with_sky=False)
    assert found.report.total.item() == pytest.approx(1.402873, abs=1e-6)
    assert found.terms["depth_loss_conf"] == pytest.approx(0.243936, abs=1e-6)
