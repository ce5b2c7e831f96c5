"""Clouds or meshes with cameras as GLB, which browsers, Blender and three.js open.

The world of the file is that of the run, turned half around the x axis by its root node: glTF has y up and z towards
the viewer. Each view has a node for its points or triangles and one for its camera, with a wire frame to see.
"""

import colorsys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mda.errors import ConfigError
from mda.geometry import Cameras, points_from_depth, quaternion_from_matrix, surface_triangles
from mda.io.atomic import atomic_file
from mda.io.clouds import RunCloud, kept_pixels
from mda.io.exporters.contract import ExportReport, ExportSettings
from mda.io.exporters.views import ChosenViews, exact_camera, solid_pixels
from mda.io.glb import LINES, POINTS, TRIANGLES, GlbBuilder, linear_colors
from mda.io.images import encode_image
from mda.io.run import Run
from mda.shapes import Float, Float32, ndarray

EDGE_RATIO = 0.05
"""Jump of depth that a mesh does not bridge where no filter says otherwise."""
_HALF_TURN = [1.0, 0.0, 0.0, 0.0]  # about x, as x, y, z, w: from OpenCV axes to those of glTF and back
_FRUSTUM_SHARE = 0.1  # depth of the wire frames, of the median depth of the run
_NEAR_SHARE = 0.01


