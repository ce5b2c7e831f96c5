"""What a benchmark is made of: data sets of scenes, scenes of frames, and a score per scene.

A new data set is a `Dataset` with a function that lists its scenes; a new benchmark is a `Benchmark` with a function
that scores one scene. Predicting, resuming, checking counts, pooling and tables are the same for all
(`mda.evaluation.predicting`, `mda.evaluation.scoring`, `mda.evaluation.report`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mda.errors import InputError
from mda.evaluation.predictions import ScenePrediction
from mda.evaluation.scores import SceneScores, Summary
from mda.shapes import Bool, Float, Shaped, Tensor, UInt8, ndarray

CLEAN = "clean"
"""Name of the variant whose images are as they are in the data set."""


@dataclass(frozen=True, kw_only=True)
class FrameTruth:
    """What is known of one frame.

    Attributes:
        depth: z-depth (single or double precision, which some published numbers depend on); anything outside `mask`.
        mask: pixels whose depth is known.
        intrinsics: in pixels of `depth`, the centre of the top-left pixel at (0.5, 0.5); None where unknown.
        world_from_cam: OpenCV pose; None where unknown.
        extras: what only some data sets know (edge maps, sky, surfaces), by name.
    """

    depth: Float[ndarray, "h w"]
    mask: Bool[ndarray, "h w"]
    intrinsics: Float[ndarray, "3 3"] | None = None
    world_from_cam: Float[ndarray, "4 4"] | None = None
    extras: Mapping[str, Shaped[ndarray, "..."]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One image of a scene; nothing is read before it is asked for.

    Attributes:
        name: file name, for messages, and to match predictions of other programs.
        read_image: RGB as the network is to see it, at its size.
        read_truth: ground truth at the size at which it is scored.
    """

    name: str
    read_image: Callable[[], UInt8[ndarray, "h w 3"]]
    read_truth: Callable[[], FrameTruth]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Frames that a network looks at together, and that are scored together.

    Attributes:
        dataset: name of the data set.
        name: unique in the data set; may hold slashes.
        frames: in the order in which they are looked at.
    """

    dataset: str
    name: str
    frames: tuple[Frame, ...]

    @property
    def file_name(self) -> str:
        """Its name as a file or folder."""
        return self.name.replace("/", "_")


@dataclass(frozen=True, kw_only=True)
class ViewSize:
    """What size of images a network takes: its usual longer side, and what sides must be multiples of."""

    long_side: int = 504
    patch: int = 14


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set in the layout of its publishers.

    Attributes:
        name: as it is typed and printed.
        folder: where it lies below the folder of all data.
        list_scenes: scenes of the data set in the given folder, for a network of the given size.
        scenes: number of scenes of the complete data set; None where that is not published.
        frames: number of frames of the complete data set; None where that is not published.
        title, licence, link: what it is called, under which terms it may be used, and where to get it.
    """

    name: str
    folder: str
    list_scenes: Callable[[Path, ViewSize], Sequence[Scene]]
    scenes: int | None = None
    frames: int | None = None
    title: str = ""
    licence: str = "see its page"
    link: str = ""

    def find(self, data: Path) -> Path | None:
        """Its folder below `data`, or `data` itself where that is the data set; None where it is not there."""
        below = data / self.folder
        if below.is_dir():
            return below
        return data if data.is_dir() and data.resolve().name == Path(self.folder).name else None


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the printed table.

    Attributes:
        metric: name of the metric.
        header: with an arrow that says which way is better.
        factor: what values are multiplied with for printing, e.g. 100 for percent.
        digits: after the point.
    """

    metric: str
    header: str
    factor: float = 1.0
    digits: int = 4


def unchanged(images: Float[Tensor, "v 3 h w"]) -> Float[Tensor, "v 3 h w"]:
    """The images as they are."""
    return images


def _as_they_are(scores: Sequence[SceneScores]) -> Sequence[SceneScores]:
    return scores


def _nothing(_: Mapping[str, float]) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Data sets, and how a prediction for a scene is scored.

    Attributes:
        name: as it is typed.
        protocol: which rules it follows, e.g. `published` or `corrected`.
        datasets: those to score.
        score: scores of one scene (in one variant), one `SceneScores` per setting.
        columns: of the printed table.
        variants: what is done to the images (RGB in 0..1) before a network sees them, by name.
        settings: everything else that decides the scores, as it is recorded with them.
        roots: tallies of squares whose mean is reported as its root: name of the tally to name of the metric.
        finish: what is made of the scores of all scenes before they are summarised, e.g. fitted on some of them.
        derive: numbers made of the pooled metrics of a data set and setting, by name (an F1 of pooled rates).
        figures: pictures (PNG) of the summaries, by file name.
        mixture: predictions are to keep their densities.
        mean_of_datasets: the unweighted mean over data sets is reported, too.
    """

    name: str
    protocol: str
    datasets: Sequence[Dataset]
    score: Callable[[Scene, str, ScenePrediction], Sequence[SceneScores]]
    columns: Sequence[Column]
    variants: Mapping[str, Callable[[Float[Tensor, "v 3 h w"]], Float[Tensor, "v 3 h w"]]] = field(
        default_factory=lambda: {CLEAN: unchanged}
    )
    settings: Mapping[str, object] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    finish: Callable[[Sequence[SceneScores]], Sequence[SceneScores]] = _as_they_are
    derive: Callable[[Mapping[str, float]], Mapping[str, float]] = _nothing
    figures: Mapping[str, Callable[[Sequence[Summary]], bytes]] = field(default_factory=dict)
    mixture: bool = False
    mean_of_datasets: bool = False


