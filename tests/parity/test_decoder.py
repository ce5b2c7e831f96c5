"""Decoders against the recorded decoder of the published release."""

import re

import pytest
import torch
from safetensors.torch import load_file

from mda.mixtures import DepthMixture
from tests.golden import golden_params
from tests.unit.mixtures.references import nll

_KINDS = {"l1": ("laplace", "linear"), "l2": ("normal", "linear"), "logl2": ("normal", "log")}
_DECODERS = {"": "mode", "-noopt": "component", "-onlyp": "heaviest"}

CASES = golden_params("mode_*.safetensors")


def published_mixture(case, kind, dtype=torch.float32):
    family, space = _KINDS[kind]
    return DepthMixture.from_confidence(
        depths=case["in.depth"].movedim(0, -1).to(dtype),
        confidence=case["in.conf"].movedim(0, -1).to(dtype),
        log_weights=case["in.log_weight"].to(dtype),
        family=family,
        space=space,
    )


def recorded_types(case, suffix):
    return [t for t in _KINDS if f"out.{t}{suffix}.depth" in case]


@pytest.mark.parametrize("file", CASES)
@pytest.mark.parametrize("suffix", ["", "-noopt"])
def test_never_less_likely_than_published(file, suffix):
    case = load_file(file)
    assert recorded_types(case, suffix)
    for kind in recorded_types(case, suffix):
        exact = published_mixture(case, kind, torch.float64)
        published = nll(exact, case[f"out.{kind}{suffix}.depth"][0])
        recorded = case.get(f"ref.{kind}{suffix}.nll_at_output", published)
        depth = published_mixture(case, kind).decode(_DECODERS[suffix])
        assert depth.dtype == torch.float32
        assert (nll(exact, depth) - torch.minimum(published, recorded)).max() <= 1e-5


@pytest.mark.parametrize("file", CASES)
def test_mode_is_the_true_mode(file):
    case = load_file(file)
    names = [re.fullmatch(r"ref\.(l1|l2|logl2)\.true_mode_nll", key) for key in case]
    kinds = [name[1] for name in names if name]
    assert kinds
    for kind in kinds:
        exact = published_mixture(case, kind, torch.float64)
        gap = nll(exact, published_mixture(case, kind).decode("mode")) - case[f"ref.{kind}.true_mode_nll"]
        assert gap.max() <= 1e-4


@pytest.mark.parametrize("file", CASES)
def test_heaviest_and_component_are_the_published_shortcuts(file):
    case = load_file(file)
    for suffix in ("-onlyp", "-noopt"):
        for kind in recorded_types(case, suffix):
            mixture = published_mixture(case, kind)
            depth, index = mixture.decode_with_component(_DECODERS[suffix])
            published = case[f"out.{kind}{suffix}.index"][0].long()
            # Where the best two are equal up to rounding, either is right.
            same = index == published
            assert same.float().mean() > 0.99
            torch.testing.assert_close(depth[same], case[f"out.{kind}{suffix}.depth"][0][same], rtol=1e-6, atol=1e-6)
