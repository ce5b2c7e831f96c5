import pytest
import torch

from mda.metrics import sparsification, sparsification_scores

ERRORS = torch.rand(20, 50, generator=torch.Generator().manual_seed(0))
ALL = torch.ones_like(ERRORS, dtype=torch.bool)


def test_a_confidence_that_knows_the_error_is_the_oracle():
    found = sparsification(ERRORS, -ERRORS, ALL)
    assert found.ause == pytest.approx(0, abs=1e-12)
    assert found.aurg > 0.2
    assert torch.equal(found.model, found.oracle)


def test_a_confidence_that_misleads_loses_against_chance():
    found = sparsification(ERRORS, ERRORS, ALL)
    assert found.ause > 0.4
    assert found.aurg < -0.2


def test_a_constant_confidence_is_chance():
    found = sparsification(ERRORS, torch.ones_like(ERRORS), ALL)
    assert found.aurg == pytest.approx(0, abs=1e-9)
    assert found.ause == pytest.approx(float((found.unfiltered - found.oracle).mean()))


def test_known_areas():
    # Uniform errors 1/1000, ..., 1: what is left after the oracle took the share f has the mean (1 - f) / 2.
    errors = (torch.arange(1, 1001) / 1000)[None]
    found = sparsification(errors, -errors, torch.ones_like(errors, dtype=torch.bool))
    kept = 1 - torch.arange(100, dtype=torch.float64) / 100
    assert torch.allclose(found.oracle, kept / 2 + 0.0005, atol=1e-6)
    assert found.aurg == pytest.approx(0.5 - float(kept.mean() / 2), abs=1e-5)


def test_order_alone_matters_and_nan_goes_first():
    confidence = torch.rand_like(ERRORS)
    first = sparsification(ERRORS, confidence, ALL)
    second = sparsification(ERRORS, confidence.exp() * 7, ALL)
    assert first.ause == pytest.approx(second.ause)
    worst = ERRORS.flatten().argmax()
    confidence.flatten()[worst] = torch.nan
    assert sparsification(ERRORS, confidence, ALL).model[1] < first.model[1]


def test_masked_pixels_do_not_matter_and_empty_views_are_not_scored():
    errors, mask = ERRORS[None].repeat(3, 1, 1), ALL[None].repeat(3, 1, 1)
    mask[1] = False
    mask[2, :, 25:] = False
    errors[2, :, 25:] = torch.nan
    ause, aurg = sparsification_scores(errors, -errors, mask)
    assert ause.mask.tolist() == aurg.mask.tolist() == [True, False, True]
    assert ause.mean == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="no pixel"):
        sparsification(ERRORS, ERRORS, ~ALL)
