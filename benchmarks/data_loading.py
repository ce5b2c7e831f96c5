"""Views per second and core of every reader, against bare decoding of the same files, and the memory of a long epoch.

    python benchmarks/data_loading.py [--size 480x640] [--seconds 2] [--samples 10000] [--only tartanair]
    python benchmarks/data_loading.py --remote

Data sets are generated in each layout (`tests/unit/data/layouts.py`) in a temporary folder, with grainy pictures.
*Bare* decodes the picture, depth and mask files that the reader opens, and nothing else; *reader* makes raw views of
them; *clip* also crops and resizes them to 378 x 504. All in one process with one thread; files come from the page
cache, and time is that of the processor, so that other programs matter little. `--remote` compares clips of four views
from packed archives on disk and from a web server in another process of this machine, with and without a delay of its
answers; there time is that of the clock.
"""

import argparse
import gc
import io
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import h5py
import numpy as np
import OpenEXR
import torch
from PIL import Image

from mda.data.clips import ClipSource
from mda.data.contract import OpenedSource, open_source
from mda.data.files import FolderFiles
from mda.data.mix import Mix, MixConfig
from mda.data.packed import PackedLayout, pack_source
from mda.data.sources import SOURCES
from tests.unit.data import layouts, little_world
from tests.unit.data.server import serving

_CLIP_HW = (378, 504)
_CLIP_VIEWS = 4


def bare_decode(path: Path) -> None:
    """Decode a picture or an array with the library that is made for it; other files are nothing to decode."""
    kind = path.suffix
    if kind in {".png", ".jpg"}:
        np.asarray(Image.open(io.BytesIO(path.read_bytes())))
    elif kind == ".npy":
        np.load(io.BytesIO(path.read_bytes()))
    elif kind in {".dsp5", ".hdf5"} and "camera" not in path.name:
        with h5py.File(io.BytesIO(path.read_bytes())) as file:
            np.asarray(next(iter(file.values())))
    elif kind == ".exr":
        OpenEXR.File(str(path)).channels()


class _Listening(FolderFiles):
    """A folder that remembers which files were read."""

    read_files: list[str]

    def read(self, path: str) -> bytes:
        self.read_files.append(path)
        return super().read(path)


def files_of_views(source: OpenedSource, root: Path) -> list[list[Path]]:
    """For each frame the files that its reader opens."""
    listening = _Listening(root)
    found = []
    for scene in source.scenes:
        for frame in scene.frames:
            object.__setattr__(listening, "read_files", [])
            source.layout.read(listening, scene, frame, "")
            found.append([root / path for path in listening.read_files])
    return found


def per_second(
    action: Callable[[int], object], count: int, seconds: float, clock: Callable[[], float] = time.process_time
) -> float:
    """How often an action can be done in a second; its argument goes round through `count` numbers."""
    action(0)
    best = 0.0
    for _ in range(3):  # the best of three: other programs only make it slower
        done, since = 0, clock()
        while clock() - since < seconds / 3:
            action(done % count)
            done += 1
        best = max(best, done / (clock() - since))
    return best


def measure(name: str, layout: str, root: Path, seconds: float) -> str:
    """A row of the table."""
    layouts.WRITERS[name, layout](root)
    source = open_source(SOURCES[name], root)
    frames = [(scene, frame) for scene in source.scenes for frame in scene.frames]
    files = files_of_views(source, root)
    clips = ClipSource(source, most_views=2)
    rng = np.random.default_rng(0)

    def bare(number: int) -> None:
        for path in files[number]:
            bare_decode(path)

    decoding = per_second(bare, len(files), seconds)
    reading = per_second(lambda number: source.view(*frames[number]), len(frames), seconds)
    clipping = 2 * per_second(
        lambda number: clips.clip(number, views=2, image_hw=_CLIP_HW, rng=rng), len(clips), seconds
    )
    return f"| {name} | {layout} | {decoding:.0f} | {reading:.0f} | {decoding / reading:.2f} | {clipping:.0f} |"