def export_glb(run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    """Write points, or with `settings.mesh` one textured mesh for each view, and the cameras.

    Raises:
        ConfigError: a mesh is asked for with filters that take single points, or the file would exceed 4 GB.
        OutputError: the file cannot be written.
    """
    with glb_scene(path, run) as scene:
        if settings.mesh:
            return _meshes(scene, run, path, settings)
        cloud = RunCloud(run, settings.filters)
        for view in cloud.views():
            scene.add_points(view.position, "points", view.positions, linear_colors(view.colors))
        scene.add_cameras(list(cloud.counts), median_depth(run, list(cloud.counts)))
    return ExportReport(path=path, summary=cloud.summary, problems=tuple(cloud.problems))


class GlbScene:
    """The parts of a run in a GLB file; made by `glb_scene`."""

    def __init__(self, run: Run, builder: GlbBuilder) -> None:
        self._run = run
        self._builder = builder
        self._root = builder.node("mda", rotation=_HALF_TURN)
        self._groups: dict[str, int] = {}
        self._plain: int | None = None

    def add_points(
        self, position: int, group: str, positions: Float32[ndarray, "n 3"], colors: ndarray, **attributes: ndarray
    ) -> None:
        """Add points of a view."""
        if self._plain is None:
            self._plain = self._builder.material(name="points")
        mesh = self._builder.mesh(
            self._name(group, position), POINTS, positions, material=self._plain, COLOR_0=colors, **attributes
        )
        self._node(group, position, mesh=mesh)

    def add_mesh(
        self,
        position: int,
        positions: Float32[ndarray, "n 3"],
        triangles: ndarray,
        texture: bytes,
        places: Float32[ndarray, "n 2"],
    ) -> None:
        """Add triangles of a view with its image on them."""
        material = self._builder.material(texture=texture, name=self._run.names[position])
        mesh = self._builder.mesh(
            self._name("meshes", position),
            TRIANGLES,
            positions,
            material=material,
            indices=triangles.reshape(-1).astype(np.uint32),
            TEXCOORD_0=places,
        )
        self._node("meshes", position, mesh=mesh)

    def add_cameras(self, positions: list[int], depth: float) -> None:
        """Add the cameras of views, drawn to about a tenth of a depth."""
        for index, position in enumerate(positions):
            camera = exact_camera(self._run, position)
            pose = camera.world_from_cam
            color = colorsys.hsv_to_rgb(index / len(positions), 0.8, 0.9)
            material = self._builder.material(color=(color[0], color[1], color[2]), name="camera")
            lens = self._builder.camera(
                yfov=float(camera.fov[0]),
                aspect=float((camera.fov[1] / 2).tan() / (camera.fov[0] / 2).tan()),
                near=_NEAR_SHARE * depth,
            )
            (fx, _, cx), (_, fy, cy), _ = camera.intrinsics.tolist()
            height, width = camera.image_hw
            extras = {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "width": width, "height": height}
            self._node(
                "cameras",
                position,
                camera=lens,
                mesh=self._builder.mesh(
                    self._name("cameras", position),
                    LINES,
                    _wire_frame(camera, _FRUSTUM_SHARE * depth),
                    material=material,
                ),
                translation=pose[:3, 3].tolist(),
                # Cameras of glTF look along -z with y up.
                rotation=quaternion_from_matrix(pose[:3, :3] * pose.new_tensor([1, -1, -1])).tolist(),
                extras=extras,
            )

    def _node(self, group: str, position: int, **content: Any) -> None:  # noqa: ANN401 - fields of a node
        if group not in self._groups:
            self._groups[group] = self._builder.node(group, parent=self._root)
        self._builder.node(self._name(group, position), parent=self._groups[group], **content)

    def _name(self, group: str, position: int) -> str:
        return f"{group} {self._run.numbers[position]:06d} {self._run.names[position]}"


@contextmanager
def glb_scene(path: Path, run: Run) -> Iterator[GlbScene]:
    """A GLB file of a run, which appears when the block ends without an error.

    Raises:
        OutputError: the file cannot be written.
    """
    with tempfile.TemporaryFile(dir=path.parent) as scratch:
        builder = GlbBuilder(scratch)
        yield GlbScene(run, builder)
        info = run.info
        extras = {"model": info.model, "licence": info.licence, "decoder": info.decoder}
        with atomic_file(path) as file:
            builder.write(file, generator=f"mda {metadata.version('mda')}", extras=extras)


def _meshes(scene: GlbScene, run: Run, path: Path, settings: ExportSettings) -> ExportReport:
    filters = settings.filters
    if filters.voxel is not None or filters.max_points is not None:
        message = "A mesh needs whole views: leave --voxel and --max-points out, or take fewer views (--views)."
        raise ConfigError(message)
    views = ChosenViews(run, filters)
    positions, count = [], 0
    for numbered in views:
        view, keep = numbered.view, torch.from_numpy(kept_pixels(numbered.view, filters))
        depth = torch.from_numpy(np.array(view.depth))
        triangles = surface_triangles(depth, keep, ratio=filters.edge_ratio or EDGE_RATIO)
        used, corners = triangles.unique(return_inverse=True)
        positions.append(numbered.position)
        if len(used):
            world = points_from_depth(depth.double(), numbered.camera).reshape(-1, 3)[used].float().numpy()
            height, width = depth.shape
            places = torch.stack([(used % width + 0.5) / width, (used // width + 0.5) / height], -1).float().numpy()
            texture = encode_image(view.color, "PNG", compress_level=3)
            scene.add_mesh(numbered.position, world, corners.numpy(), texture, places)
        count += len(triangles)
    scene.add_cameras(positions, median_depth(run, positions))
    return ExportReport(path=path, summary=f"{count:,} triangles of {len(positions)} views", problems=views.problems)


def median_depth(run: Run, positions: list[int]) -> float:
    """Median over views of the median depth; one where none is known."""
    return float(np.median(list(_medians(run, positions)) or [1.0]))


def _medians(run: Run, positions: list[int]) -> Iterator[float]:
    for position in positions:
        depth, sky = run.depth(position), run.sky(position)
        sample = depth[solid_pixels(depth, sky)]
        if sample.size:
            yield float(np.median(sample))


def _wire_frame(camera: Cameras, depth: float) -> Float[ndarray, "n 3"]:
    """Ends of the lines from the camera to the corners of its image and around it, in axes of glTF."""
    height, width = camera.image_hw
    corners = torch.tensor([[0.0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], dtype=torch.float64)
    rays = corners @ camera.intrinsics.inverse().T * torch.tensor([1.0, -1, -1], dtype=torch.float64) * depth
    apex = torch.zeros(3, dtype=torch.float64)
    lines = [(apex, ray) for ray in rays] + [(rays[i], rays[(i + 1) % 4]) for i in range(4)]
    return torch.stack([end for line in lines for end in line]).float().numpy()
