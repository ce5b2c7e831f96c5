"""Scores of one scene as they are kept on disk, and their summary over scenes."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mda.evaluation.results import Statistic
from mda.metrics import Tally


@dataclass(frozen=True, kw_only=True)
class SceneValue:
    """A number of a scene that cannot be pooled over pixels, e.g. a median.

    Attributes:
        value: NaN where there is none.
        weight: in the mean over scenes.
    """

    value: float
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SceneScores:
    """Scores of one scene in one setting.

    Attributes:
        dataset, scene: whose.
        setting: what the scores are of, beside that (blur, mask, coverage ...), as text by name.
        tallies: sums and counts by metric, which are pooled over all pixels of all scenes.
        values: numbers by metric, of which weighted means over scenes are taken.
        details: intermediate results worth keeping (scales, numbers of pixels).
        frames: number of frames scored.
    """

    dataset: str
    scene: str
    setting: Mapping[str, str] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    values: Mapping[str, SceneValue] = field(default_factory=dict)
    details: Mapping[str, float] = field(default_factory=dict)
    frames: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with all digits; what is not finite becomes text."""
        return {
            "dataset": self.dataset,
            "scene": self.scene,
            "setting": dict(self.setting),
            "frames": self.frames,
            "tallies": {
                name: {"sum": _told(tally.sum), "count": tally.count, "mean": _told(tally.mean)}
                for name, tally in self.tallies.items()
            },
            "values": {name: {"value": _told(v.value), "weight": v.weight} for name, v in self.values.items()},
            "details": {name: _told(value) for name, value in self.details.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "SceneScores":
        """What `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(
            dataset=content["dataset"],
            scene=content["scene"],
            setting=dict(content["setting"]),
            frames=int(content["frames"]),
            tallies={
                name: Tally(sum=float(tally["sum"]), count=int(tally["count"]))
                for name, tally in content["tallies"].items()
            },
            values={
                name: SceneValue(value=float(value["value"]), weight=float(value["weight"]))
                for name, value in content["values"].items()
            },
            details={name: float(value) for name, value in content["details"].items()},
        )


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All metrics of one data set in one setting.

    Attributes:
        dataset: its name.
        setting: what the scores are of.
        scenes: number of scenes.
        frames: number of frames.
        metrics: by name. Those of tallies are pooled over pixels; those of values have the weighted mean over scenes
            as `value`, the plain one as `clip_mean`, and the number of scenes that have any as `count` and `clips`.
    """

    dataset: str
    setting: Mapping[str, str]
    scenes: int
    frames: int
    metrics: Mapping[str, Statistic]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; NaN becomes null."""
        metrics = {
            name: {
                "value": _or_none(statistic.value),
                "standard_error": _or_none(statistic.standard_error),
                "scene_mean": _or_none(statistic.clip_mean),
                "count": statistic.count,
                "scenes": statistic.clips,
            }
            for name, statistic in self.metrics.items()
        }
        head = {"dataset": self.dataset, "setting": dict(self.setting), "scenes": self.scenes, "frames": self.frames}
        return {**head, "metrics": metrics}


def summarise(
    scores: Iterable[SceneScores],
    roots: Mapping[str, str] | None = None,
    derive: Callable[[Mapping[str, float]], Mapping[str, float]] = lambda _: {},
) -> tuple[Summary, ...]:
    """One summary per data set and setting, in the order in which they first appear; the order of scenes is no matter.

    Args:
        scores: of all scenes.
        roots: tallies of squares whose mean is reported as its root: name of the tally to name of the metric.
        derive: numbers made of the values of a summary's metrics; they have no standard error and no mean over scenes.
    """
    groups: dict[tuple[Any, ...], list[SceneScores]] = {}
    for score in scores:
        groups.setdefault((score.dataset, *score.setting.items()), []).append(score)
    return tuple(_with_derived(_summary(members, roots or {}), derive) for members in groups.values())


def _with_derived(summary: Summary, derive: Callable[[Mapping[str, float]], Mapping[str, float]]) -> Summary:
    made = {
        name: Statistic(value=value, standard_error=math.nan, clip_mean=math.nan, count=1, clips=summary.scenes)
        for name, value in derive({name: statistic.value for name, statistic in summary.metrics.items()}).items()
    }
    return replace(summary, metrics={**summary.metrics, **made})


def means_of_datasets(summaries: Sequence[Summary]) -> list[Summary]:
    """The unweighted mean over data sets of each setting that more than one has, as a data set called `mean`.

    A metric that one of the data sets lacks is NaN.
    """
    groups: dict[tuple[Any, ...], list[Summary]] = {}
    for summary in summaries:
        groups.setdefault(tuple(summary.setting.items()), []).append(summary)
    return [
        Summary(
            dataset="mean",
            setting=members[0].setting,
            scenes=sum(member.scenes for member in members),
            frames=sum(member.frames for member in members),
            metrics={name: _mean_of(name, members) for name in members[0].metrics},
        )
        for members in groups.values()
        if len(members) > 1
    ]


def _mean_of(name: str, members: list[Summary]) -> Statistic:
    found = [member.metrics[name] for member in members if name in member.metrics]
    mean = math.fsum(statistic.value for statistic in found) / len(members) if len(found) == len(members) else math.nan
    return Statistic(
        value=mean,
        standard_error=math.nan,
        clip_mean=mean,
        count=sum(statistic.count for statistic in found),
        clips=sum(statistic.clips for statistic in found),
    )


def _summary(members: list[SceneScores], roots: Mapping[str, str]) -> Summary:
    metrics = {
        roots.get(name, name): Statistic.of(
            (member.tallies[name] for member in members if name in member.tallies), root=name in roots
        )
        for name in dict.fromkeys(name for member in members for name in member.tallies)
    }
    for name in dict.fromkeys(name for member in members for name in member.values):
        metrics[name] = _mean([member.values[name] for member in members if name in member.values])
    return Summary(
        dataset=members[0].dataset,
        setting=members[0].setting,
        scenes=len({member.scene for member in members}),
        frames=sum(member.frames for member in members),
        metrics=metrics,
    )


def _mean(values: list[SceneValue]) -> Statistic:
    """Weighted mean over the scenes that have a value."""
    present = [value for value in values if not math.isnan(value.value) and value.weight > 0]
    weight = math.fsum(value.weight for value in present)
    plain = math.fsum(value.value for value in present) / len(present) if present else math.nan
    weighted = math.fsum(value.weight * value.value for value in present) / weight if present else math.nan
    count = len(present)
    spread = math.fsum((value.value - plain) ** 2 for value in present)
    error = math.sqrt(spread / (count - 1) / count) if count > 1 and math.isfinite(spread) else math.nan
    return Statistic(value=weighted, standard_error=error, clip_mean=plain, count=count, clips=count)


def _told(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