@dataclass(frozen=True, kw_only=True)
class FoundDataset:
    """A data set that is there.

    Attributes:
        dataset: what it should be.
        scenes: what was found, in the order of their names.
    """

    dataset: Dataset
    scenes: tuple[Scene, ...]

    @property
    def frames(self) -> int:
        """Number of frames found."""
        return sum(len(scene.frames) for scene in self.scenes)

    @property
    def complete(self) -> bool:
        """Whether as many scenes and frames were found as were published (so far as that is known)."""
        expected, found = (self.dataset.scenes, self.dataset.frames), (len(self.scenes), self.frames)
        return all(wanted is None or wanted == count for wanted, count in zip(expected, found, strict=True))


def find_datasets(benchmark: Benchmark, data: Path, size: ViewSize, *, partial: bool = False) -> list[FoundDataset]:
    """List the scenes of the benchmark's data sets below a folder.

    Args:
        benchmark: what to look for; data sets that are not there at all are left out, unless all are missing.
        data: folder of all data, or that of one data set.
        size: of the images that the network takes.
        partial: accept other numbers of scenes and frames than were published.

    Raises:
        InputError: nothing is there, a data set is incomplete, or two scenes have one name.
    """
    found = []
    for dataset in benchmark.datasets:
        folder = dataset.find(data)
        if folder is None:
            continue
        scenes = tuple(sorted(dataset.list_scenes(folder, size), key=lambda scene: scene.name))
        present = FoundDataset(dataset=dataset, scenes=scenes)
        _check_names(present, folder)
        if not scenes or not (present.complete or partial):
            message = (
                f"{folder} holds {len(scenes)} scenes with {present.frames} frames of {dataset.name}; expected "
                f"{_count(dataset.scenes)} with {_count(dataset.frames)}. Complete it (docs/evaluation.md tells how), "
                "or score what is there with --partial."
            )
            raise InputError(message)
        found.append(present)
    if not found:
        folders = ", ".join(dataset.folder for dataset in benchmark.datasets)
        message = f"{data} holds none of the data sets of {benchmark.name}; expected one of these folders: {folders}."
        raise InputError(message)
    return found


def _check_names(found: FoundDataset, folder: Path) -> None:
    names = [scene.file_name for scene in found.scenes]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        message = f"{folder} holds two scenes whose results would be called {double[0]}; rename one."
        raise InputError(message)


def _count(number: int | None) -> str:
    return "any number" if number is None else str(number)
