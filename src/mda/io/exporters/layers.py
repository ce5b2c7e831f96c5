"""Layered depth: the nearest and the farthest surface that the density of each pixel holds, with their masses."""

import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mda.errors import InputError
from mda.geometry import points_from_depth
from mda.io.atomic import atomic_file
from mda.io.clouds import RunCloud
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.glb import glb_scene, median_depth
from mda.io.exporters.npz_files import NpzWriter
from mda.io.exporters.views import exact_camera
from mda.io.glb import linear_colors
from mda.io.run import Run
from mda.mixtures import DepthMixture
from mda.shapes import Float32, Int, UInt8, ndarray

_LOGGER = logging.getLogger(__name__)
_FLOATS = ("front_depth", "back_depth", "front_mass", "back_mass")


@dataclass(frozen=True, kw_only=True)
class LayeredView:
    """Surfaces at the pixels of a view that the filters take.

    Attributes:
        position: of the view in the run.
        pixels: [n] numbers of the pixels, row by row.
        front_depth, front_mass: [n] of the nearest surface.
        back_depth, back_mass: [n] of the farthest one; NaN and zero where there is only one.
        count: [n] number of surfaces.
        colors: [n, 3] of the pixels.
    """

    position: int
    pixels: Int[ndarray, " n"]
    front_depth: Float32[ndarray, " n"]
    back_depth: Float32[ndarray, " n"]
    front_mass: Float32[ndarray, " n"]
    back_mass: Float32[ndarray, " n"]
    count: UInt8[ndarray, " n"]
    colors: UInt8[ndarray, "n 3"]


def export_ldi(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write front_depth, back_depth, front_mass, back_mass and count [v, h, w], image, cameras, names and numbers.

    Depth is NaN and mass zero where the filters take nothing; so is the back where there is one surface only. Takes 17
    bytes of memory for each pixel of the run.

    Raises:
        InputError: the run has no densities, or its views differ in size.
        OutputError: the file cannot be written.
    """
    cloud = RunCloud(run, settings.filters)
    positions = list(cloud.counts)
    sizes = {run.depth(position).shape for position in positions}
    if len(sizes) > 1:
        message = (
            f"The views of {run.path} differ in size and do not fit one array; export them with --views one by one."
        )
        raise InputError(message)
    shape = (len(positions), *(sizes.pop() if sizes else (0, 0)))
    maps: dict[str, ndarray] = {name: np.full(shape, np.nan if "depth" in name else 0, np.float32) for name in _FLOATS}
    maps["count"] = np.zeros(shape, np.uint8)
    several = 0
    for view in layered_views(run, cloud):
        index = positions.index(view.position)
        for name, values in maps.items():
            values[index].reshape(-1)[view.pixels] = getattr(view, name)
        several += int((view.count > 1).sum())
    cameras = [exact_camera(run, position) for position in positions]
    with atomic_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        writer = NpzWriter(archive)
        for name, values in maps.items():
            writer.add_whole(name, values)
        writer.add("image", np.uint8, (*shape, 3), (run.color(position) for position in positions))
        writer.add_whole("world_from_cam", np.array([camera.world_from_cam.numpy() for camera in cameras]))
        writer.add_whole("intrinsics", np.array([camera.intrinsics.numpy() for camera in cameras]))
        writer.add_whole("names", np.array([run.names[position] for position in positions]))
        writer.add_whole("numbers", np.array([run.numbers[position] for position in positions]))
    return _report(path, cloud, several)


def export_layers_glb(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write two clouds for each view, front and back, with the mass of each point as the attribute _MASS, and cameras.

    Raises:
        InputError: the run has no densities.
        ConfigError: the file would exceed 4 GB.
        OutputError: the file cannot be written.
    """
    cloud = RunCloud(run, settings.filters)
    several = 0
    with glb_scene(path, run) as scene:
        for view in layered_views(run, cloud):
            behind = view.count > 1
            several += int(behind.sum())
            for group, depth, mass, keep in (
                ("front", view.front_depth, view.front_mass, np.ones_like(behind)),
                ("back", view.back_depth, view.back_mass, behind),
            ):
                if keep.any():
                    points = _points(run, view, depth)[keep]
                    scene.add_points(view.position, group, points, linear_colors(view.colors[keep]), _MASS=mass[keep])
        scene.add_cameras(list(cloud.counts), median_depth(run, list(cloud.counts)))
    return _report(path, cloud, several)


def layered_views(run: Run, cloud: RunCloud) -> Iterator[LayeredView]:
    """Surfaces of the densities of a run, view by view, at the pixels of a cloud.

    A view whose density is missing or damaged is left out, and noted in the cloud's problems.

    Raises:
        InputError: no view has one.
    """
    problems = []
    for points in cloud.views():
        try:
            mixture = _mixture(run, points.position)
        except InputError as error:
            problems.append(str(error))
            continue
        layers = _rows(mixture, points.pixels).layers()
        single = layers.count < 2
        yield LayeredView(
            position=points.position,
            pixels=points.pixels,
            front_depth=layers.front_depth.numpy(),
            front_mass=layers.front_mass.numpy(),
            back_depth=torch.where(single, torch.nan, layers.back_depth).numpy(),
            back_mass=torch.where(single, 0.0, layers.back_mass).numpy(),
            count=layers.count.to(torch.uint8).numpy(),
            colors=points.colors,
        )
    if problems and len(problems) == sum(count > 0 for count in cloud.counts.values()):
        raise InputError(problems[0])
    for problem in problems:
        _LOGGER.warning("%s The view is left out.", problem)
    cloud.problems += problems


def _mixture(run: Run, position: int) -> DepthMixture:
    """The density of a view.

    Raises:
        InputError: it is missing, damaged, or of another size.
    """
    mixture = run.mixture(position)
    if mixture is None:
        message = (
            f"{run.path} holds no density of view {run.numbers[position]}, from which layers are made; "
            "run the prediction again with --save-mixture."
        )
        raise InputError(message)
    if tuple(mixture.batch_shape) != run.depth(position).shape:
        message = f"{run.path}: the density of view {run.numbers[position]} has another size than its depth."
        raise InputError(message)
    return mixture


def _rows(mixture: DepthMixture, pixels: Int[ndarray, " n"]) -> DepthMixture:
    """The densities of some pixels of a view."""
    width = mixture.batch_shape[1]
    numbers = torch.from_numpy(pixels)
    return mixture[numbers // width, numbers % width]


def _points(run: Run, view: LayeredView, depth: Float32[ndarray, " n"]) -> Float32[ndarray, "n 3"]:
    """World points of the view's pixels at other depths."""
    camera = exact_camera(run, view.position)
    image = torch.full(camera.image_hw, torch.nan, dtype=torch.float64)
    image.view(-1)[torch.from_numpy(view.pixels)] = torch.from_numpy(depth).double()
    return points_from_depth(image, camera).reshape(-1, 3)[view.pixels].float().numpy()


def _report(path: Path, cloud: RunCloud, several: int) -> ExportReport:
    summary = f"{cloud.summary}, {several:,} pixels with a second surface"
    return ExportReport(path=path, summary=summary, problems=tuple(cloud.problems))
