"""Pictures of calibration: histograms of F(truth), and error against the share of pixels taken away."""

import io
import math
from collections.abc import Sequence

from mda.evaluation.scores import Summary
from mda.optional import require

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")


def draw_calibration(summaries: Sequence[Summary], *, bins: Sequence[str]) -> bytes:
    """PNG with one row per data set: histograms before and after recalibration, and curves of sparsification.

    Args:
        summaries: of all data sets and settings.
        bins: names of the shares of the histogram.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    datasets = list(dict.fromkeys(summary.dataset for summary in summaries))
    figure = require("matplotlib.figure", "eval").Figure(figsize=(10, 3.2 * len(datasets)), layout="constrained")
    for row, dataset in enumerate(datasets):
        members = [summary for summary in summaries if summary.dataset == dataset]
        left = figure.add_subplot(len(datasets), 2, 2 * row + 1)
        for colour, summary in zip(_COLOURS, members, strict=False):
            shares = [_value(summary, name) for name in bins]
            if not any(map(math.isnan, shares)):
                borders = [place / len(bins) for place in range(len(bins) + 1)]
                label = ", ".join(f"{name}: {value}" for name, value in summary.setting.items())
                left.stairs([share * len(bins) for share in shares], borders, color=colour, label=label)
        left.axhline(1.0, color="black", linewidth=0.7)
        left.set(
            title=f"{dataset}: where the truth falls in the density", xlabel="F(truth)", ylabel="density, flat is right"
        )
        right = figure.add_subplot(len(datasets), 2, 2 * row + 2)
        for colour, (name, curve) in zip(_COLOURS, _curves(members).items(), strict=False):
            right.plot(list(curve), list(curve.values()), color=colour, label=name, marker=".")
        right.set(title="error of what is left", xlabel="taken away, least confident first (%)", ylabel="AbsRel")
        for axes in (left, right):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=7)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _curves(members: Sequence[Summary]) -> dict[str, dict[int, float]]:
    """Error by share taken away, by name of the confidence."""
    curves: dict[str, dict[int, float]] = {}
    for summary in members:
        for name, statistic in summary.metrics.items():
            if name.startswith("left_abs_rel_"):
                confidence, _, taken = name.removeprefix("left_abs_rel_").rpartition("_")
                curves.setdefault(confidence, {}).setdefault(int(taken), statistic.value)
    return curves


def _value(summary: Summary, name: str) -> float:
    statistic = summary.metrics.get(name)
    return math.nan if statistic is None else statistic.value
