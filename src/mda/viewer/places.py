"""Where the runs are: one run, a folder of runs, or a folder of scenes that hold a run of each method."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mda.errors import InputError
from mda.io.names import is_hidden, natural_key

# eval_results/demo/<clip>/<model>, seen from eval_results.
_LEVELS = 3


@dataclass(frozen=True, kw_only=True)
class Place:
    """A run that can be opened.

    Attributes:
        label: what it is called in the list.
        path: its folder.
    """

    label: str
    path: Path


def is_run(path: Path) -> bool:
    """Whether the folder looks like a run."""
    return (path / "depth").is_dir()


def find_runs(paths: Sequence[Path], *, method: str | None = None) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """Runs in the given folders, and messages about links that were not followed.

    Args:
        paths: runs, or folders that hold runs up to three levels below.
        method: take only runs whose folder has this name, and call them by the folder above.

    Raises:
        InputError: a folder does not exist, or there is no run at all.
    """
    found: list[Path] = []
    labels: list[str] = []
    problems: list[str] = []
    for root in paths:
        if not root.is_dir():
            message = f"{root} is not a folder; give a run, as `mda predict --out` writes it, or a folder of runs."
            raise InputError(message)
        for run in _runs_below(root, problems):
            # The name of a run that was given by itself: that of the folder, also for `.` and `..`.
            relative = root.resolve().name if run == root else str(run.relative_to(root))
            if method is not None:
                if Path(relative).name != method:
                    continue
                above = str(Path(relative).parent)
                relative = above if above != "." else relative
            found.append(run)
            labels.append(relative)
    if not found:
        which = f" with the name {method}" if method else ""
        where = ", ".join(map(str, paths))
        reasons = "".join(f" {problem}" for problem in problems)
        message = f"There is no run{which} in {where}; give a folder that `mda predict --out` wrote.{reasons}"
        raise InputError(message)
    return tuple(Place(label=label, path=path) for label, path in zip(_told_apart(labels), found, strict=True)), tuple(
        problems
    )


def _runs_below(root: Path, problems: list[str], level: int = 0) -> Iterator[Path]:
    """The folder itself if it is a run, else the runs below it, in natural order."""
    if is_run(root):
        yield root
        return
    if level == _LEVELS:
        return
    try:
        folders = sorted((path for path in root.iterdir() if path.is_dir() and not is_hidden(path)), key=natural_key)
    except OSError as error:
        problems.append(f"{root} cannot be listed ({error.strerror}).")
        return
    for folder in folders:
        if folder.is_symlink() and not folder.resolve().is_relative_to(root.resolve()):
            problems.append(f"{folder} is a link that leads out of {root} and is not followed; name it to see it.")
            continue
        yield from _runs_below(folder, problems, level + 1)


def _told_apart(labels: Sequence[str]) -> list[str]:
    """The labels, with a number behind those that came before."""
    seen: dict[str, int] = {}
    told = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        told.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return told
