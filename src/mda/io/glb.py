"""Binary glTF 2.0 files, the part of the format that clouds, meshes and cameras need.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html. Axes of glTF are x right, y up, z towards the viewer. Arrays
go to a scratch file as they come, so that a file of any size needs little memory.
"""

import json
import shutil
import struct
from typing import Any, BinaryIO

import numpy as np

from mda.errors import ConfigError
from mda.shapes import Float, Float32, Shaped, UInt8, ndarray

POINTS, LINES, TRIANGLES = 0, 1, 4
_MAGIC, _VERSION, _JSON, _BINARY = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_ARRAY, _INDICES = 34962, 34963
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
_COMPONENTS = {np.dtype(np.uint8): 5121, np.dtype(np.uint16): 5123, np.dtype(np.uint32): 5125, np.dtype("f4"): 5126}
# Lengths in the file are 32-bit numbers; some room for the description.
_MAX_BYTES = 2**32 - 2**26


class GlbBuilder:
    """Collects the parts of a file and writes it.

    Args:
        scratch: an empty file, open for reading and writing, that takes the arrays.
    """

    def __init__(self, scratch: BinaryIO) -> None:
        self._scratch = scratch
        self._size = 0
        self._parts: dict[str, list[dict[str, Any]]] = {}
        self._roots: list[int] = []

    def accessor(self, values: Shaped[ndarray, "n ..."], *, indices: bool = False, bounds: bool = False) -> int:
        """Add an array of vertices or of indices; integers are read as shares of their largest value.

        Args:
            values: [n] or [n, 2 .. 4] of float32, or of unsigned integers.
            indices: they number vertices.
            bounds: note the smallest and largest values, which positions need.

        Raises:
            ConfigError: the file becomes too large for the format.
        """
        description: dict[str, Any] = {
            "bufferView": self._buffer(np.ascontiguousarray(values).data, _INDICES if indices else _ARRAY),
            "componentType": _COMPONENTS[values.dtype],
            "count": len(values),
            "type": _KINDS[1 if values.ndim == 1 else values.shape[1]],
        }
        if values.dtype.kind == "u" and not indices:
            description["normalized"] = True
        if bounds:
            description |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        return self._add("accessors", description)

    def material(
        self, *, color: tuple[float, float, float] = (1.0, 1.0, 1.0), texture: bytes | None = None, name: str = ""
    ) -> int:
        """Add a material that shows its colours as they are, without light, from both sides.

        Args:
            color: linear red, green and blue.
            texture: a PNG.
            name: for people.
        """
        surface: dict[str, Any] = {"baseColorFactor": [*color, 1.0], "metallicFactor": 0.0, "roughnessFactor": 1.0}
        if texture is not None:
            image = self._add("images", {"bufferView": self._buffer(texture), "mimeType": "image/png"})
            surface["baseColorTexture"] = {"index": self._add("textures", {"source": image})}
        content = {"pbrMetallicRoughness": surface, "doubleSided": True, "extensions": {"KHR_materials_unlit": {}}}
        return self._add("materials", content | ({"name": name} if name else {}))

    def mesh(
        self,
        name: str,
        mode: int,
        positions: Float[ndarray, "n 3"],
        *,
        material: int,
        indices: Shaped[ndarray, " m"] | None = None,
        **attributes: Shaped[ndarray, "..."],
    ) -> int:
        """Add points, lines or triangles with attributes by their glTF names, such as COLOR_0."""
        named = {"POSITION": self.accessor(positions.astype("f4", copy=False), bounds=True)}
        named |= {name: self.accessor(values) for name, values in attributes.items()}
        primitive: dict[str, Any] = {"mode": mode, "attributes": named, "material": material}
        if indices is not None:
            primitive["indices"] = self.accessor(indices, indices=True)
        return self._add("meshes", {"name": name, "primitives": [primitive]})

    def camera(self, *, yfov: float, aspect: float, near: float) -> int:
        """Add a perspective camera without a far end."""
        lens = {"yfov": yfov, "aspectRatio": aspect, "znear": near}
        return self._add("cameras", {"type": "perspective", "perspective": lens})

    def node(self, name: str, *, parent: int | None = None, **content: Any) -> int:  # noqa: ANN401 - fields of a node
        """Add a node below another one, or at the top of the scene."""
        number = self._add("nodes", {"name": name, **content})
        if parent is None:
            self._roots.append(number)
        else:
            self._parts["nodes"][parent].setdefault("children", []).append(number)
        return number

    def write(self, file: BinaryIO, *, generator: str, extras: dict[str, Any]) -> None:
        """Write the file."""
        content: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": generator, "extras": extras},
            "scene": 0,
            "scenes": [{"nodes": self._roots}],
            **self._parts,
        }
        if self._size:
            content["buffers"] = [{"byteLength": self._size}]
        if "materials" in self._parts:
            content["extensionsUsed"] = ["KHR_materials_unlit"]
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = 8 + len(text) + (8 + self._size if self._size else 0)
        file.write(struct.pack("<5I", _MAGIC, _VERSION, 12 + chunks, len(text), _JSON))
        file.write(text)
        if self._size:
            file.write(struct.pack("<2I", self._size, _BINARY))
            self._scratch.seek(0)
            shutil.copyfileobj(self._scratch, file, 2**20)

    def _buffer(self, data: memoryview | bytes, target: int | None = None) -> int:
        size = memoryview(data).nbytes
        if self._size + size > _MAX_BYTES:
            message = (
                "A GLB file cannot hold more than 4 GB; take fewer views or points (--views, --max-points, --voxel)."
            )
            raise ConfigError(message)
        self._scratch.write(data)
        self._scratch.write(bytes(-size % 4))
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": size}
        self._size += size + -size % 4
        return self._add("bufferViews", view if target is None else view | {"target": target})

    def _add(self, kind: str, content: dict[str, Any]) -> int:
        self._parts.setdefault(kind, []).append(content)
        return len(self._parts[kind]) - 1


def linear_colors(colors: UInt8[ndarray, "n 3"]) -> Float32[ndarray, "n 3"]:
    """Colours of images as COLOR_0, which is linear light.

    In 8 bits dark tones of linear light would fall together, and common readers do not understand 16.
    """
    return _LINEAR[colors]


def _linear_of_srgb() -> Float32[ndarray, "256"]:
    """IEC 61966-2-1."""
    value = np.arange(256) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_of_srgb()
