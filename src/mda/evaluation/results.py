"""Rows of tallies, one per clip and setting, and the summary over clips."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from mda.metrics import Tally

# Tallies of squares are summarised by the root of their mean, under another name.
ROOTED = {
    "squared_error_scale_aligned": "rmse_scale_aligned",
    "squared_log_error_scale_aligned": "log_rmse_scale_aligned",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """Tallies of one clip.

    Attributes:
        clip: its name.
        model: name of the prediction.
        factor: blur factor of the images (1: none).
        decoder: how depth was decided; None for scores that do not depend on it (cameras, sky).
        tallies: by metric name.
        remedy: how pixels were left out; None: all are there.
    """

    clip: str
    model: str
    factor: int
    decoder: str | None
    tallies: Mapping[str, Tally]
    remedy: str | None = None

    @property
    def setting(self) -> tuple[str, int, str | None]:
        """What is averaged over clips: model, factor and decoder, apart by remedy."""
        return self.model, self.factor, self.decoder


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """One metric over many clips.

    Attributes:
        value: sum / count over all pixels (pairs, points) of all clips; a root is taken of it where the name says so.
        standard_error: of `value`, with clips as the independent units (ratio estimator); NaN for fewer than two.
        clip_mean: mean over clips of each clip's own value.
        count: number of pixels (pairs, points).
        clips: number of clips that have any.
    """

    value: float
    standard_error: float
    clip_mean: float
    count: int
    clips: int

    @classmethod
    def of(cls, tallies: Iterable[Tally], *, root: bool = False) -> "Statistic":
        """Summary of one tally per clip."""
        present = [tally for tally in tallies if tally.count]
        pooled = Tally.pooled(present)
        value, error = pooled.mean, _standard_error(present, pooled)
        means = [tally.mean for tally in present]
        if root:
            value, means = math.sqrt(value), [math.sqrt(mean) for mean in means]
            error = error / (2 * value) if value else math.nan
        clip_mean = math.fsum(means) / len(means) if means else math.nan
        return cls(value=value, standard_error=error, clip_mean=clip_mean, count=pooled.count, clips=len(present))


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All metrics of one setting."""

    model: str
    factor: int
    decoder: str | None
    metrics: Mapping[str, Statistic]
    remedy: str | None = None


def summarise(rows: Iterable[Row]) -> tuple[Summary, ...]:
    """One summary per setting, in the order in which settings first appear; the order of clips does not matter."""
    groups: dict[tuple[str, int, str | None, str | None], list[Row]] = {}
    for row in rows:
        groups.setdefault((*row.setting, row.remedy), []).append(row)
    summaries = []
    for (model, factor, decoder, remedy), members in groups.items():
        names = dict.fromkeys(name for row in members for name in row.tallies)
        metrics = {
            ROOTED.get(name, name): Statistic.of(
                (row.tallies[name] for row in members if name in row.tallies), root=name in ROOTED
            )
            for name in names
        }
        summaries.append(Summary(model=model, factor=factor, decoder=decoder, metrics=metrics, remedy=remedy))
    return tuple(summaries)


def to_json(summaries: Iterable[Summary]) -> str:
    """The summaries as a JSON list; what is NaN here is null there."""
    return json.dumps([_without_nan(asdict(summary)) for summary in summaries], indent=1, allow_nan=False)


def _without_nan(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_nan(member) for key, member in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _standard_error(tallies: list[Tally], pooled: Tally) -> float:
    """Linearised standard error of sum / count: sqrt(n / (n - 1) * sum (sum_i - mean * count_i)^2) / count."""
    clips = len(tallies)
    if clips < 2 or not math.isfinite(pooled.sum):
        return math.nan
    squares = math.fsum((tally.sum - pooled.mean * tally.count) ** 2 for tally in tallies)
    return math.sqrt(clips / (clips - 1) * squares) / pooled.count
