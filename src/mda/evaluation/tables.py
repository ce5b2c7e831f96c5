"""Markdown tables of quality summaries."""

import math
from collections.abc import Sequence
from pathlib import Path

from mda.errors import InputError
from mda.evaluation.results import Summary

# Header, metric, factor to print by, digits. An arrow says which way is better.
DEPTH_COLUMNS = (
    ("AbsRel % ↓", "abs_rel_scale_aligned", 100, 2),
    ("δ<1.25 % ↑", "delta1_scale_aligned", 100, 1),
    ("log RMSE ↓", "log_rmse_scale_aligned", 1, 3),
    ("flying, own surfaces % ↓", "flying_own_surfaces", 100, 1),
    ("wrong side, own % ↓", "wrong_side_own_surfaces", 100, 1),
    ("right, own % ↑", "right_own_surfaces", 100, 1),
    ("unresolved %", "unresolved_own_surfaces", 100, 1),
    ("flying, true surfaces % ↓", "flying_true_surfaces_scale_aligned", 100, 1),
    ("wrong side, true % ↓", "wrong_side_true_surfaces_scale_aligned", 100, 1),
    ("flying at skylines % ↓", "flying_skyline", 100, 1),
    ("boundary Acc % ↓", "boundary_accuracy_relative_scale_aligned", 100, 2),
    ("boundary Comp % ↓", "boundary_completeness_relative_scale_aligned", 100, 2),
)
VIEW_COLUMNS = (
    ("rotation ° ↓", "rotation_error_deg", 1, 2),
    ("translation direction ° ↓", "translation_direction_error_deg", 1, 1),
    ("AUC@30 % ↑", "pose_auc30", 100, 1),
    ("focal % ↓", "focal_error", 100, 1),
    ("sky IoU % ↑", "sky_iou", 100, 1),
    ("sky precision % ↑", "sky_precision", 100, 1),
    ("sky recall % ↑", "sky_recall", 100, 1),
)
# What filters do: how much they leave, and what that is worth.
REMEDY_COLUMNS = (
    ("coverage %", "coverage", 100, 1),
    ("edge coverage %", "edge_coverage", 100, 1),
    ("AbsRel % ↓", "abs_rel_scale_aligned", 100, 2),
    ("flying, own surfaces % ↓", "flying_own_surfaces", 100, 1),
    ("wrong side, own % ↓", "wrong_side_own_surfaces", 100, 1),
    ("right of all edge pixels % ↑", "right_of_all_own_surfaces", 100, 1),
    ("flying, true surfaces % ↓", "flying_true_surfaces_scale_aligned", 100, 1),
    ("flying at skylines % ↓", "flying_skyline", 100, 1),
)
# At panes of glass, on clips of their own.
GLASS_COLUMNS = (
    ("AbsRel of the glass % ↓", "glass_first_abs_rel_scale_aligned", 100, 1),
    ("AbsRel behind the glass % ↓", "glass_last_abs_rel_scale_aligned", 100, 1),
)
# What is shown over blur factors.
BLUR_METRICS = (
    ("flying, own surfaces %", "flying_own_surfaces", 100, 1),
    ("AbsRel %", "abs_rel_scale_aligned", 100, 2),
    ("boundary Acc %", "boundary_accuracy_relative_scale_aligned", 100, 2),
)


def quality_tables(summaries: Sequence[Summary]) -> str:
    """All tables: depth and edges on clean images, the same under blur, cameras and sky, filters, glass."""
    filtered = _remedy_rows(summaries)
    summaries = [summary for summary in summaries if summary.remedy is None]
    clean = [summary for summary in summaries if summary.factor == 1 and summary.decoder is not None]
    views = [summary for summary in summaries if summary.decoder is None]
    depth_rows = [[summary.model, summary.decoder or "", *_cells(summary, DEPTH_COLUMNS)] for summary in clean]
    view_rows = [[summary.model, str(summary.factor), *_cells(summary, VIEW_COLUMNS)] for summary in views]
    glass_rows = [
        [summary.model, summary.decoder or "", *_cells(summary, GLASS_COLUMNS)]
        for summary in clean
        if GLASS_COLUMNS[0][1] in summary.metrics
    ]
    parts = [
        _table(["model", "decoder", *_headers(DEPTH_COLUMNS)], depth_rows),
        _blur_table(summaries),
        _table(["model", "blur", *_headers(VIEW_COLUMNS)], view_rows),
        _table(["model", "decoder", "filter", *_headers(REMEDY_COLUMNS)], filtered),
        _table(["model", "decoder", *_headers(GLASS_COLUMNS)], glass_rows),
    ]
    return "\n".join(part for part in parts if part)


def replace_between_markers(path: Path, name: str, text: str) -> None:
    """Put `text` between the lines `<!-- name:begin -->` and `<!-- name:end -->` of a file.

    Raises:
        InputError: the file does not hold the two markers once each, in this order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    content = path.read_text(encoding="utf-8")
    head, found_begin, rest = content.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not (found_begin and found_end) or content.count(begin) != 1 or content.count(end) != 1:
        message = f"{path} needs one line {begin} and after it one line {end}; add them where the text shall go."
        raise InputError(message)
    path.write_text(f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}", encoding="utf-8")


def _remedy_rows(summaries: Sequence[Summary]) -> list[list[str]]:
    """Each model and decoder that was filtered, first without a filter."""
    remedied = dict.fromkeys((s.model, s.decoder) for s in summaries if s.remedy is not None)
    chosen = [s for pair in remedied for s in summaries if (s.model, s.decoder) == pair and s.factor == 1]
    return [[s.model, s.decoder or "", s.remedy or "none", *_cells(s, REMEDY_COLUMNS)] for s in chosen]


def _blur_table(summaries: Sequence[Summary]) -> str:
    """One row per model and decoder, one column per blur factor and metric; empty without blur."""
    factors = sorted({summary.factor for summary in summaries})
    if len(factors) < 2:
        return ""
    by_setting = {(summary.model, summary.decoder, summary.factor): summary for summary in summaries}
    names = dict.fromkeys(
        (summary.model, summary.decoder) for summary in summaries if summary.decoder and summary.factor != 1
    )
    rows = []
    for model, decoder in names:
        cells = []
        for metric in BLUR_METRICS:
            for factor in factors:
                summary = by_setting.get((model, decoder, factor))
                cells += ["-"] if summary is None else _cells(summary, (metric,))
        rows.append([model, decoder or "", *cells])
    headers = [f"{header}, blur {factor}" for header, *_ in BLUR_METRICS for factor in factors]
    return _table(["model", "decoder", *headers], rows)


def _headers(columns: Sequence[tuple[str, str, int, int]]) -> list[str]:
    return [header for header, *_ in columns]


def _cells(summary: Summary, columns: Sequence[tuple[str, str, int, int]]) -> list[str]:
    """Printed values; a dash where there is none."""
    cells = []
    for _, name, factor, digits in columns:
        statistic = summary.metrics.get(name)
        value = math.nan if statistic is None else statistic.value
        cells.append("-" if math.isnan(value) else f"{factor * value:.{digits}f}")
    return cells


def _table(headers: list[str], rows: list[list[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines) if rows else ""
