"""Many procedural scenes to disk: `mda synth`. The layout is that of `mda.data.folder`."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from mda.data.folder import SCENE_FILE, read_about, remove_partial_scenes, write_clip
from mda.errors import ConfigError, InputError
from mda.io.atomic import make_folder
from mda.synthetic.render import RenderOptions, render_clip

# Called with the number of scenes that are done and that are wanted.
Progress = Callable[[int, int], None]


def write_scenes(
    out: Path | str,
    *,
    clips: int,
    views: int = 4,
    image_hw: tuple[int, int] = (252, 336),
    seed: int = 0,
    workers: int = 1,
    options: RenderOptions | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Make scenes of the seeds `seed` ... `seed` + `clips` - 1 in the folder `out`; those already there are kept.

    Args:
        out: folder; a scene is the folder `scene_<seed>` in it.
        clips: number of scenes.
        views: views of each.
        image_hw: height and width in pixels.
        seed: first seed.
        workers: processes; with 1 everything happens in this one.
        options: see `RenderOptions`.
        progress: called once at the start and after each scene.

    Returns:
        The folders of the scenes.

    Raises:
        ConfigError: nothing to make.
        InputError: a scene of that seed is there but was made with other settings.
        OutputError: a scene cannot be written; those before it are kept, and the same call goes on from there.
    """
    if clips < 1 or workers < 1:
        message = f"Give at least 1 clip and 1 worker; found {clips} clips, {workers} workers."
        raise ConfigError(message)
    out, options = Path(out), options or RenderOptions()
    make_folder(out)
    remove_partial_scenes(out)
    scenes = {number: out / f"scene_{number:08d}" for number in range(seed, seed + clips)}
    missing = [number for number, path in scenes.items() if not _is_there(path, views, image_hw, options)]
    done = clips - len(missing)
    if progress is not None:
        progress(done, clips)
    for _ in _made(missing, scenes, (views, image_hw, options), workers):
        done += 1
        if progress is not None:
            progress(done, clips)
    return list(scenes.values())


def _made(
    seeds: list[int], scenes: dict[int, Path], settings: tuple[int, tuple[int, int], RenderOptions], workers: int
) -> Iterator[int]:
    """Make the scenes, here or in processes; yields after each."""
    if workers == 1 or len(seeds) < 2:
        for number in seeds:
            yield _make(number, scenes[number], *settings)
        return
    # Compile once here, not once in each process.
    render_clip(0, views=1, image_hw=(16, 16))
    queue = iter(seeds)
    # Not forked: the libraries that are loaded by now may hold locks and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(seeds)), mp_context=context) as pool:
        running: set[Future[int]] = set()
        try:
            while True:
                while len(running) < 2 * workers and (number := next(queue, None)) is not None:
                    running.add(pool.submit(_make, number, scenes[number], *settings))
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _make(seed: int, scene: Path, views: int, image_hw: tuple[int, int], options: RenderOptions) -> int:
    write_clip(scene, render_clip(seed, views=views, image_hw=image_hw, options=options))
    return seed


def _is_there(scene: Path, views: int, image_hw: tuple[int, int], options: RenderOptions) -> bool:
    """Whether the scene is complete; refuses one that was made with other settings."""
    if not scene.exists():
        return False
    about = read_about(scene)
    found = about.get("num_views"), about.get("height"), about.get("width"), about.get("info", {}).get("options")
    # Through JSON, as what was found has been.
    if found != (views, *image_hw, json.loads(json.dumps(options.as_dict()))):
        message = (
            f"{scene / SCENE_FILE} was made with other settings (views, size or options). "
            "Choose another output folder, or remove that scene."
        )
        raise InputError(message)
    return True
