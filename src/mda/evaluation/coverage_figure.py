"""Curves of edge metrics over coverage, one line per filter, for each data set."""

import io
import math
from collections.abc import Sequence

from mda.evaluation.scores import Summary
from mda.optional import require

# Metric, label and factor of each panel.
PANELS = (
    ("flying_own_surfaces", "flying, own surfaces (%)", 100.0),
    ("flying_true_surfaces_t05_r0_scale_aligned", "flying, true surfaces (%)", 100.0),
    ("right_of_all_own_surfaces", "right of all edge pixels (%)", 100.0),
    ("boundary_f1_moge_r1", "F1 MoGe r1", 1.0),
)
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee")


def draw_coverage(summaries: Sequence[Summary]) -> bytes:
    """PNG with one row of panels per data set; the unfiltered prediction begins every line.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    datasets = list(dict.fromkeys(summary.dataset for summary in summaries))
    across = len(PANELS)
    size = (3.2 * across, 2.8 * len(datasets))
    figure = require("matplotlib.figure", "eval").Figure(figsize=size, layout="constrained")
    for row, dataset in enumerate(datasets):
        members = [summary for summary in summaries if summary.dataset == dataset]
        filters = list(dict.fromkeys(summary.setting["filter"] for summary in members))
        for column, (metric, label, factor) in enumerate(PANELS):
            axes = figure.add_subplot(len(datasets), across, row * across + column + 1)
            for colour, name in zip(_COLOURS, filters[1:] or filters, strict=False):
                chosen = [summary for summary in members if summary.setting["filter"] in {filters[0], name}]
                points = sorted(
                    (100 * _value(summary, "coverage"), factor * _value(summary, metric)) for summary in chosen
                )
                drawn = [point for point in points if not any(map(math.isnan, point))]
                if drawn:
                    axes.plot(*zip(*drawn, strict=True), marker="o", markersize=3, color=colour, label=name)
            axes.set(xlabel="pixels that are left (%)", ylabel=label, title=dataset if column == 0 else "")
            axes.set_ylim(bottom=0)
            if column == 0 and axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=7)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _value(summary: Summary, name: str) -> float:
    statistic = summary.metrics.get(name)
    return math.nan if statistic is None else statistic.value
