"""Point clouds as binary PLY, which MeshLab, CloudCompare, Blender and Open3D open."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement, PlyParseError

from mda.errors import ConfigError, InputError
from mda.io.atomic import atomic_file
from mda.shapes import Float, Float32, Shaped, UInt8, ndarray
from mda.structures import PointCloud

_LOGGER = logging.getLogger(__name__)

_COMMENT = "mda: world of the first view, OpenCV axes (x right, y down, z forward)"
_POSITION, _NORMAL, _COLOUR = ("x", "y", "z"), ("nx", "ny", "nz"), ("red", "green", "blue")


@dataclass(frozen=True, kw_only=True)
class PlyPoints:
    """Points of a PLY file.

    Attributes:
        positions: [n, 3].
        colors: [n, 3] RGB, or None.
        normals: [n, 3], or None.
        confidence: [n], or None.
    """

    positions: Float32[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"] | None = None
    normals: Float32[ndarray, "n 3"] | None = None
    confidence: Float32[ndarray, " n"] | None = None


def write_ply(
    path: Path | str,
    positions: Float[ndarray, "n 3"],
    colors: UInt8[ndarray, "colors 3"] | None = None,
    *,
    normals: Float[ndarray, "normals 3"] | None = None,
    confidence: Float[ndarray, " confidences"] | None = None,
) -> int:
    """Write points as little-endian binary PLY, atomically; points that are not finite are left out.

    Returns:
        The number of points left out.

    Raises:
        OutputError: the file cannot be written.
        ConfigError: the arrays differ in length.
    """
    # The axes have names of their own so that users, too, get this message.
    lengths = {len(part) for part in (positions, colors, normals, confidence) if part is not None}
    if len(lengths) > 1:
        message = f"Points, colours, normals and confidence must have one length, found {sorted(lengths)}."
        raise ConfigError(message)
    keep = np.asarray(np.isfinite(positions).all(axis=1))
    dropped = int(keep.size - keep.sum())
    vertices = ply_vertices(positions, colors, normals=normals, confidence=confidence)
    with atomic_file(Path(path)) as file:
        _described(vertices if dropped == 0 else vertices[keep]).write(file)
    if dropped:
        _LOGGER.warning("%s: %d points that are not finite were left out.", path, dropped)
    return dropped


def ply_vertices(
    positions: Float[ndarray, "n 3"],
    colors: UInt8[ndarray, "n 3"] | None = None,
    *,
    normals: Float[ndarray, "n 3"] | None = None,
    confidence: Float[ndarray, " n"] | None = None,
) -> Shaped[ndarray, " n"]:
    """Points in the layout of the file: one record each, filled field by field."""
    fields = [(name, "<f4", positions[:, i]) for i, name in enumerate(_POSITION)]
    if normals is not None:
        fields += [(name, "<f4", normals[:, i]) for i, name in enumerate(_NORMAL)]
    if colors is not None:
        fields += [(name, "u1", colors[:, i]) for i, name in enumerate(_COLOUR)]
    if confidence is not None:
        fields.append(("confidence", "<f4", confidence))
    vertices = np.empty(len(positions), dtype=[(name, kind) for name, kind, _ in fields])
    for name, _, values in fields:
        vertices[name] = values
    return vertices


def ply_header(count: int, like: Shaped[ndarray, " n"]) -> bytes:
    """What stands before `count` records such as those of `ply_vertices` in a file."""
    # The library writes whole clouds only; its header needs no more than another number to announce a longer one.
    header = _described(like[:0]).header.replace("element vertex 0", f"element vertex {count}")
    return f"{header}\n".encode("ascii")


def _described(vertices: Shaped[ndarray, " n"]) -> PlyData:
    return PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<", comments=[_COMMENT])


def write_point_cloud(path: Path | str, cloud: PointCloud) -> int:
    """Write a point cloud with colours and confidence; see `write_ply`.

    Raises:
        OutputError: the file cannot be written.
    """
    confidence = None if cloud.confidence is None else cloud.confidence.detach().cpu().numpy()
    return write_ply(path, cloud.positions.detach().cpu().numpy(), cloud.colors.cpu().numpy(), confidence=confidence)


def read_ply(path: Path | str) -> PlyPoints:
    """Read the points of a PLY file, binary or text.

    Raises:
        InputError: the file is missing, damaged, or has no points.
    """
    path = Path(path)
    try:
        vertices = PlyData.read(str(path))["vertex"].data
        positions = _columns(vertices, _POSITION, np.float32)
    except (OSError, PlyParseError, KeyError, ValueError) as error:
        message = f"{path} is not a PLY file with points ({error}); copy or export it again."
        raise InputError(message) from error
    if positions is None:
        message = f"{path} has no x, y, z; export it again as a point cloud."
        raise InputError(message)
    confidence = _columns(vertices, ("confidence",), np.float32)
    return PlyPoints(
        positions=positions,
        colors=_columns(vertices, _COLOUR, np.uint8),
        normals=_columns(vertices, _NORMAL, np.float32),
        confidence=None if confidence is None else confidence[:, 0],
    )


def _columns(vertices: Shaped[ndarray, "..."], names: tuple[str, ...], kind: type) -> Shaped[ndarray, "..."] | None:
    """The named fields as columns, or None if the file lacks one."""
    if not set(names) <= set(vertices.dtype.names or ()):
        return None
    return np.stack([vertices[name].astype(kind) for name in names], axis=1)
