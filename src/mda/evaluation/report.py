"""What an evaluation leaves behind: `results.json`, tables in Markdown and LaTeX, and a plot."""

import io
import json
import math
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mda.evaluation.benchmark import Benchmark, Column, FoundDataset
from mda.evaluation.scores import SceneScores, Summary, means_of_datasets, summarise
from mda.io.atomic import make_folder, write_bytes
from mda.io.run_info import installed_versions
from mda.optional import require

RESULTS_FILE, MARKDOWN_FILE, LATEX_FILE, PLOT_FILE = "results.json", "table.md", "table.tex", "plot.png"
FORMAT_VERSION = 1
_RECORDED_PACKAGES = ("scipy", "small-gicp", "opencv-python-headless")


@dataclass(frozen=True, kw_only=True)
class Report:
    """Results of one evaluation.

    Attributes:
        benchmark: what was measured.
        model: what was measured on.
        found: the data.
        scores: per scene.
        command: what the user typed.
        about: more about the model, e.g. its decoder.
    """

    benchmark: Benchmark
    model: str
    found: Sequence[FoundDataset]
    scores: Sequence[SceneScores]
    command: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """Per data set and setting."""
        finished = self.benchmark.finish(self.scores)
        summaries = summarise(finished, self.benchmark.roots, self.benchmark.derive)
        return (*summaries, *means_of_datasets(summaries)) if self.benchmark.mean_of_datasets else summaries

    @property
    def scored(self) -> dict[str, int]:
        """Number of scenes with scores, by data set."""
        return {
            found.dataset.name: len({score.scene for score in self.scores if score.dataset == found.dataset.name})
            for found in self.found
        }

    @property
    def complete(self) -> bool:
        """Whether every published scene was found and scored."""
        return all(
            found.complete and self.scored[found.dataset.name] == len(found.scenes) for found in self.found
        ) and len(self.found) == len(self.benchmark.datasets)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "format_version": FORMAT_VERSION,
            "benchmark": self.benchmark.name,
            "protocol": self.benchmark.protocol,
            "settings": dict(self.benchmark.settings),
            "model": self.model,
            "about_model": dict(self.about),
            "command": self.command,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": source_commit(),
            "versions": versions(),
            "complete": self.complete,
            "datasets": [
                {
                    "name": found.dataset.name,
                    "expected_scenes": found.dataset.scenes,
                    "expected_frames": found.dataset.frames,
                    "found_scenes": len(found.scenes),
                    "found_frames": found.frames,
                    "scored_scenes": self.scored[found.dataset.name],
                }
                for found in self.found
            ],
            "summaries": [summary.as_dict() for summary in self.summaries],
            "scenes": [score.as_dict() for score in self.benchmark.finish(self.scores)],
        }

    def write(self, folder: Path) -> None:
        """Write results, tables and plot.

        Raises:
            OutputError: the folder cannot be written to.
        """
        make_folder(folder)
        content = json.dumps(self.as_dict(), indent=1, allow_nan=False, default=str) + "\n"
        write_bytes(folder / RESULTS_FILE, content.encode())
        write_bytes(folder / MARKDOWN_FILE, self.markdown().encode())
        write_bytes(folder / LATEX_FILE, self.latex().encode())
        draw_plot(folder / PLOT_FILE, self.summaries, self.benchmark.columns)
        for name, draw in self.benchmark.figures.items():
            write_bytes(folder / name, draw(self.summaries))

    def markdown(self) -> str:
        """The table, with a word about what it is of."""
        head = f"{self.benchmark.name}, protocol {self.benchmark.protocol}, model {self.model}"
        warning = "" if self.complete else " (INCOMPLETE: not all published scenes are in it)"
        lines = [self._header(), ["---"] * len(self._header()), *self._rows()]
        return f"{head}{warning}\n\n" + "".join("| " + " | ".join(cells) + " |\n" for cells in lines)

    def latex(self) -> str:
        """The table as a LaTeX tabular."""
        rows = [self._header(), *self._rows()]
        body = [" & ".join(map(_latex, row)) + r" \\" for row in rows]
        columns = "l" * (len(self._header()) - len(self.benchmark.columns)) + "r" * len(self.benchmark.columns)
        begin, end = r"\begin{tabular}{" + columns + "}", r"\end{tabular}"
        return "\n".join([begin, r"\hline", body[0], r"\hline", *body[1:], r"\hline", end]) + "\n"

    def _settings(self) -> list[str]:
        return list(dict.fromkeys(name for summary in self.summaries for name in summary.setting))

    def _header(self) -> list[str]:
        return ["data", *self._settings(), "scenes", *(column.header for column in self.benchmark.columns)]

    def _rows(self) -> list[list[str]]:
        names = self._settings()
        return [
            [
                summary.dataset,
                *(summary.setting.get(name, "") for name in names),
                str(summary.scenes),
                *(_cell(summary, column) for column in self.benchmark.columns),
            ]
            for summary in self.summaries
        ]


def draw_plot(path: Path, summaries: Sequence[Summary], columns: Sequence[Column]) -> None:
    """One panel per column of the table, one bar per data set and setting.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    figure_of = require("matplotlib.figure", "eval").Figure
    labels = [" ".join([summary.dataset, *summary.setting.values()]) for summary in summaries]
    across = min(4, len(columns))
    down = math.ceil(len(columns) / across)
    size = (3.6 * across, down * (0.7 + 0.22 * len(labels)))
    figure = figure_of(figsize=size, layout="constrained")
    for number, column in enumerate(columns):
        axes = figure.add_subplot(down, across, number + 1)
        values = [_value(summary, column) * column.factor for summary in summaries]
        axes.barh(range(len(labels)), [0.0 if math.isnan(value) else value for value in values], color="#4477aa")
        axes.set_yticks(range(len(labels)), labels if number % across == 0 else [""] * len(labels), fontsize=7)
        axes.invert_yaxis()
        axes.set_title(column.header, fontsize=8)
        axes.tick_params(axis="x", labelsize=7)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_bytes(path, content.getvalue())


def versions() -> dict[str, str]:
    """Versions of all that numbers may depend on."""
    known = installed_versions()
    for package in _RECORDED_PACKAGES:
        try:
            known[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            known[package] = "not installed"
    return {**known, "platform": platform.platform()}


def source_commit() -> str | None:
    """Commit of the source tree that this package runs from, with `+` where it was changed; None without git."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - fixed words
    return done.stdout.strip()


def _value(summary: Summary, column: Column) -> float:
    statistic = summary.metrics.get(column.metric)
    return math.nan if statistic is None else statistic.value


def _cell(summary: Summary, column: Column) -> str:
    value = _value(summary, column)
    return "-" if math.isnan(value) else f"{column.factor * value:.{column.digits}f}"


def _latex(text: str) -> str:
    for sign, command in {
        "%": r"\%",
        "_": r"\_",
        "&": r"\&",
        "↓": r"$\downarrow$",
        "↑": r"$\uparrow$",
        "δ": r"$\delta$",
        "<": "$<$",
    }.items():
        text = text.replace(sign, command)
    return text
