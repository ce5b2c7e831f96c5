"""Curves of the quality benchmark: over blur, and over coverage when the least confident pixels are left out.

python benchmarks/quality_figures.py benchmarks/results/quality.json docs/images
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mda.evaluation.results import Summary

# Decoders that are drawn: the default, the exact mode, and the mean that brings flying points back.
DECODERS = ("heaviest", "mode", "mean", "component")
OVER_BLUR = (
    ("flying_own_surfaces", "flying points, own surfaces (%)", 100),
    ("flying_true_surfaces_scale_aligned", "flying points, true surfaces (%)", 100),
    ("abs_rel_scale_aligned", "AbsRel (%)", 100),
)
OVER_COVERAGE = (
    ("flying_own_surfaces", "flying points, own surfaces (%)", 100),
    ("right_of_all_own_surfaces", "right, of all edge pixels (%)", 100),
    ("edge_coverage", "edge pixels that are left (%)", 100),
)
COLOURS = {"heaviest": "#4477aa", "mode": "#66ccee", "mean": "#ccbb44", "component": "#ee6677"}
# Of the baseline, which has no decoders.
SINGLE = "#222222"


def draw_curves(summaries: Sequence[Summary], folder: Path) -> list[Path]:
    """Write `quality_blur.png` and, where filters were scored, `quality_coverage.png`; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    if len({summary.factor for summary in summaries}) > 1:
        drawn.append(_over_blur(summaries, folder / "quality_blur.png"))
    if any(summary.remedy for summary in summaries):
        drawn.append(_over_coverage(summaries, folder / "quality_coverage.png"))
    return drawn


def _over_blur(summaries: Sequence[Summary], path: Path) -> Path:
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    groups: dict[tuple[str, str], list[Summary]] = {}
    for summary in summaries:
        if summary.decoder in DECODERS and summary.remedy is None:
            groups.setdefault((summary.model, summary.decoder), []).append(summary)
    for number, (metric, title, factor) in enumerate(OVER_BLUR, start=1):
        axes = figure.add_subplot(1, len(OVER_BLUR), number)
        for (model, decoder), members in groups.items():
            points = sorted((s.factor, factor * _value(s, metric)) for s in members)
            single = model.endswith("single")
            style, colour = ("--", SINGLE) if single else ("-", COLOURS[decoder])
            label = model if single else f"{model}, {decoder}"
            axes.plot(*zip(*points, strict=True), style, marker="o", color=colour, label=label)
        axes.set_xscale("log", base=2)
        axes.set(xlabel="blur factor of the images", ylabel=title, xticks=sorted({s.factor for s in summaries}))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    return _saved(figure, path)


def _over_coverage(summaries: Sequence[Summary], path: Path) -> Path:
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    remedied = dict.fromkeys((s.model, s.decoder) for s in summaries if s.remedy)
    for number, (metric, label, factor) in enumerate(OVER_COVERAGE, start=1):
        axes = figure.add_subplot(1, len(OVER_COVERAGE), number)
        for model, decoder in remedied:
            members = [s for s in summaries if (s.model, s.decoder, s.factor) == (model, decoder, 1)]
            for kind, style in (("most confident", "-"), ("no jumps", ":")):
                chosen = [s for s in members if s.remedy is None or kind in s.remedy]
                points = sorted((100 * _value(s, "coverage"), factor * _value(s, metric)) for s in chosen)
                colour = SINGLE if model.endswith("single") else COLOURS.get(decoder or "", SINGLE)
                axes.plot(*zip(*points, strict=True), style, marker="o", color=colour, label=f"{model}, {kind}")
        axes.set(xlabel="pixels that are left (%)", ylabel=label)
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    return _saved(figure, path)


def _value(summary: Summary, metric: str) -> float:
    statistic = summary.metrics.get(metric)
    return math.nan if statistic is None else statistic.value


def _saved(figure: Figure, path: Path) -> Path:
    """Write a figure of panels with the same curves, which one legend below names."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=7)
    figure.savefig(path, dpi=110)
    return path


def main(arguments: list[str] | None = None) -> None:
    """Draw the curves of kept results."""
    from quality import summary_of  # noqa: PLC0415 - the other way round it imports this

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    content = json.loads(options.results.read_text(encoding="utf-8"))
    for path in draw_curves(list(map(summary_of, content["summaries"])), options.folder):
        print(path)


if __name__ == "__main__":
    main()
