"""Pictures and films of runs without a browser."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from mda.errors import ConfigError, InputError, OutputError
from mda.io.images import write_png
from mda.io.run import load_run
from mda.io.video_writing import write_video
from mda.shapes import UInt8, ndarray
from mda.viewer.densities import Densities, has_densities
from mda.viewer.display import SKY_FACTOR
from mda.viewer.drawing import Clouds, Look, draw
from mda.viewer.poses import Pose
from mda.viewer.samples import Samples
from mda.viewer.scene import Extent, Scene
from mda.viewer.splatting import render
from mda.viewer.trajectory import along, frame_count, orbit, through
from mda.viewer.view_files import read_view

_THREADS, _AHEAD = 2, 4
_SWING = 40.0
WAYS = ("swing", "orbit", "cameras", "views")
"""Ways that need no file: to and fro, all around, along the cameras, and view after view from one place."""


class Cancelled(Exception):  # noqa: N818 - no error: somebody changed their mind
    """The film is not wanted any more; nothing is left of it."""


@dataclass(frozen=True, kw_only=True)
class FilmSettings:
    """How a picture or film is made.

    Attributes:
        image_hw: size of the picture.
        fps: pictures per second.
        seconds: length; that of `views` follows from the number of views.
        way: one of `WAYS`, or a file with a view or keypoints that the viewer saved.
        max_points: points to load.
        point_size: 1 is about the spacing of the pixels.
        look: filters, decoder, layers and colours.

    Raises:
        ConfigError: a number makes no picture.
    """

    image_hw: tuple[int, int] = (720, 1280)
    fps: float = 24.0
    seconds: float = 8.0
    way: str = "swing"
    max_points: int = 2_000_000
    point_size: float = 1.0
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        """Check the numbers."""
        numbers = {"height": self.image_hw[0], "width": self.image_hw[1]}
        for name, value in numbers.items():
            if not 16 <= value <= 8192:
                message = f"A picture cannot have a {name} of {value}; choose 16 to 8192 pixels."
                raise ConfigError(message)
        for name, value, most in (("fps", self.fps, 240), ("seconds", self.seconds, 3600)):
            if not 0 < value <= most:
                message = f"A film cannot have {name} = {value}; choose a number above 0 and up to {most}."
                raise ConfigError(message)


def film(
    path: Path,
    clouds: Clouds,
    poses: Sequence[Pose],
    settings: FilmSettings,
    *,
    size: float,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write what the poses see as MP4; returns the number of pictures.

    Args:
        path: the file.
        clouds: the points.
        poses: of the camera, one for each picture.
        settings: size and rate.
        size: of the points in units of the world.
        on_progress: told the number of pictures made; may raise `Cancelled`.

    Raises:
        OutputError: the file cannot be written.
    """
    positions, colors = clouds.positions, clouds.colors

    def picture(pose: Pose) -> UInt8[ndarray, "h w 3"]:
        return render(positions, colors, pose, settings.image_hw, size=size)

    return write_video(path, _told(_ahead(picture, poses), on_progress), fps=settings.fps)


def film_views(
    path: Path,
    scene: Scene,
    extent: Extent,
    pose: Pose,
    settings: FilmSettings,
    *,
    size: float,
    positions: Iterable[int] | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the points of view after view, seen from one place, as MP4; returns the number of pictures.

    Args:
        path: the file.
        scene: the run.
        extent: of the scene.
        pose: of the camera.
        settings: size, rate and look.
        size: of the points in units of the world.
        positions: views to show; None shows all.
        on_progress: told the number of pictures made; may raise `Cancelled`.

    Raises:
        OutputError: the file cannot be written.
    """

    def picture(position: int) -> UInt8[ndarray, "h w 3"]:
        samples = scene.frame(position, settings.max_points)
        display = replace(settings.look.display, first=position, last=position)
        clouds = clouds_of(scene, extent, samples, replace(settings.look, display=display))
        return render(clouds.positions, clouds.colors, pose, settings.image_hw, size=size)

    chosen = range(len(scene.cameras)) if positions is None else positions
    return write_video(path, _told(map(picture, chosen), on_progress), fps=settings.fps)


def film_run(
    run: Path,
    path: Path,
    settings: FilmSettings,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int], None] = lambda _: None,
) -> str:
    """Make a picture (.png) or a film (.mp4) of a run, without a browser; returns what was made, for people.

    Raises:
        InputError: the run or the file of the way cannot be read, or there is nothing to see.
        ConfigError: the ending of the file is another one.
        OutputError: the file is there already, or cannot be written.
    """
    if path.suffix.lower() not in {".png", ".mp4"}:
        message = f"{path} is neither a picture nor a film; end its name in .png or .mp4."
        raise ConfigError(message)
    if path.exists() and not overwrite:
        message = f"{path} is there already; choose another place, or replace it (--overwrite)."
        raise OutputError(message)
    keys = () if settings.way in WAYS else read_view(Path(settings.way))
    scene = Scene(load_run(run))
    samples = scene.load(settings.max_points)
    extent = scene.extent()
    pose = keys[0] if keys else scene.first_pose(extent)
    if pose is None or len(samples) == 0:
        message = f"There is nothing to see in {run}. " + " ".join(scene.problems)
        raise InputError(message.strip())
    size = settings.point_size * scene.point_unit(extent)
    path.parent.mkdir(parents=True, exist_ok=True)
    if settings.way == "views" and path.suffix.lower() == ".mp4":
        count = film_views(path, scene, extent, pose, settings, size=size, on_progress=on_progress)
        return f"{count} views"
    clouds = clouds_of(scene, extent, samples, settings.look)
    if path.suffix.lower() == ".png":
        write_png(path, render(clouds.positions, clouds.colors, pose, settings.image_hw, size=size))
        return f"{len(clouds):,} points"
    poses = _way(scene, extent, pose, keys, settings)
    count = film(path, clouds, poses, settings, size=size, on_progress=on_progress)
    return f"{count} pictures of {len(clouds):,} points"


def clouds_of(scene: Scene, extent: Extent, samples: Samples, look: Look) -> Clouds:
    """The clouds of samples, densities read where the look needs them."""
    wanted = look.needs_densities and has_densities(scene.run)
    densities = Densities(scene.run, samples) if wanted else None
    return draw(samples, look, densities=densities, sky_depth=SKY_FACTOR * extent.far, views=len(scene.cameras))


def _way(scene: Scene, extent: Extent, pose: Pose, keys: Sequence[Pose], settings: FilmSettings) -> list[Pose]:
    count = frame_count(settings.seconds, settings.fps)
    if keys:
        return through(keys, count) if len(keys) > 1 else [keys[0]] * count
    if settings.way == "cameras":
        return along(scene.cameras, count)
    return orbit(pose, extent.center, count, degrees=_SWING if settings.way == "swing" else 360.0)


def _ahead(
    function: Callable[[Pose], UInt8[ndarray, "h w 3"]], items: Sequence[Pose]
) -> Iterator[UInt8[ndarray, "h w 3"]]:
    """Results in order, made by several threads that are never far ahead of the one who takes them."""
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(items), _AHEAD):
            yield from threads.map(function, items[start : start + _AHEAD])


def _told(
    pictures: Iterable[UInt8[ndarray, "h w 3"]], on_progress: Callable[[int], None]
) -> Iterator[UInt8[ndarray, "h w 3"]]:
    """The pictures, with their number told."""
    for number, picture in enumerate(pictures, 1):
        on_progress(number)
        yield picture
