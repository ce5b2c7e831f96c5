"""The decoder against the recorded answers of the published search and the exact modes found by brute force."""

import pytest
import torch
from safetensors.torch import load_file

from mda.mixtures import DepthMixture
from tests.golden import golden_params

KINDS = {"l1": ("laplace", "linear"), "l2": ("normal", "linear"), "logl2": ("normal", "log")}


def recorded(file, kind: str) -> tuple[DepthMixture, DepthMixture, dict]:
    """The mixture as a network would give it, the same in double precision, and everything recorded."""
    record = load_file(file)
    family, space = KINDS[kind]
    depths, confidence = (record[name].movedim(0, -1) for name in ("in.depth", "in.conf"))
    mixtures = [
        DepthMixture.from_confidence(
            depths=depths.to(dtype),
            confidence=confidence.to(dtype),
            log_weights=record["in.log_weight"].to(dtype),
            family=family,
            space=space,
        )
        for dtype in (torch.float32, torch.float64)
    ]
    return mixtures[0], mixtures[1], record


@pytest.mark.parametrize("kind", ["l1", "logl2"])
@pytest.mark.parametrize("file", golden_params("mode_*.safetensors"))
def test_the_mode_is_never_worse_than_published_and_is_the_true_mode(file, kind):
    mixture, exact, record = recorded(file, kind)
    nll = -exact.log_prob(mixture.decode("mode").double())
    assert (nll <= record[f"ref.{kind}.nll_at_output"] + 1e-5).all()
    assert ((nll - record[f"ref.{kind}.true_mode_nll"]).abs() < 1e-4).all()


@pytest.mark.parametrize("kind", ["l1", "logl2"])
@pytest.mark.parametrize("file", golden_params("mode_*.safetensors"))
def test_component_and_heaviest_are_the_published_shortcuts_up_to_ties(file, kind):
    mixture, exact, record = recorded(file, kind)
    for decoder, name in (("component", f"{kind}-noopt"), ("heaviest", f"{kind}-onlyp")):
        depth = mixture.decode(decoder)
        reference = record[f"out.{name}.depth"][0]
        close = (depth - reference).abs() <= 1e-4 * reference.abs() + 1e-6
        if decoder == "component":
            tie = (exact.log_prob(depth.double()) - exact.log_prob(reference.double())).abs() < 1e-4
        else:
            top = mixture.log_weights.sort(dim=-1, descending=True).values
            tie = (top[..., 0] - top[..., 1]) < 1e-5
        assert (close | tie).all()


@pytest.mark.parametrize("file", golden_params("mode_*.safetensors"))
def test_a_normal_mixture_in_linear_depth_beats_the_published_answer(file):
    mixture, exact, record = recorded(file, "l2")
    ours = exact.log_prob(mixture.decode("mode").double())
    assert (ours >= exact.log_prob(record["out.l2.depth"][0].double()) - 1e-5).all()
