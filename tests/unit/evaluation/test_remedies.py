import math

import pytest
import torch

from mda.evaluation.clip_scores import ClipPrediction
from mda.evaluation.procedural import REMEDIES, Remedy, evaluate
from mda.evaluation.results import summarise
from mda.evaluation.tables import quality_tables
from tests.unit.evaluation.step_clip import step_clip


def averaging(clip):
    """Predicts the mean of both surfaces at edges, and is less sure there."""
    depth, edge = torch.from_numpy(clip.depth), torch.from_numpy(clip.edge)
    mean = (torch.from_numpy(clip.front_depth) + torch.from_numpy(clip.back_depth)) / 2
    decoded = torch.where(edge, mean, depth).clamp_min(1e-3)
    return ClipPrediction(depths={"component": decoded}, confidences={"component": torch.where(edge, 1.0, 2.0)})


def summaries_of(remedies):
    clip = step_clip()
    rows = evaluate({"made": lambda _: averaging(clip)}, [clip], with_truth=False, remedies=remedies)
    return {summary.remedy: summary for summary in summarise(rows) if summary.decoder}


def test_filters_leave_fewer_flying_points_and_fewer_edges():
    found = summaries_of((Remedy(name="half", coverage=0.5), Remedy(name="sharp", jump=0.05)))
    assert list(found) == [None, "half", "sharp"]
    before = found[None].metrics
    assert before["flying_own_surfaces"].value > 0.9
    assert before["edge_coverage"].value == before["coverage"].value == 1
    for name in ("half", "sharp"):
        after = found[name].metrics
        assert after["flying_own_surfaces"].count < 0.2 * before["flying_own_surfaces"].count
        assert after["edge_coverage"].value < 0.2
        assert after["right_of_all_own_surfaces"].count == before["right_of_all_own_surfaces"].count
        assert after["right_of_all_own_surfaces"].value <= before["right_of_all_own_surfaces"].value + 0.05
        assert math.isfinite(after["abs_rel_scale_aligned"].value)


def test_a_prediction_without_confidence_is_filtered_by_depth_alone():
    clip = step_clip()
    depth = torch.from_numpy(clip.depth).clamp_min(1e-3)
    rows = evaluate({"made": lambda _: ClipPrediction(depths={"depth": depth})}, [clip], remedies=REMEDIES)
    remedies = {row.remedy for row in rows if row.model == "made" and row.remedy}
    assert remedies == {"no jumps over 20%", "no jumps over 10%", "no jumps over 5%"}


def test_filters_have_a_table_of_their_own():
    clip = step_clip()
    rows = list(evaluate({"made": lambda _: averaging(clip)}, [clip], remedies=(Remedy(name="half", coverage=0.5),)))
    text = quality_tables(summarise(rows))
    assert "| made | component | none | 100.0 | 100.0 |" in text
    assert text.count("| made | component | half |") == 1
    assert "half" not in quality_tables(summarise([row for row in rows if row.remedy is None]))


@pytest.mark.parametrize("remedy", REMEDIES)
def test_nothing_is_kept_that_was_not_among(remedy):
    depth = torch.rand(1, 8, 8) + 1
    among = depth > 1.2
    kept = remedy.kept(depth, depth, among)
    assert not (kept & ~among).any()