def _serve(folder: Path, delay: float, told: Connection) -> None:
    """Serve a folder until something is received, then tell the number of requests."""
    with serving(folder) as server:
        server.delay = delay
        told.send(server.url)
        told.recv()
        told.send(server.count())


def measure_remote(root: Path, seconds: float) -> Iterator[str]:
    """Rows of the table of archives on disk and on a web server, the latter without and with a delay."""
    layouts.tartanair_published(root / "in")
    pack_source(open_source(SOURCES["tartanair"], root / "in"), root / "out", quality=100)

    def speed(place: Path | str) -> tuple[float, int]:
        clips = ClipSource(open_source(SOURCES["tartanair"], place, more=(PackedLayout(),)), most_views=_CLIP_VIEWS)
        made = [0]

        def clip(number: int) -> None:
            made[0] += _CLIP_VIEWS
            clips.clip(number, views=_CLIP_VIEWS, image_hw=_CLIP_HW, rng=np.random.default_rng(number))

        return _CLIP_VIEWS * per_second(clip, len(clips), seconds, time.perf_counter), made[0]

    near, _ = speed(root / "out")
    yield f"| disk | {near:.0f} | | |"
    for delay in (0.0, 0.05):
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(root / "out", delay, there))
        server.start()
        far, views = speed(here.recv())
        here.send("enough")
        yield f"| server, {delay * 1000:.0f} ms | {far:.0f} | {far / near:.2f} | {here.recv() / views:.2f} |"
        server.join()


def memory_over(samples: int, root: Path) -> list[tuple[int, float]]:
    """Memory of the process in MiB after so many samples (clips of one view) of a mix."""
    for name in ("tartanair", "vkitti2"):
        layouts.WRITERS[name, "published"](root / name)
    mix = Mix(
        MixConfig(
            root=root,
            sources={"tartanair": samples, "vkitti2": samples},
            folders={"tartanair": "tartanair", "vkitti2": "vkitti2"},
            min_views=1,
            num_views=2,
            sizes=((42, 56),),
            held_out=0.0,
        )
    )
    found = []
    for number in range(samples + 1):
        if number % max(1, samples // 10) == 0:
            gc.collect()
            found.append((number, resident_mib()))
        mix.clip(number, epoch=number // 1000, views=1, image_hw=(42, 56))
    return found


def resident_mib() -> float:
    """Memory of this process that is not swapped out (its largest so far where the system does not tell)."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="480x640")
    parser.add_argument("--grain", type=float, default=6.0)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--only")
    parser.add_argument("--remote", action="store_true", help="compare archives on disk and on a web server only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    height, width = map(int, arguments.size.split("x"))
    little_world.HW, little_world.GRAIN = (height, width), arguments.grain
    if arguments.remote:
        print("| archives on | views/s | of disk | requests per view |\n| --- | --- | --- | --- |")
        with tempfile.TemporaryDirectory() as folder:
            for row in measure_remote(Path(folder), arguments.seconds):
                print(row, flush=True)
        return
    if arguments.seconds > 0:
        print(f"views/s on one core, {width} x {height} pixels\n")
        print("| source | layout | bare decoding | reader | bare / reader | prepared clip |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name, layout in layouts.WRITERS:
            if arguments.only in {None, name}:
                with tempfile.TemporaryDirectory() as folder:
                    print(measure(name, layout, Path(folder), arguments.seconds), flush=True)
    if arguments.samples:
        little_world.HW, little_world.GRAIN = (48, 64), 0
        with tempfile.TemporaryDirectory() as folder:
            print("\n| samples | MiB |\n| --- | --- |")
            for number, mib in memory_over(arguments.samples, Path(folder)):
                print(f"| {number} | {mib:.1f} |")


if __name__ == "__main__":
    main()
