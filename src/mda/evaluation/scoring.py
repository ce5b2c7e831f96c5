"""The second loop of an evaluation: every scene's prediction is scored; finished scenes are not scored again."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mda
from mda.errors import InputError, OutputError
from mda.evaluation.benchmark import Benchmark, Scene
from mda.evaluation.predictions import open_prediction, prediction_path
from mda.evaluation.scores import SceneScores
from mda.io.atomic import make_folder, write_bytes
from mda.io.run_info import RUN_FILE

SCORES_FOLDER = "scores"


def score_scenes(
    benchmark: Benchmark,
    scenes: Sequence[Scene],
    predictions: Path,
    out: Path,
    *,
    model: str,
    workers: int = 1,
    on_scene: Callable[[], object] = lambda: None,
) -> list[SceneScores]:
    """Scores of all scenes and variants, in their order.

    Each scene's scores are written when they are known, and read back when the same is asked again: same model,
    prediction files, settings and version of mda.

    Args:
        benchmark: how to score.
        scenes: what to score.
        predictions: folder of the predictions.
        out: folder of the results.
        model: what to call what made the predictions.
        workers: scenes that are scored at the same time, by threads; memory grows with them.
        on_scene: called after each scene and variant.

    Raises:
        InputError: a prediction is missing or damaged, or lacks frames.
        OutputError: the folder cannot be written to, or holds results of another model.
    """

    def score(task: tuple[str, Scene]) -> list[SceneScores]:
        variant, scene = task
        source = _source(benchmark, predictions, variant, scene)
        file, identity = scene_file(out, variant, scene), _identity(benchmark, scene, variant, source, model)
        kept = read_scene(file, identity, model=model)
        if kept is None:
            prediction = open_prediction(source, tuple(frame.name for frame in scene.frames))
            kept = list(benchmark.score(scene, variant, prediction))
            write_scene(file, identity, kept)
        return kept

    tasks = [(variant, scene) for variant in benchmark.variants for scene in scenes]
    scores: list[SceneScores] = []
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        for found in pool.map(score, tasks):
            scores.extend(found)
            on_scene()
    finally:
        # After an error or Ctrl-C only scenes that are being scored are waited for.
        pool.shutdown(cancel_futures=True)
    return scores


def _source(benchmark: Benchmark, predictions: Path, variant: str, scene: Scene) -> Path:
    """Where the prediction of a scene lies."""
    source = prediction_path(predictions, variant, scene.dataset, scene.file_name)
    if not _exists(source) and list(benchmark.variants) == [variant]:
        # Other people's predictions need no folder for a variant where there is only one.
        return predictions / scene.dataset / scene.file_name
    return source


def scene_file(out: Path, variant: str, scene: Scene) -> Path:
    """Where the scores of a scene are kept."""
    return out / SCORES_FOLDER / variant / scene.dataset / f"{scene.file_name}.json"


def write_scene(file: Path, identity: dict[str, Any], scores: Iterable[SceneScores]) -> None:
    """Keep the scores of a scene.

    Raises:
        OutputError: the file cannot be written.
    """
    make_folder(file.parent)
    content = {"identity": identity, "scores": [score.as_dict() for score in scores]}
    write_bytes(file, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def read_scene(file: Path, identity: dict[str, Any], *, model: str) -> list[SceneScores] | None:
    """Scores that were kept; None where there are none, or they were made another way.

    Raises:
        OutputError: they are of another model.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        known = content["identity"]
        scores = [SceneScores.from_dict(score) for score in content["scores"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent, or half a file of a dead process: it is made again
    if known.get("model") != model:
        message = f"{file} holds results of {known.get('model')}, not of {model}; choose another folder with --out."
        raise OutputError(message)
    return scores if known == identity else None


def shard_of(scenes: Sequence[Scene], shard: tuple[int, int]) -> list[Scene]:
    """Every n-th scene from the k-th on, for `(k, n)` with k from 1 to n.

    Raises:
        InputError: there is no such shard.
    """
    part, parts = shard
    if not 1 <= part <= parts:
        message = f"There is no part {part} of {parts}; parts are numbered from 1 to {parts}."
        raise InputError(message)
    return list(scenes[part - 1 :: parts])


def _identity(benchmark: Benchmark, scene: Scene, variant: str, source: Path, model: str) -> dict[str, Any]:
    """What decides the scores of a scene, as it reads back from JSON."""
    content = {
        "model": model,
        "benchmark": benchmark.name,
        "protocol": benchmark.protocol,
        "settings": dict(benchmark.settings),
        "mda": mda.__version__,
        "variant": variant,
        "scene": scene.name,
        "frames": [frame.name for frame in scene.frames],
        "prediction": _state(source),
    }
    return json.loads(json.dumps(content))


def _state(source: Path) -> list[Any]:
    """Changes when a prediction is made again."""
    file = source.with_name(f"{source.name}.npz")
    told = source / RUN_FILE if (source / RUN_FILE).is_file() else file
    if not told.is_file():  # a run of the published release: its depth files tell
        files = sorted((source / "depth").glob("*.npy")) if source.is_dir() else []
        return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    return [told.name, told.stat().st_size, told.stat().st_mtime_ns]


def _exists(source: Path) -> bool:
    return source.is_dir() or source.with_name(f"{source.name}.npz").is_file()
